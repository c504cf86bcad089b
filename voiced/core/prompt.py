"""What the language model is told before every conversation, where the configuration says nothing else.

Small models do as they see, not as they are told: worked examples in the style of the answers that are
wanted do more than any instruction. The wording was chosen by measurement (see ARCHITECTURE.md).
"""

from __future__ import annotations

from typing import Final

SYSTEM_PROMPT: Final = "You are a helpful voice assistant. Reply with one short sentence."

EXAMPLES: Final = (
    ("how many days are in a week", "There are seven days in a week."),
    ("who wrote romeo and juliet", "William Shakespeare wrote Romeo and Juliet."),
    ("what do bees make", "Bees make honey."),
)
"""Questions as recognisers write them, lower case without marks, each with the answer wanted."""
