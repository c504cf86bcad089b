"""The sentences that a recogniser learns from."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicode_rbnf import RbnfEngine

from voiced.errors import ConfigError
from voiced.skills.backchannels import Backchannels
from voiced.skills.names import Device, HouseNames, common_names
from voiced.skills.sentences import expected_sentences
from voiced.skills.skillset import SkillSet

SENTENCES = expected_sentences("en")


@pytest.fixture(scope="module")
def skills() -> SkillSet:
    return SkillSet("en")


def test_there_are_about_five_thousand() -> None:
    assert 4_500 <= len(set(SENTENCES)) <= 6_000
    assert len(SENTENCES) <= 7_000


def test_they_are_plain_words() -> None:
    odd = [text for text in SENTENCES if not re.fullmatch(r"[a-z']+( [a-z']+)*", text)]
    assert odd == []


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([text for text in SENTENCES if not Backchannels("en").matches(text)]))
def test_a_skill_understands_each(skills: SkillSet, sentence: str) -> None:
    assert skills.match(sentence) is not None


def test_every_intent_is_among_them(skills: SkillSet) -> None:
    served = {match.intent for text in set(SENTENCES[::10]) if (match := skills.match(text))}
    assert served >= skills.intents - {"HassRespond"}


def test_every_room_and_device_is_among_them() -> None:
    text = "\n".join(SENTENCES)
    names = common_names("en")
    said = [*names.areas, *names.floors, *(device.name for device in names.devices)]
    assert [name for name in said if not re.search(rf"\b{name}\b", text)] == []


def test_all_numbers_up_to_a_hundred_are_among_them() -> None:
    engine = RbnfEngine.for_language("en")
    text = "\n".join(SENTENCES)
    words = [engine.format_number(n).text.replace("-", " ") for n in range(1, 101)]
    assert [word for word in words if f" {word}" not in text] == []


@pytest.mark.parametrize(
    "sentence", ["what time is it", "never mind", "stop", "turn off the lights", "set a timer"]
)
def test_what_is_said_most_is_there(sentence: str) -> None:
    assert sentence in SENTENCES


def test_short_answers_weigh_more_than_their_number() -> None:
    counts = Counter(SENTENCES)
    assert counts["stop"] > 1
    assert max(counts.values()) <= 40


@pytest.mark.parametrize(
    "nonsense",
    ["(?<!ty )one hours", "five minute", "the the", "lights lights", "minutes timer", "nevermind"],
)
def test_nobody_says(nonsense: str) -> None:
    found = [text for text in SENTENCES if re.search(rf"(?<!\w){nonsense}\b(?! timer)", text)]
    assert found == []


def test_names_of_the_house_replace_the_common_ones() -> None:
    names = HouseNames(areas=("observatory",), devices=(Device("star projector", "light"),))
    text = "\n".join(expected_sentences("en", names))
    assert "turn off the star projector" in text
    assert "observatory lights" in text
    assert "bathroom" not in text


def test_no_name_of_a_large_house_is_left_out() -> None:
    rooms = tuple(
        f"room {a} {b}" for a in ("red", "green", "blue") for b in ("one", "two", "three")
    )
    kinds = ("light", "switch", "cover", "media_player", "sensor")
    devices = tuple(
        Device(f"{room} {kind.split('_')[0]}", kind) for room in rooms for kind in kinds
    )
    text = "\n".join(expected_sentences("en", HouseNames(rooms, devices=devices)))
    assert [device.name for device in devices if device.name not in text] == []


def test_they_are_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from voiced.skills.sentences import expected_sentences;"
        "print(hashlib.sha256('|'.join(expected_sentences('en')).encode()).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert run.stdout.strip() == sha256("|".join(SENTENCES).encode()).hexdigest()


def test_a_language_without_sentences_is_named() -> None:
    with pytest.raises(ConfigError, match='language "xx"'):
        expected_sentences("xx")
