"""What the skills reply, at a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from voiced.skills.contracts import Reply, World
from voiced.skills.skillset import SkillSet

NOW = datetime(2026, 3, 31, 19, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture(scope="module")
def skills() -> SkillSet:
    return SkillSet("en")


def replies(skills: SkillSet, text: str) -> set[str]:
    """What is said to `text` over a minute."""
    return {reply(skills, text, NOW + timedelta(seconds=second)) for second in range(60)}


def reply(skills: SkillSet, text: str, now: datetime = NOW, last_reply: str = "") -> str:
    match = skills.match(text)
    assert match is not None, f"{text!r} is not understood"
    answer = skills.answer(match, World(lambda: now, last_reply))
    assert isinstance(answer, Reply)
    return answer.speech


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("what time is it", "It's half past seven in the evening."),
        ("what's the date", "It's Tuesday, March thirty-first."),
        ("what's tomorrow's date", "Tomorrow is Wednesday, April first."),
        ("what day is it", "It's Tuesday."),
        ("what day was yesterday", "Yesterday was Monday."),
        ("what month is it", "It's March."),
        ("what year is it", "It's twenty twenty-six."),
        ("never mind", ""),
        ("stop", ""),
        ("good night", "Good night!"),
        ("cancel", ""),
        ("be quiet", ""),
        ("who are you", "I'm voiced, an assistant that lives on this machine alone."),
        (
            "are you always recording",
            "I listen for my wake word, and nothing I hear leaves this machine.",
        ),
        (
            "turn off the kitchen lights",
            "I can't reach the kitchen lights: no house is connected yet.",
        ),
        ("turn on the lights", "I can't reach the lights: no house is connected yet."),
        ("turn everything off", "I can't reach anything: no house is connected yet."),
        (
            "turn on the tv in the office",
            "I can't reach the tv in the office: no house is connected yet.",
        ),
        (
            "turn off the upstairs lights",
            "I can't reach the upstairs lights: no house is connected yet.",
        ),
        (
            "close the blinds in the office",
            "I can't reach the office blinds: no house is connected yet.",
        ),
        ("activate movie night", "I can't reach movie night: no house is connected yet."),
        ("is the front door locked", "I can't check the front door: no house is connected yet."),
        ("where is dad", "I can't tell who is there: no house is connected yet."),
        ("what's the temperature", "I can't read the temperature: no house is connected yet."),
        (
            "how warm is it in the bedroom",
            "I can't read the temperature of the bedroom: no house is connected yet.",
        ),
        (
            "set the temperature to 20 degrees",
            "I can't reach the thermostat: no house is connected yet.",
        ),
        ("pause the music", "I can't reach the player: no house is connected yet."),
        ("turn up the volume", "I can't change the volume yet."),
        ("turn up the tv volume", "I can't reach the tv: no house is connected yet."),
        (
            "set a timer for five minutes",
            "I can't keep timers here: that takes voiced to keep running.",
        ),
        ("cancel my timer", "I can't keep timers here: that takes voiced to keep running."),
        ("set an alarm for seven", "I can't set alarms yet."),
        ("remind me to buy milk", "I can't keep reminders yet."),
        ("add milk to my shopping list", "I can't keep lists yet."),
        ("play some jazz", "I can't play anything yet: no player is connected."),
        ("announce dinner is ready", "I can't announce anything: no house is connected yet."),
    ],
)
def test_replies(skills: SkillSet, text: str, speech: str) -> None:
    assert reply(skills, text) == speech


@pytest.mark.parametrize(
    ("text", "least"), [("hello", 3), ("thank you", 3), ("bye", 3), ("tell me a joke", 8)]
)
def test_the_same_is_answered_in_several_ways(skills: SkillSet, text: str, least: int) -> None:
    assert len(replies(skills, text)) >= least


def test_nothing_is_said_twice_in_a_row(skills: SkillSet) -> None:
    last = ""
    for _ in range(20):
        joke = reply(skills, "tell me a joke", last_reply=last)
        assert joke != last
        last = joke


def test_the_same_moment_gives_the_same_answer(skills: SkillSet) -> None:
    assert reply(skills, "tell me a joke") == reply(skills, "tell me a joke")


def test_repeats_what_was_said_last(skills: SkillSet) -> None:
    assert reply(skills, "repeat that", last_reply="It's noon.") == "It's noon."
    assert reply(skills, "what did you say") == "I haven't said anything yet."


def test_asks_the_clock_at_each_answer(skills: SkillSet) -> None:
    match = skills.match("what time is it")
    assert match is not None
    times = iter([datetime(2026, 1, 1, 7, 0, tzinfo=UTC), datetime(2026, 1, 1, 12, 0, tzinfo=UTC)])
    world = World(lambda: next(times))
    assert skills.answer(match, world).speech == "It's seven o'clock in the morning."
    assert skills.answer(match, world).speech == "It's noon."


def test_dates_cross_the_year(skills: SkillSet) -> None:
    new_years_eve = datetime(2025, 12, 31, 23, 59, tzinfo=ZoneInfo("UTC"))
    assert (
        reply(skills, "what's tomorrow's date", new_years_eve)
        == "Tomorrow is Thursday, January first."
    )
