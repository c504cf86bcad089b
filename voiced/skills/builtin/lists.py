"""Shopping and other lists: understood, and not there yet."""

from __future__ import annotations

from typing import Final

from voiced.skills.contracts import Skill, SkillMatch, Words, World


class Lists:
    """Says that there are none, rather than leave it to a model that would pretend."""

    name: Final = "lists"
    intents: Final = frozenset(
        {
            "HassListAddItem",
            "HassListCompleteItem",
            "HassListRemoveItem",
            "HassShoppingListAddItem",
            "HassShoppingListCompleteItem",
            "VoicedReadList",
        }
    )
    changes: Final = frozenset[str]()

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        return words.say("no_lists")


def build() -> Skill:
    """The skill of this module."""
    return Lists()
