"""How long to wait at a pause: the patience that what was said so far earns. Pure.

A person who has finished should not wait, and one who thinks must not be cut off. What tells the two apart
is what was said: a whole command ends, "set a timer for" hangs. Every estimate of that (a skill's match, the
sentences that are expected, the language model's own next word) is brought to one number, the probability
that the utterance is whole; the patience falls with it from `LONGEST_MS` to `SHORTEST_MS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

SHORTEST_MS: Final = 180
"""After what is surely whole: with the 50 ms in which a last sound fades, about 230. Shorter ones would fall
into the stops between syllables."""

LONGEST_MS: Final = 1300
"""After what surely hangs: people who look for a word in the middle of a sentence take up to a second."""

EMPTY_MS: Final = 1500
"""After sound that held no word: a cough, a hesitation, the last vowel of a wake word."""

_WHOLE: Final = 0.85
_HANGS: Final = 0.15
"""Probabilities of being whole beyond which nothing is left to doubt."""

_SURE_CONFIDENCE: Final = 0.35
_NO_CONFIDENCE: Final = 0.05
_DOUBTFUL_MS: Final = 350
"""Confidences of a transcript between which it is believed more and more, and the least silence after what is
not believed at all. Not much more than after what is: a sentence that was misheard is mostly still whole
where the one that was said is, and hangs where that hangs."""

_DOUBT: Final = 2.0
"""By how much doubt raises the power of a probability: what is not quite surely whole seems to hang then."""

_MATCH: Final = 0.9
_OPEN_ENDED: Final = 0.35
_UNKNOWN_OPEN_MATCH: Final = 0.5
_ENDS_OFTEN: Final = 0.5
"""How surely a sentence that a skill acts on is whole: where half of the expected sentences that begin so end
there, or nothing is known of that; where nearly all of them go on ("turn on the lights"); where its last
words may be any ("remind me to call the") and nothing is known."""

_COMMAND_SHARE: Final = 0.02
_COMMAND: Final = 0.5
"""What is the beginning of commands, of which fewer than this share end here, is at most so surely whole
whatever the language model says: it takes "set a timer for five" for a sentence."""

_MEMORY_PAUSES: Final = 12
"""Over how many pauses of a person their habit is averaged: the weight of an older one falls to a third."""

_HABIT_SPREADS: Final = 1.5
_TYPICAL_PAUSE_MS: Final = 350
_TYPICAL_SPREAD_MS: Final = 150


@dataclass(frozen=True, slots=True)
class PauseHabit:
    """How long this person's pauses inside sentences are: averages that forget slowly, in ms.

    Begins with what is typical of people who speak to a machine; both are averages over pauses that were
    not the end, `spread_ms` of how far these lie from the mean.
    """

    mean_ms: float = _TYPICAL_PAUSE_MS
    spread_ms: float = _TYPICAL_SPREAD_MS

    def after(self, pause_ms: float) -> PauseHabit:
        """The habit after one more pause, of `pause_ms`, that the person ended by going on."""
        share = 1 / _MEMORY_PAUSES
        mean_ms = self.mean_ms + share * (pause_ms - self.mean_ms)
        spread_ms = self.spread_ms + share * (abs(pause_ms - mean_ms) - self.spread_ms)
        return replace(self, mean_ms=mean_ms, spread_ms=spread_ms)

    @property
    def slowness(self) -> float:
        """How this person's longer pauses compare with typical ones: 0.75 (brisk) to 1.5 (slow)."""
        typical_ms = _TYPICAL_PAUSE_MS + _HABIT_SPREADS * _TYPICAL_SPREAD_MS
        own_ms = self.mean_ms + _HABIT_SPREADS * self.spread_ms
        return min(1.5, max(0.75, own_ms / typical_ms))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at a pause.

    `has_words` whether anything was understood, with what `confidence` (0..1); `is_match` whether a skill
    would act on exactly that, `is_open_match` whether that takes any words at its end. `end_share` is how
    often the expected sentences that begin like this end here (None: none begins like it),
    `end_probability` how likely the language model takes it for whole (None: it was not asked, or has no
    calibration). `habit` is the person's.
    """

    has_words: bool
    confidence: float = 1.0
    is_match: bool = False
    is_open_match: bool = False
    end_share: float | None = None
    end_probability: float | None = None
    habit: PauseHabit = PauseHabit()


@dataclass(frozen=True, slots=True)
class PatienceLimits:
    """The configured silences: `base_ms` where nothing is known, never more than `longest_ms`."""

    base_ms: int = 700
    longest_ms: int = EMPTY_MS


def whole_probability(evidence: Evidence) -> float | None:
    """How likely it is that what was said is whole; None where nothing speaks for or against it."""
    if evidence.is_match:
        return _whole_match(evidence)
    hangs = evidence.end_share is not None and evidence.end_share < _COMMAND_SHARE
    if evidence.end_probability is None:
        return 0.0 if hangs else None
    return min(evidence.end_probability, _COMMAND) if hangs else evidence.end_probability


def _whole_match(evidence: Evidence) -> float:
    share, said = evidence.end_share, evidence.end_probability
    if share is None:
        whole = _UNKNOWN_OPEN_MATCH if evidence.is_open_match else _MATCH
    else:
        least = _HANGS if evidence.is_open_match else _OPEN_ENDED
        whole = least + (_MATCH - least) * math.sqrt(min(1.0, share / _ENDS_OFTEN))
    # Asked only where any words may follow: "play some" is no more of a sentence for it than for a person.
    return whole if said is None or not is_doubtful(evidence) else min(whole, said)


def is_doubtful(evidence: Evidence) -> bool:
    """Whether a sentence that a skill acts on may still go on, so that the language model is worth asking."""
    share = evidence.end_share
    return evidence.is_open_match and (share is None or share < _ENDS_OFTEN)


def patience_ms(evidence: Evidence, limits: PatienceLimits | None = None) -> int:
    """The silence, in ms, that ends the utterance after `evidence`.

    Between certainties its logarithm falls evenly with the probability. After a transcript that is not
    believed it is a little longer, and for a slow speaker.
    """
    limits = limits or PatienceLimits()
    if not evidence.has_words:
        return min(max(limits.base_ms, EMPTY_MS), limits.longest_ms)
    probability = whole_probability(evidence)
    if probability is None:
        return min(_of_habit(limits.base_ms, evidence.habit), limits.longest_ms)
    belief = (evidence.confidence - _NO_CONFIDENCE) / (_SURE_CONFIDENCE - _NO_CONFIDENCE)
    doubt = 1 - min(1.0, max(0.0, belief))
    if not evidence.is_match:
        probability **= 1 + _DOUBT * doubt
    share = (min(_WHOLE, max(_HANGS, probability)) - _HANGS) / (_WHOLE - _HANGS)
    told_ms = LONGEST_MS * math.pow(SHORTEST_MS / LONGEST_MS, share)
    waited_ms = max(told_ms, SHORTEST_MS + doubt * (_DOUBTFUL_MS - SHORTEST_MS))
    return min(_of_habit(waited_ms, evidence.habit), limits.longest_ms)


def _of_habit(silence_ms: float, habit: PauseHabit) -> int:
    """What of a silence is doubt grows and shrinks with the person's own pauses."""
    return round(SHORTEST_MS + max(0.0, silence_ms - SHORTEST_MS) * habit.slowness)


class Endpointer:
    """Judges the pauses of one person, and learns how long theirs are."""

    def __init__(self, limits: PatienceLimits | None = None) -> None:
        self.habit = PauseHabit()
        self._limits = limits or PatienceLimits()

    def patience_ms(self, evidence: Evidence) -> int:
        """See `patience_ms`; the habit is what was learned so far."""
        return patience_ms(replace(evidence, habit=self.habit), self._limits)

    def went_on(self, pause_ms: float) -> None:
        """The person ended a pause of `pause_ms` by going on."""
        self.habit = self.habit.after(pause_ms)
