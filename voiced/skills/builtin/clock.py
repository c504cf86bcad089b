"""The time and the date."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from voiced.skills.contracts import Skill, SkillMatch, Words, World

_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}


class Clock:
    """Reads the wall clock aloud."""

    name: Final = "clock"
    intents: Final = frozenset(
        {
            "HassGetCurrentTime",
            "HassGetCurrentDate",
            "VoicedGetWeekday",
            "VoicedGetPeriod",
        }
    )
    changes: Final = frozenset[str]()

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        now = world.now()
        spoken = words.spoken
        if match.intent == "HassGetCurrentTime":
            return words.say("time", time=spoken.clock_time(now.time()))
        if match.intent == "VoicedGetPeriod":
            period = spoken.year if match.response == "year" else spoken.month
            return words.say(match.response, period=period(now.date()))
        asked = match.slots.get("day", "today")
        day = now.date() + timedelta(days=_DAYS[asked])
        is_weekday = match.intent == "VoicedGetWeekday"
        return words.say(
            asked, date=spoken.weekday(day) if is_weekday else spoken.calendar_date(day)
        )


def build() -> Skill:
    """The skill of this module."""
    return Clock()
