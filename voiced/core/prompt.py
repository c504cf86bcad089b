"""What the language model is told before every conversation, where the configuration says nothing else.

Small models do as they see, not as they are told. Measured with SmolLM2-135M on 88 everyday questions,
written as recognisers write them (answers that can be checked and are right; answers of one or two short
sentences, at most 20 words): without the last sentence and the examples 49 of 76 and 23 of 88, with the
sentence 52 and 56, with the examples 54 and 82. Two or three answers more or less are chance: the wording
of the sentence did not matter; six or more examples, or ones that all begin alike, were no better.
"""

from __future__ import annotations

from typing import Final

SYSTEM_PROMPT: Final = "You are a helpful voice assistant. Reply with one short sentence."

EXAMPLES: Final = (
    ("what is the capital of portugal", "The capital of Portugal is Lisbon."),
    ("how many wheels does a car have", "A car has four wheels."),
    ("who wrote war and peace", "War and Peace was written by Leo Tolstoy."),
    ("why do we sleep", "We sleep so that our body and mind can rest."),
    ("hello", "Hello! How can I help you?"),
)
"""Questions as recognisers write them, lower case without marks, each with the answer wanted. A greeting
stands last: what stands there colours the next answer ("what do bees make" put bees into four of 38)."""
