"""Conversations about timers, with a clock that the test moves and a disk that is real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voiced.skills.contracts import World
from voiced.skills.skillset import SkillSet
from voiced.skills.timer_words import timer_words
from voiced.store import Store
from voiced.timers import MOST_TIMERS, Clock, TimerBook


@pytest.fixture(scope="module")
def skills() -> SkillSet:
    return SkillSet("en")


@dataclass
class Talk:
    skills: SkillSet
    store: Store
    now_s: float = 1_000_000.0
    book: TimerBook = field(init=False)

    def __post_init__(self) -> None:
        self.book = TimerBook(self.store, Clock(lambda: self.now_s, lambda: self.now_s, "boot"))

    def say(self, text: str) -> str:
        match = self.skills.match(text)
        assert match is not None, f"{text!r} is not understood"
        before = self.store.timers()
        world = World(lambda: datetime.fromtimestamp(self.now_s, UTC), timers=self.book)
        speech = self.skills.answer(match, world).speech
        assert self.skills.has_effect(match) or self.store.timers() == before
        assert tuple(self.store.timers()) == self.book.timers()
        return speech

    def after(self, seconds: float) -> Talk:
        self.now_s += seconds
        return self


@pytest.fixture
def talk(skills: SkillSet, tmp_path: Path) -> Iterator[Talk]:
    store = Store.open(tmp_path / "voiced.db")
    yield Talk(skills, store)
    store.close()


def test_one_timer(talk: Talk) -> None:
    assert talk.say("how much time is left") == "There is no timer."
    assert talk.say("set a timer for five minutes") == "Five minutes, starting now."
    assert talk.after(121).say("how much time is left") == "Your timer has three minutes left."
    assert talk.say("add two minutes to my timer") == "Your timer has five minutes left now."
    assert talk.say("take one minute off the timer") == "Your timer has four minutes left now."
    assert talk.say("pause the timer") == "Your timer is paused, with four minutes left."
    assert (
        talk.after(1000).say("pause the timer")
        == "Your timer is paused already, with four minutes left."
    )
    assert talk.say("add one minute to my timer") == "Your timer has five minutes left now."
    assert talk.say("how much time is left") == "Your timer is paused, with five minutes left."
    assert talk.say("resume the timer") == "Your timer goes on, with five minutes left."
    assert talk.say("resume the timer") == "Your timer is running already, with five minutes left."
    assert talk.say("take ten minutes off my timer") == (
        "Your timer has only five minutes left. To end it, say: cancel my timer."
    )
    assert talk.say("cancel the timer") == "Your timer is cancelled."
    assert talk.say("cancel the timer") == "There is no timer."


def test_several_timers(talk: Talk) -> None:
    said = talk.say("set a pizza timer for twelve minutes")
    assert said == "Your pizza timer is set for twelve minutes."
    talk.say("set a timer for ninety minutes")
    both = (
        "You have two timers: the pizza timer with twelve minutes left "
        "and the one hour thirty minute timer with one hour and thirty minutes left."
    )
    assert talk.say("what timers are set") == both
    assert talk.say("cancel the timer") == f"Which one? {both}"
    assert (
        talk.say("pause the pizza timer") == "Your pizza timer is paused, with twelve minutes left."
    )
    # Only one runs, and only one is paused: which one is meant is clear.
    assert talk.say("resume the timer") == "Your pizza timer goes on, with twelve minutes left."
    assert (
        talk.say("how long is left on the ninety minute timer")
        == "Your one hour thirty minute timer has one hour and thirty minutes left."
    )
    assert talk.say("cancel the rice timer") == f"There is no rice timer. {both}"
    assert talk.say("cancel the ten minute timer") == f"There is no ten minute timer. {both}"
    assert (
        talk.say("add five minutes to the pizza timer")
        == "Your pizza timer has seventeen minutes left now."
    )
    assert talk.say("cancel the pizza timer") == "Your pizza timer is cancelled."
    assert talk.say("cancel all timers") == "Your timer is cancelled."
    assert talk.say("cancel all timers") == "There is no timer."


def test_all_of_several(talk: Talk) -> None:
    for text in ("set a timer for one hour", "set a timer called the eggs for six minutes"):
        talk.say(text)
    assert talk.say("cancel all my timers") == "Your two timers are cancelled."
    assert talk.store.timers() == []


def test_a_timer_of_a_room_is_one_of_that_name(talk: Talk) -> None:
    talk.say("set a kitchen timer for ten minutes")
    assert talk.say("cancel the kitchen timer") == "Your kitchen timer is cancelled."


def test_articles_are_no_part_of_a_name(talk: Talk) -> None:
    assert (
        talk.say("set a 6 minute timer for the eggs") == "Your eggs timer is set for six minutes."
    )
    assert talk.say("pause my eggs timer") == "Your eggs timer is paused, with six minutes left."


def test_two_of_one_name_are_asked_about(talk: Talk) -> None:
    talk.say("set a pizza timer for ten minutes")
    talk.say("set a pizza timer for twenty minutes")
    assert talk.say("cancel the pizza timer") == (
        "Which one? You have two timers: the pizza timer with ten minutes left "
        "and the pizza timer with twenty minutes left."
    )
    assert talk.say("cancel the twenty minute timer") == "Your pizza timer is cancelled."


def test_one_that_rings(talk: Talk) -> None:
    talk.say("set a pizza timer for one minute")
    assert talk.after(61).say("how much time is left") == "Your pizza timer is up."
    assert talk.say("add two minutes to my timer") == "Your pizza timer has two minutes left now."
    talk.after(120).say("set a timer for one minute")
    assert talk.say("what timers are set") == (
        "You have two timers: the pizza timer, which is up "
        "and the one minute timer with one minute left."
    )


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("set a timer", "For how long? Say, for example: set a timer for five minutes."),
        ("turn off the lights in five minutes", "I can't do things later yet."),
    ],
)
def test_what_sets_none(talk: Talk, text: str, speech: str) -> None:
    assert talk.say(text) == speech
    assert talk.store.timers() == []


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("set a timer for an hour", "One hour, starting now."),
        ("set a timer for a minute", "One minute, starting now."),
        ("set a timer for half an hour", "Thirty minutes, starting now."),
        ("set a timer for two and a half hours", "Two hours and thirty minutes, starting now."),
        (
            "set a timer for one hour one minute and one second",
            "One hour, one minute and one second, starting now.",
        ),
    ],
)
def test_lengths(talk: Talk, text: str, speech: str) -> None:
    assert talk.say(text) == speech


def test_no_more_than_anybody_needs(talk: Talk) -> None:
    for _ in range(MOST_TIMERS):
        talk.book.start(60)
    assert talk.say("set a timer for one minute") == "You have too many timers. Cancel one first."


def test_nothing_is_confirmed_that_is_not_on_the_disk(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    talk.say("set a pizza timer for ten minutes")
    before = talk.store.timers()
    talk.store._database.execute("PRAGMA query_only = ON")
    assert talk.say("set a timer for one minute") == (
        "Sorry, I could not set the timer: I could not write it to the disk."
    )
    for text in (
        "cancel the timer",
        "pause the timer",
        "cancel all timers",
        "add one minute to my timer",
    ):
        said = talk.say(text)
        assert said == "Sorry, I could not do that: I could not write it to the disk."
    assert talk.store.timers() == before
    assert talk.say("how much time is left") == "Your pizza timer has ten minutes left."
    assert "may only be read" in caplog.text


def test_they_outlive_the_process(talk: Talk) -> None:
    talk.say("set a pizza timer for ten minutes")
    talk.say("set a timer for one hour")
    talk.say("pause the pizza timer")
    other = Talk(talk.skills, talk.store, talk.now_s + 600)
    assert other.say("what timers are set") == (
        "You have two timers: the pizza timer, paused with ten minutes left "
        "and the one hour timer with fifty minutes left."
    )


def test_what_the_control_socket_shows(talk: Talk) -> None:
    talk.say("set a pizza timer for ten minutes")
    talk.say("set a timer for one minute")
    talk.say("pause the pizza timer")
    assert talk.after(90).book.as_dicts() == [
        {"id": 1, "name": "pizza", "remaining_s": 600.0, "paused": True},
        {"id": 2, "name": "", "remaining_s": 0.0, "paused": False},
    ]


def test_what_is_said_when_one_rings(talk: Talk) -> None:
    words = timer_words("en")
    pizza, other = talk.book.start(600, "pizza"), talk.book.start(90)
    assert words.up(pizza, 0.1) == "Your pizza timer is up."
    assert words.up(other, 0.1) == "Your one minute thirty second timer is up."
    assert words.up(pizza, 601) == "Your pizza timer was up ten minutes ago, while I was away."


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (0.2, "one second"),
        (59.6, "one minute"),
        (42, "forty-two seconds"),
        (62.4, "one minute"),
        (178, "three minutes"),
        (203, "three minutes and twenty-five seconds"),
        (640, "eleven minutes"),
        (3590, "one hour"),
        (3720, "one hour and two minutes"),
    ],
)
def test_what_is_left_is_said_as_exactly_as_people_want_it(left_s: float, words: str) -> None:
    assert timer_words("en").left(left_s) == words
