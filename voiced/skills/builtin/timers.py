"""Timers, alarms and reminders: understood, and not there yet."""

from __future__ import annotations

from typing import Final

from voiced.skills.contracts import Skill, SkillMatch, Words, World


class Timers:
    """Says that there are none, rather than leave it to a model that would pretend."""

    name: Final = "timers"
    intents: Final = frozenset(
        {
            "HassCancelAllTimers",
            "HassCancelTimer",
            "HassDecreaseTimer",
            "HassIncreaseTimer",
            "HassPauseTimer",
            "HassStartTimer",
            "HassTimerStatus",
            "HassUnpauseTimer",
            "VoicedAlarm",
            "VoicedReminder",
        }
    )
    changes: Final = frozenset[str]()

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        phrases = {
            "HassStartTimer": "cannot_set",
            "VoicedAlarm": "no_alarms",
            "VoicedReminder": "no_reminders",
        }
        return words.say(phrases.get(match.intent, "no_timers"))


def build() -> Skill:
    """The skill of this module."""
    return Timers()
