"""Which of two readings is right, and how likely it is that none of its words is wrong."""

from __future__ import annotations

import math
from typing import Final

from voiced.engines.stt._sphinx_decoding import Reading

_MOST_LEAD: Final = 100.0
"""A lead beyond it says no more; in natural log-likelihood, as the leads are."""

_LEAST_LEAD: Final = -200.0

_CONSTANT: Final = 1.68
_AGREEMENT: Final = 1.21
_EXPECTED: Final = -1.76
_LEAD_OF_EXPECTED: Final = 0.0238
_LEAD_OF_GENERAL: Final = 0.0055
_LIKELIHOOD: Final = 1.53
_LETTERS: Final = 0.36
_MOST_LETTERS: Final = 10.0
"""A logistic regression on 493 readings: home commands and open questions in flite's and Piper's voices and
by people, clean and with noise, spelled names, other speech and noises. Held out by voice its area under
the ROC curve is 0.81; readings that it gives 0.7 to 0.9 were right in 87 % (measured here)."""

_FEWEST_LETTERS: Final = 3.0
"""Letters in a second below which it was hardly speech, which has ten to fifteen: steady noise makes one
short word of seconds, and a likely one."""


def choose(expected: Reading, general: Reading | None, frames: int) -> tuple[str, float]:
    """The likelier reading's text and its confidence (0..1), for an utterance of `frames` frames.

    Without a general reading there is nothing to compare with: the confidence is then at most 0.5.
    """
    if not expected.text and (general is None or not general.text):
        return "", 0.0
    if general is None:
        return expected.text, 0.5 * _speech_share(expected, frames)
    lead = min(max(expected.score - general.score, _LEAST_LEAD), _MOST_LEAD)
    chosen = expected if lead > 0 else general
    evidence = _CONSTANT + _LIKELIHOOD * chosen.score / max(1, frames)
    evidence += _LETTERS * min(_letters_a_second(chosen, frames), _MOST_LETTERS)
    if expected.text == general.text:
        evidence += _AGREEMENT
    if lead > 0:
        evidence += _EXPECTED + _LEAD_OF_EXPECTED * lead
    else:
        evidence -= _LEAD_OF_GENERAL * lead
    return chosen.text, _speech_share(chosen, frames) / (1 + math.exp(-evidence))


def _speech_share(reading: Reading, frames: int) -> float:
    return min(1.0, _letters_a_second(reading, frames) / _FEWEST_LETTERS)


def _letters_a_second(reading: Reading, frames: int) -> float:
    return 100 * len(reading.text.replace(" ", "")) / max(1, frames)
