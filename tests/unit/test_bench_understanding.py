from __future__ import annotations

from pathlib import Path

import pytest

from voiced.bench_understanding.cases import Case, load_cases
from voiced.bench_understanding.figures import figures
from voiced.bench_understanding.house import synthetic_house
from voiced.bench_understanding.run import Part, Plan, perform
from voiced.bench_understanding.scoring import Outcome, Result, Understood
from voiced.bench_understanding.slips import Slips
from voiced.errors import ConfigError
from voiced.skills.contracts import SkillMatch

LAMP = Case("lamps", "turn on the lamp", "HassTurnOn", {"name": "lamp"})
QUESTION = Case("none", "why is the sky blue")


def outcome(case: Case, understood: Understood) -> Outcome:
    return Result(case, case.text, understood, took_s=0.001).outcome


def on(name: str, intent: str = "HassTurnOn") -> SkillMatch:
    return SkillMatch(intent, "", {"name": name, "domain": "light"})


def test_what_came_of_a_command_is_told_apart() -> None:
    assert outcome(LAMP, Understood(on("lamp"))) is Outcome.RIGHT
    assert outcome(LAMP, Understood(on("lamp"), is_asked=True)) is Outcome.ASKED
    assert outcome(LAMP, Understood(on("tv"), is_asked=True)) is Outcome.ASKED_WRONG
    assert outcome(LAMP, Understood(None)) is Outcome.MISSED
    assert outcome(LAMP, Understood(on("tv"))) is Outcome.WRONG
    assert outcome(LAMP, Understood(on("tv"), has_effect=True)) is Outcome.WRONG_ACTION
    assert (
        outcome(LAMP, Understood(on("lamp", "HassTurnOff"), has_effect=True))
        is Outcome.WRONG_ACTION
    )


def test_what_is_no_command_is_right_where_nobody_takes_it() -> None:
    assert outcome(QUESTION, Understood(None)) is Outcome.RIGHT
    assert outcome(QUESTION, Understood(on("lamp"))) is Outcome.WRONG
    assert outcome(QUESTION, Understood(on("lamp"), is_asked=True)) is Outcome.ASKED_WRONG


def test_figures_count_false_takes_apart_from_commands() -> None:
    results = [
        Result(LAMP, LAMP.text, Understood(on("lamp")), 0.001),
        Result(LAMP, "turn on", Understood(on("tv"), has_effect=True), 0.002, is_sentence=True),
        Result(QUESTION, QUESTION.text, Understood(on("tv")), 0.003),
    ]
    found = figures([Part("as text", results)])["as text"]
    assert (found["commands"], found["right"], found["wrong_action"]) == (2, 1, 1)
    assert (found["no_commands"], found["false_takes"]) == (1, 1)
    assert (found["wrong_action_unknowable"], found["wrong_action_by_near_miss"]) == (1, 0)
    assert found["topics"] == {"lamps": {"sentences": 2, "right": 1, "asked": 0}}


def test_slips_are_the_same_every_time_and_change_every_sentence() -> None:
    words = [
        "turn",
        "on",
        "off",
        "the",
        "lamp",
        "lamps",
        "lap",
        "kitchen",
        "chicken",
        "a",
        "an",
        "set",
        "timer",
    ]
    for text in ("turn on the lamp", "lamp", "set the kitchen timer"):
        for errors in (1, 2):
            spoiled = Slips("en", words).spoil(text, errors)
            assert spoiled
            assert spoiled == Slips("en", reversed(words)).spoil(text, errors)
        assert Slips("en", words).spoil(text, 1) != text


def test_a_house_has_the_size_that_is_asked_for() -> None:
    house = synthetic_house("en", 200, 20)
    assert (len(house.entities), len(house.areas)) == (200, 20)
    assert len({entity.entity_id for entity in house.entities}) == 200
    assert {entity.area for entity in house.entities} == set(house.areas)
    assert house == synthetic_house("en", 200, 20)
    assert "kitchen television" in {device.name for device in house.names().devices}
    with pytest.raises(ConfigError, match="too large"):
        synthetic_house("en", 10_000, 20)


def test_the_sentences_that_ship_with_voiced_are_many() -> None:
    cases = load_cases("en").cases
    assert sum(case.topic == "none" for case in cases) >= 150
    assert sum(case.topic != "none" for case in cases) >= 200
    assert len({case.text for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[lamps", "cannot read sentences"),
        ("", "holds no sentences"),
        ('[[lamps]]\nsays = ["on"]', "needs an intent"),
        ('[[none]]\nintent = "A"\nsays = ["on"]', "takes no intent"),
        ('[[lamps]]\nintent = "A"', "list is missing"),
        ('[[lamps]]\nintent = "A"\nsay = ["on"]', "the keys are"),
        ('[[lamps]]\nintent = "A"\nsays = [1]', "list of sentences"),
        ('synthetic_house = { rooms = 2 }\n[[none]]\nsays = ["on"]', "entities and areas"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_cases("en", file)


def test_own_sentences_go_through_the_skills(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '[[timers]]\nintent = "HassStartTimer"\nslots = { minutes = 3 }\n'
        'says = ["set a timer for three minutes"]\n[[none]]\nsays = ["why is the sky blue"]\n'
    )
    told: list[tuple[str, int, int]] = []
    text, one, two = perform(Plan("en", file), lambda *step: told.append(step))
    assert [result.outcome for result in text.results] == [Outcome.RIGHT, Outcome.RIGHT]
    assert all(result.heard != result.case.text for result in one.results)
    assert len(two.results) == 2
    assert told[-1] == (two.name, 2, 2)
