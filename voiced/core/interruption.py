"""Whether what was said beside an answer was meant to interrupt it. Pure.

Listeners cough, and say "mm-hm": the answer goes on after that. Words end it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MEANT_AFTER_MS: Final = 1200
"""Who speaks for so long wants to be heard, whatever was understood: a cough or "mm-hm" is over by then."""

_CERTAIN_WORDS: Final = 3
"""So many words, not yet final, are more than a listener's sounds are misheard for."""

_WORDS: Final = 2
_CONFIDENCE: Final = 0.35
_SPEECH_MS: Final = 1000
"""What words that no skill knows must be: so many, and understood with such confidence or said for so long,
pre-roll (300 ms) included. Of 80 coughs and knocks that pocketsphinx heard, one in four became a single word
and none passed this (measured)."""


@dataclass(frozen=True, slots=True)
class Interjection:
    """What was heard beside an answer so far.

    `words` are those understood (0 for a cough), `speech_ms` how long it has lasted. `is_pause` where the
    person has paused, so that the words are as good as final: then `confidence` (0..1) is theirs,
    `is_match` says whether a skill would act on them, and `is_stop` whether that would be to stop.
    `is_backchannel` says whether they only tell that somebody listens.
    """

    words: int
    speech_ms: float
    is_pause: bool = False
    confidence: float = 1.0
    is_backchannel: bool = False
    is_match: bool = False
    is_stop: bool = False


def is_meant(heard: Interjection, *, only_stop: bool = False) -> bool | None:
    """Whether it interrupts; None while that is open. With `only_stop` nothing does but to say so."""
    if only_stop:
        return heard.is_stop if heard.is_pause else None
    if heard.speech_ms >= _MEANT_AFTER_MS:
        return True
    if not heard.is_pause:
        return True if heard.words >= _CERTAIN_WORDS and not heard.is_backchannel else None
    if heard.words == 0 or heard.is_backchannel:
        return False
    is_clear = heard.confidence >= _CONFIDENCE or heard.speech_ms >= _SPEECH_MS
    return heard.is_match or (heard.words >= _WORDS and is_clear)
