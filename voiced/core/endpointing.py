"""How long to wait at a pause: the patience that a transcript earns. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from voiced.types import Transcript

WHOLE_SENTENCE_MS: Final = 300
"""Enough when all that was said is something that a skill does. None of 77 recorded commands has a
longer pause in it; 14 of 100 spelled names and numbers have, and they are no such thing."""

EMPTY_MS: Final = 1500
"""After sound that held no word: a cough, a hesitation, the last vowel of a wake word."""

_MIN_CONFIDENCE: Final = 0.3
"""That it is a whole sentence speaks for a transcript, too; less likely than this it is noise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at a pause.

    `transcript` is what was said so far; `is_whole` whether a skill would act on exactly that.
    """

    transcript: Transcript
    is_whole: bool = False


def patience_ms(evidence: Evidence, base_ms: int = 700) -> int:
    """The silence, in ms, that ends the utterance after `evidence`.

    `base_ms` is the configured one, for a transcript that says nothing either way. At 700 ms none of
    177 recorded commands, names and numbers is cut; at 500 ms 3, at 300 ms 14 (measured here).
    """
    if not evidence.transcript.text:
        return max(base_ms, EMPTY_MS)
    if evidence.is_whole and evidence.transcript.confidence >= _MIN_CONFIDENCE:
        return min(base_ms, WHOLE_SENTENCE_MS)
    return base_ms
