"""One spelling for what recognisers write in many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.skills.normalise import normalise, strip_fillers, strip_wake_phrase


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What time is it?", "what time is it"),
        ("  Turn   ON\tthe lights!\n", "turn on the lights"),
        ("What\u2019s the time", "what's the time"),
        ("'quoted' words", "quoted words"),
        ("Set the T.V. to 50%.", "set the tv to 50%"),
        ("at 7:30 p.m.", "at 7:30 pm"),
        ("21.5° in the living-room", "21.5° in the living room"),
        ("never mind...", "never mind"),
        ("snake_case", "snake case"),
        ("\uff26\uff35\uff2c\uff2c\u3000width", "full width"),
        ("größer", "größer"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_spells_one_way(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_replaces_whole_words_only() -> None:
    assert normalise("Colour the colours", {"colour": "color"}) == "color the colours"


@given(st.text(max_size=60))
def test_is_stable_and_plain(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == " ".join(once.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Okay Nabu, what time is it?", "what time is it"),
        ("ok nabu what time is it", "what time is it"),
        ("nabu what time is it", "what time is it"),
        ("Hey Jarvis stop", "stop"),
        ("okay nabu", ""),
        ("okay what time is it", "okay what time is it"),
        ("what is okay nabu", "what is okay nabu"),
        ("okay nabucco is an opera", "okay nabucco is an opera"),
    ],
)
def test_takes_a_leading_wake_phrase_off(text: str, expected: str) -> None:
    assert strip_wake_phrase(text, ["okay nabu", "hey jarvis"]) == expected


@given(st.lists(st.sampled_from(["turn", "on", "the", "light", "okay", "nabu"]), max_size=6))
def test_takes_off_one_phrase_and_nothing_else(words: list[str]) -> None:
    command = " ".join(["switch", *words])
    assert strip_wake_phrase(f"okay nabu {command}", ["okay nabu"]) == command
    assert strip_wake_phrase(command, ["okay nabu"]) == command


def test_takes_leading_fillers_off_unless_there_is_nothing_else() -> None:
    fillers = ["um", "okay", "so"]
    assert strip_fillers("um okay so stop", fillers) == "stop"
    assert strip_fillers("stop um", fillers) == "stop um"
    assert strip_fillers("okay", fillers) == "okay"
    assert strip_fillers("", fillers) == ""
