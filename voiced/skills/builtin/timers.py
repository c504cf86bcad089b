"""Timers: set, asked about, paused, changed, cancelled. Alarms and reminders are not there yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from voiced.errors import OutputError
from voiced.skills.contracts import Skill, SkillMatch, Words, World
from voiced.skills.timer_words import TimerWords
from voiced.store import Timer
from voiced.timers import MOST_TIMERS, TimerBook

_log = logging.getLogger(__name__)

_START: Final = "HassStartTimer"
_CANCEL_ALL: Final = "HassCancelAllTimers"
_STATUS: Final = "HassTimerStatus"
_CHANGES: Final = frozenset(
    {
        _CANCEL_ALL,
        _START,
        "HassCancelTimer",
        "HassDecreaseTimer",
        "HassIncreaseTimer",
        "HassPauseTimer",
        "HassUnpauseTimer",
    }
)
_NOT_YET: Final = {"VoicedAlarm": "no_alarms", "VoicedReminder": "no_reminders"}
_UNITS_S: Final = {"hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


class Timers:
    """Confirms only what is on the disk."""

    name: Final = "timers"
    intents: Final = _CHANGES | {_STATUS} | _NOT_YET.keys()
    changes: Final = _CHANGES

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        if match.intent in _NOT_YET:
            return words.say(_NOT_YET[match.intent])
        if world.timers is None:
            return words.say("no_keeper")
        try:
            said = _Request(match, world.timers, words).answer()
        except OutputError as error:
            _log.warning("%s", error)
            return words.say("not_set" if match.intent == _START else "not_changed")
        return said[:1].upper() + said[1:]


class _Request:
    """One sentence about timers, and what it means for those that there are."""

    def __init__(self, match: SkillMatch, book: TimerBook, words: Words) -> None:
        self._match = match
        self._book = book
        self._words = words
        self._speech = TimerWords(words)
        self._timers = book.timers()
        self._length_s = _seconds(match, "")
        self._wanted_length_s = _seconds(match, "start_")
        # No room is known to have timers of its own, so a timer of a room is one of that name.
        self._wanted_name = _bare(match.slots.get("name") or match.slots.get("area", ""), words)

    def answer(self) -> str:
        if self._match.intent == _START:
            return self._start()
        if self._match.intent == _CANCEL_ALL:
            return self._cancel_all()
        found = self._found()
        if not found:
            return self._missing()
        if self._match.intent == _STATUS:
            return self._speech.status(self._book, found)
        if len(found) > 1:
            found = self._likely(found)
        if len(found) > 1:
            return self._words.say("which", status=self._speech.status(self._book, found))
        return self._change(found[0])

    def _start(self) -> str:
        if self._match.response == "command":
            return self._words.say("no_commands")
        if not self._length_s:
            return self._words.say("how_long")
        if len(self._timers) >= MOST_TIMERS:
            return self._words.say("too_many")
        self._book.start(self._length_s, self._wanted_name)
        length = self._words.spoken.duration(self._length_s)
        phrase = "started_named" if self._wanted_name else "started"
        return self._words.say(
            phrase, timer=self._speech.label(self._wanted_name, 0), length=length
        )

    def _cancel_all(self) -> str:
        found = self._found()
        if not found:
            return self._missing()
        called = self._speech.calls(found[0], self._timers)
        self._book.cancel(found)
        if len(found) == 1:
            return self._words.say("cancelled", timer=called)
        return self._words.say("cancelled_all", count=self._words.spoken.number(len(found)))

    def _change(self, timer: Timer) -> str:
        intent, book = self._match.intent, self._book
        called = self._speech.calls(timer, self._timers)
        if intent == "HassCancelTimer":
            book.cancel([timer])
            return self._words.say("cancelled", timer=called)
        left_s = book.left_s(timer)
        if intent == "HassDecreaseTimer" and self._length_s >= left_s:
            return self._words.say("too_much", timer=called, left=self._speech.left(left_s))
        phrase = "changed"
        if intent == "HassPauseTimer" and not timer.is_paused:
            timer, phrase = book.pause(timer), "paused"
        elif intent == "HassUnpauseTimer" and timer.is_paused:
            timer, phrase = book.resume(timer), "resumed"
        elif intent in ("HassPauseTimer", "HassUnpauseTimer"):
            phrase = "paused_already" if timer.is_paused else "runs_already"
        else:
            sign = -1 if intent == "HassDecreaseTimer" else 1
            timer = book.extend(timer, sign * self._length_s)
        return self._words.say(phrase, timer=called, left=self._speech.left(book.left_s(timer)))

    def _found(self) -> Sequence[Timer]:
        """Those that the sentence may mean: all, where it does not say."""
        found = self._timers
        if self._wanted_name:
            found = tuple(timer for timer in found if timer.name == self._wanted_name)
        if self._wanted_length_s:
            found = tuple(timer for timer in found if timer.length_s == self._wanted_length_s)
        return found

    def _likely(self, found: Sequence[Timer]) -> Sequence[Timer]:
        """Only one that is paused can go on, and only one that runs can be paused."""
        wants_paused = self._match.intent == "HassUnpauseTimer"
        if not wants_paused and self._match.intent != "HassPauseTimer":
            return found
        return [timer for timer in found if timer.is_paused == wants_paused] or found

    def _missing(self) -> str:
        status = self._speech.status(self._book, self._timers)
        if not self._timers:
            return status
        wanted = self._speech.label(self._wanted_name, self._wanted_length_s)
        return self._words.say("no_such", timer=wanted, status=status)


def _seconds(match: SkillMatch, prefix: str) -> float:
    """The length of time that the slots with `prefix` say; 0 for none."""
    said = match.slots
    return sum(
        float(said[prefix + unit]) * unit_s
        for unit, unit_s in _UNITS_S.items()
        if prefix + unit in said
    )


def _bare(name: str, words: Words) -> str:
    """`name` without the articles that lead it."""
    leading = words.table("names")["leading"].split()
    parts = name.lower().split()
    while len(parts) > 1 and parts[0] in leading:
        parts.pop(0)
    return " ".join(parts)


def build() -> Skill:
    """The skill of this module."""
    return Timers()
