"""What came of a sentence, against what should have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voiced.bench_understanding.cases import ANY_INTENT, Case
from voiced.skills.contracts import SkillMatch

_IMPLIED: Final = frozenset({"domain"})


class Outcome(StrEnum):
    """What came of a sentence."""

    RIGHT = "right"
    """The intent and the slots that were meant; of what is no command, that no skill took it."""
    ASKED = "asked"
    """Asked back, and a yes does what was meant."""
    ASKED_WRONG = "asked_wrong"
    """Asked back for something else; a no costs a turn and nothing else."""
    MISSED = "missed"
    """No skill took it: the language model answers, or nobody."""
    WRONG = "wrong"
    """Something else was answered, which changes nothing."""
    WRONG_ACTION = "wrong_action"
    """Something else was done, without asking."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What the skills make of a text: `match`, done at once unless `is_asked`.

    `has_effect` where doing it changes something.
    """

    match: SkillMatch | None
    is_asked: bool = False
    has_effect: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A sentence as it reached the skills, and what came of it."""

    case: Case
    heard: str
    understood: Understood
    took_s: float
    is_sentence: bool = False
    """Whether what was heard is a sentence of the skills, so that nobody can know of another one."""

    @property
    def outcome(self) -> Outcome:
        """See `Outcome`."""
        found, is_right = self.understood, _is_meant(self.case, self.understood.match)
        if found.match is None:
            return Outcome.MISSED if self.case.intent else Outcome.RIGHT
        if found.is_asked:
            return Outcome.ASKED if is_right else Outcome.ASKED_WRONG
        if is_right:
            return Outcome.RIGHT
        return Outcome.WRONG_ACTION if found.has_effect else Outcome.WRONG


def _is_meant(case: Case, match: SkillMatch | None) -> bool:
    if match is None or not case.intent:
        return False
    if case.intent == ANY_INTENT:
        return True
    return match.intent == case.intent and _said(case.slots, case) == _said(match.slots, case)


def _said(slots: Mapping[str, str], case: Case) -> Mapping[str, str]:
    ignored = _IMPLIED - case.slots.keys()
    return {name: value for name, value in slots.items() if name not in ignored}
