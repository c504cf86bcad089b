"""What is said about the conversation itself: repeat, never mind, thanks, what can you do."""

from __future__ import annotations

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
            "VoicedRepeat",
            "VoicedStop",
        }
    )

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        if match.intent in ("HassNevermind", "VoicedStop"):
            return ""
        if match.intent == "VoicedRepeat":
            return world.last_reply or words.say("nothing_said")
        return words.say("help" if match.intent == "VoicedHelp" else match.response)


def build() -> Skill:
    """The skill of this module."""
    return Talk()
