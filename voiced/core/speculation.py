"""How much to do before it is certain that the person has finished. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_ANSWER_MS: Final = 700
"""Preparing an answer pays where it is ready about when a person who hesitates goes on: pauses inside
sentences last 300 to 900 ms. Beyond that the work only takes the processor from what is heard next."""

_LOOK_MS: Final = 400
"""The same for a transcript alone, which must be there before the silence that ends a turn (700 ms) is."""


class Speculation(StrEnum):
    """What is done at a pause; each level includes the ones before."""

    OFF = "off"
    """Nothing: the end of the turn is silence alone."""
    TRANSCRIPT = "transcript"
    """What was said is transcribed, and matched against the skills."""
    FIRST_CLAUSE = "first-clause"
    """The language model reads it, and the first clause of the answer is spoken, unheard."""


def affordable(look_ms: float, answer_ms: float) -> Speculation:
    """The level for a machine that takes so long to transcribe a second of speech, and to read a short
    question and speak the first clause of its answer.
    """
    if look_ms > _LOOK_MS:
        return Speculation.OFF
    if look_ms + answer_ms > _ANSWER_MS:
        return Speculation.TRANSCRIPT
    return Speculation.FIRST_CLAUSE
