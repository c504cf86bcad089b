"""Which of two readings is right, and how likely it is that none of its words is wrong."""

from __future__ import annotations

import math
from typing import Final

from voiced.engines.stt._sphinx_decoding import Reading

_MOST_LEAD: Final = 100.0
"""A lead beyond it says no more; in natural log-likelihood, as the leads are."""

_LEAST_LEAD: Final = -200.0

_CONSTANT: Final = 2.22
_AGREEMENT: Final = 1.33
_EXPECTED: Final = -2.73
_LEAD_OF_EXPECTED: Final = 0.0373
_LEAD_OF_GENERAL: Final = 0.0069
_LIKELIHOOD: Final = 0.95
"""A logistic regression on 452 readings: home commands and open questions in flite's and Piper's voices and
by people, clean and with noise, spelled names, other speech and noises. Held out by voice its area under
the ROC curve is 0.76; readings that it gives 0.7 to 0.9 were right in 88 % (measured here)."""


def choose(expected: Reading, general: Reading | None, frames: int) -> tuple[str, float]:
    """The likelier reading's text and its confidence (0..1), for an utterance of `frames` frames.

    Without a general reading there is nothing to compare with: the confidence is then a mere 0.5.
    """
    if general is None:
        return expected.text, 0.5 if expected.text else 0.0
    if not expected.text and not general.text:
        return "", 0.0
    lead = min(max(expected.score - general.score, _LEAST_LEAD), _MOST_LEAD)
    chosen = expected if lead > 0 else general
    evidence = _CONSTANT + _LIKELIHOOD * chosen.score / max(1, frames)
    if expected.text == general.text:
        evidence += _AGREEMENT
    if lead > 0:
        evidence += _EXPECTED + _LEAD_OF_EXPECTED * lead
    else:
        evidence -= _LEAD_OF_GENERAL * lead
    return chosen.text, 1 / (1 + math.exp(-evidence))
