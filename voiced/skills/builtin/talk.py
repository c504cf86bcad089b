"""What is said about the conversation itself: repeat, never mind, thanks, what can you do; and jokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voiced.skills.contracts import Skill, SkillMatch, Words, World


class Talk:
    """Keeps up the manners. "Never mind" and "stop" end the exchange without a word."""

    name: Final = "talk"
    intents: Final = frozenset(
        {
            "HassNevermind",
            "HassRespond",
            "VoicedCourtesy",
            "VoicedHelp",
            "VoicedJoke",
            "VoicedRepeat",
            "VoicedStop",
        }
    )
    changes: Final = frozenset[str]()

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        if match.intent in ("HassNevermind", "VoicedStop"):
            return ""
        if match.intent == "VoicedRepeat":
            return world.last_reply or words.say("nothing_said")
        phrase = {"VoicedHelp": "help", "VoicedJoke": "joke"}.get(match.intent, match.response)
        return _varied(words.choices(phrase), world)


def _varied(choices: Sequence[str], world: World) -> str:
    """One of `choices`, another one each second, and not what was said last."""
    fresh = [choice for choice in choices if choice != world.last_reply] or choices
    return fresh[int(world.now().timestamp()) % len(fresh)]


def build() -> Skill:
    """The skill of this module."""
    return Talk()
