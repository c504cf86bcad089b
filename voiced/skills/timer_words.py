"""What timers are called, how much of them is left, and what is said when one is up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from voiced.skills.contracts import Words
from voiced.skills.language import SkillWords, read_table
from voiced.skills.spoken import spoken_for
from voiced.store import Timer
from voiced.timers import TimerBook

_TABLE: Final = "timers"
_LATE_S: Final = 60.0


class TimerWords:
    """Speaks of timers with the words of the skill's data file."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def label(self, name: str, length_s: float) -> str:
        """What a timer is called: by its name, or by its length where that is more than 0."""
        pieces = self._words.table("pieces")
        if name:
            return pieces["named"].format(name=name)
        if length_s > 0:
            return pieces["of_length"].format(length=self._words.spoken.duration_name(length_s))
        return pieces["alone"]

    def calls(self, timer: Timer, among: Sequence[Timer]) -> str:
        """What `timer` is called; one that is alone needs neither name nor length."""
        return self.label(timer.name, timer.length_s if len(among) > 1 else 0)

    def left(self, left_s: float) -> str:
        """How much is left, as exact as people want to know it."""
        step_s = 1 if left_s <= 60 else 5 if left_s <= 600 else 60
        return self._words.spoken.duration(max(1, math.ceil(left_s / step_s - 0.5) * step_s))

    def status(self, book: TimerBook, timers: Sequence[Timer]) -> str:
        """What is left of each of `timers`, which may be none."""
        if not timers:
            return self._words.say("none")
        if len(timers) > 1:
            return self._words.say(
                "several",
                count=self._words.spoken.number(len(timers)),
                timers=self._words.spoken.listed([self._item(book, timer) for timer in timers]),
            )
        (timer,) = timers
        left_s = book.left_s(timer)
        phrase = "paused" if timer.is_paused else "left" if left_s > 0 else "up"
        return self._words.say(
            phrase, timer=self.calls(timer, book.timers()), left=self.left(left_s)
        )

    def up(self, timer: Timer, late_s: float) -> str:
        """What is said when `timer` rings, `late_s` seconds late."""
        called = self.label(timer.name, timer.length_s)
        if late_s < _LATE_S:
            return self._words.say("up", timer=called)
        return self._words.say("up_late", timer=called, ago=self.left(late_s))

    def _item(self, book: TimerBook, timer: Timer) -> str:
        left_s = book.left_s(timer)
        piece = "item_paused" if timer.is_paused else "item" if left_s > 0 else "item_up"
        return self._words.table("pieces")[piece].format(
            timer=self.calls(timer, book.timers()), left=self.left(left_s)
        )


def timer_words(language: str) -> TimerWords:
    """What whoever rings needs. Raises `ConfigError` for a language that skills do not speak."""
    return TimerWords(SkillWords(read_table(language, _TABLE), spoken_for(language)))
