"""What a listener says, told from what a speaker says."""

from __future__ import annotations

import pytest

from voiced.skills.backchannels import Backchannels
from voiced.skills.language import read_table
from voiced.skills.sentences import expected_sentences
from voiced.skills.skillset import SkillSet

ONES = """mm-hm|Mm-hmm.|uh-huh|Yeah.|okay|OK|right|I see.|mhm|aha|sure|go on|yeah, yeah|Mm, okay, I see.
|oh really?|uh huh uh huh"""
OTHERS = """?!|um|no|stop|wait|yeah but why|okay stop|right now|sure thing|yeahyeah|mm what time is it
|thank you|never mind|go on and on|yes yes yes yes yes"""


@pytest.mark.parametrize("text", ONES.split("|"))
def test_is_one(text: str) -> None:
    assert Backchannels("en").matches(text)


@pytest.mark.parametrize("text", ["", " ", *OTHERS.split("|")])
def test_is_none(text: str) -> None:
    assert not Backchannels("en").matches(text)


def test_a_language_without_a_list_has_none() -> None:
    assert not Backchannels("xx").matches("okay")


def test_what_recognisers_learn_are_backchannels_and_no_commands() -> None:
    skills = SkillSet("en")
    sentences = set(expected_sentences("en"))
    for phrase in read_table("en", "backchannels")["expected"]:
        assert Backchannels("en").matches(phrase)
        assert phrase in sentences
        assert skills.match(phrase) is None
