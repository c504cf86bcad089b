"""Sentences to their intents and slots."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicode_rbnf import RbnfEngine

from voiced.errors import ConfigError
from voiced.skills.contracts import SkillMatch, Words, World
from voiced.skills.names import Device, HouseNames
from voiced.skills.skillset import SkillSet, builtin_skills


@pytest.fixture(scope="module")
def skills() -> SkillSet:
    return SkillSet("en", wake_phrases=["okay nabu"])


def found(skills: SkillSet, text: str) -> SkillMatch:
    match = skills.match(text)
    assert match is not None, f"{text!r} is not understood"
    return match


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        ("what time is it", "HassGetCurrentTime", {}),
        ("What's the time?", "HassGetCurrentTime", {}),
        ("Okay Nabu, what time is it?", "HassGetCurrentTime", {}),
        ("nabu what time is it please", "HassGetCurrentTime", {}),
        ("um can you tell me the time", "HassGetCurrentTime", {}),
        ("what's today's date", "HassGetCurrentDate", {"day": "today"}),
        ("what is the date", "HassGetCurrentDate", {}),
        ("what's tomorrow's date", "HassGetCurrentDate", {"day": "tomorrow"}),
        ("what day is it", "VoicedGetWeekday", {}),
        ("what day was yesterday", "VoicedGetWeekday", {"day": "yesterday"}),
        ("what year is it", "VoicedGetPeriod", {}),
        ("never mind", "HassNevermind", {}),
        ("Nevermind.", "HassNevermind", {}),
        ("forget it", "HassNevermind", {}),
        ("stop", "VoicedStop", {}),
        ("be quiet please", "VoicedStop", {}),
        ("repeat that", "VoicedRepeat", {}),
        ("say that again", "VoicedRepeat", {}),
        ("what did you say", "VoicedRepeat", {}),
        ("sorry I didn't catch that", "VoicedRepeat", {}),
        ("what can you do", "VoicedHelp", {}),
        ("hello", "VoicedCourtesy", {}),
        ("what's your name", "VoicedCourtesy", {}),
        ("who are you", "VoicedCourtesy", {}),
        ("how are you today", "VoicedCourtesy", {}),
        ("goodbye", "VoicedCourtesy", {}),
        ("tell me a joke", "VoicedJoke", {}),
        ("tell me another joke please", "VoicedJoke", {}),
        ("cancel", "HassNevermind", {}),
        ("be quiet", "VoicedStop", {}),
        ("thank you very much", "VoicedCourtesy", {}),
        ("turn off the kitchen lights", "HassTurnOff", {"area": "kitchen", "domain": "light"}),
        ("Turn on the TV.", "HassTurnOn", {"name": "tv", "domain": "media_player"}),
        ("turn on the lights", "HassTurnOn", {"domain": "light"}),
        (
            "would you please turn on living room lamp",
            "HassTurnOn",
            {"name": "living room lamp", "domain": "light"},
        ),
        (
            "turn the standing light in the office off",
            "HassTurnOff",
            {"name": "standing light", "area": "office", "domain": "light"},
        ),
        (
            "set the bedroom lights to 50 percent",
            "HassLightSet",
            {"area": "bedroom", "brightness": "50", "domain": "light"},
        ),
        (
            "set the bedroom lights to fifty percent",
            "HassLightSet",
            {"area": "bedroom", "brightness": "50", "domain": "light"},
        ),
        (
            "set the colour of the kitchen lights to blue",
            "HassLightSet",
            {"area": "kitchen", "color": "blue", "domain": "light"},
        ),
        ("dim the lights", "VoicedChangeLight", {"domain": "light"}),
        (
            "open the curtains in the living room",
            "HassTurnOn",
            {"device_class": "curtain", "area": "living room", "domain": "cover"},
        ),
        ("unlock the front door", "HassTurnOff", {"name": "front door", "domain": "lock"}),
        (
            "is the garage door open",
            "HassGetState",
            {"name": "garage door", "state": "open", "domain": "cover"},
        ),
        ("is anyone home", "HassGetState", {"state": "home", "domain": "person"}),
        ("what's the temperature in the kitchen", "HassClimateGetTemperature", {"area": "kitchen"}),
        (
            "set the temperature to 21.5 degrees",
            "HassClimateSetTemperature",
            {"temperature": "21.5"},
        ),
        ("what's the weather like", "HassGetWeather", {}),
        ("set a timer for 5 minutes", "HassStartTimer", {"minutes": "5"}),
        ("set a timer for five minutes", "HassStartTimer", {"minutes": "5"}),
        ("set a timer for twenty-five minutes", "HassStartTimer", {"minutes": "25"}),
        (
            "create a timer for 4 and a half hours",
            "HassStartTimer",
            {"hours": "4", "minutes": "30"},
        ),
        (
            "set a pizza timer for twelve minutes",
            "HassStartTimer",
            {"name": "pizza", "minutes": "12"},
        ),
        (
            "turn off the lights in five minutes",
            "HassStartTimer",
            {"conversation_command": "turn off the lights", "minutes": "5"},
        ),
        ("how much time is left on my timer", "HassTimerStatus", {}),
        ("wake me up at seven", "VoicedAlarm", {"alarm_time": "at seven"}),
        ("remind me to call mom", "VoicedReminder", {"reminder": "call mom"}),
        ("add milk to my shopping list", "HassShoppingListAddItem", {"item": "milk"}),
        ("what's on my shopping list", "VoicedReadList", {}),
        ("louder", "HassSetVolumeRelative", {"volume_step": "up"}),
        ("play some jazz", "HassMediaSearchAndPlay", {"search_query": "some jazz"}),
    ],
)
def test_understands(skills: SkillSet, text: str, intent: str, slots: dict[str, str]) -> None:
    match = found(skills, text)
    assert (match.intent, dict(match.slots)) == (intent, slots)


def test_keeps_the_words_that_were_said(skills: SkillSet) -> None:
    match = found(skills, "Close the blinds in the Office")
    assert match.spoken == {"device_class": "blinds", "area": "office"}
    assert match.text == "close the blinds in the office"


@pytest.mark.parametrize(
    "text",
    [
        "what is the capital of france",
        "who is the president of france",
        "who wrote hamlet",
        "how old is the queen",
        "how far does light travel in five minutes",
        "what can I cook in twenty minutes",
        "what is two plus two",
        "why is the sky blue",
        "what color is the sky",
        "tell me about the stars",
        "what do you think about music",
        "how do I boil an egg",
        "remind me who wrote hamlet",
        "where is paris",
        "what time is it in tokyo",
        "when was the first light bulb invented",
        "how many people live in london",
        "what does open source mean",
        "name three fruits",
        "what were you saying",
        "go on",
        "tell me a story",
        "explain that joke",
        "turn",
        "turn on the",
        "set a timer for",
        "the kitchen lights turn on the off",
        "turn off the kitchen lights and tell me a joke",
    ],
)
def test_leaves_the_rest_to_the_model(skills: SkillSet, text: str) -> None:
    assert skills.match(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "?!...",
        "okay nabu",
        "\x00\ufffd\u200b",
        "🙂 🙂",
        "ничего не понятно",
        "何時ですか",
        "{area} <the> [turn] (on|off)",
        "%" * 200,
        "a" * 10_000,
        "turn off all the lights in the " * 400,
        "play " + "song on tv in kitchen " * 500,
    ],
)
def test_odd_input_is_no_command(skills: SkillSet, text: str) -> None:
    assert skills.match(text) is None


WORDS = [
    "turn", "on", "off", "the", "all", "lights", "kitchen", "set", "a", "timer", "for", "five",
    "minutes", "in", "and", "add", "to", "my", "list", "play", "remind", "me", "what", "is",
    "time", "%", "7", "°", "'", "-", "one", "hundred", "percent",
]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=80) | st.lists(st.text(max_size=8), max_size=20))
def test_any_words_give_a_served_intent_or_none(skills: SkillSet, words: list[str]) -> None:
    match = skills.match(" ".join(words))
    assert match is None or match.intent in skills.intents


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["hours", "minutes", "seconds"]), st.integers(2, 59))
def test_digits_and_words_mean_the_same(skills: SkillSet, unit: str, count: int) -> None:
    words = RbnfEngine.for_language("en").format_number(count).text
    for said in (str(count), words, words.replace("-", " ")):
        assert found(skills, f"set a timer for {said} {unit}").slots == {unit: str(count)}


@pytest.mark.parametrize(
    "text", ["play some", "remind me to call the", "announce that dinner is", "wake me up at half"]
)
def test_free_words_at_the_end_leave_it_open(skills: SkillSet, text: str) -> None:
    assert found(skills, text).is_open


@pytest.mark.parametrize(
    "text",
    [
        "turn on the lights",
        "set a timer for ten minutes",
        "stop",
        "set a pizza timer for five minutes",
        "in five minutes turn off the lights",
    ],
)
def test_without_free_words_at_the_end_it_is_whole(skills: SkillSet, text: str) -> None:
    assert not found(skills, text).is_open


class Switch:
    """A skill that would do something."""

    name: Final = "talk"
    intents: Final = frozenset({"VoicedStop", "VoicedHelp"})
    changes: Final = frozenset({"VoicedStop"})

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        return words.say("help")


def test_what_changes_something_is_told_apart() -> None:
    skills = SkillSet("en", skills=[Switch()])
    assert skills.has_effect(found(skills, "stop"))
    assert not skills.has_effect(found(skills, "what can you do"))


def test_only_timers_are_changed_by_what_comes_with_voiced(skills: SkillSet) -> None:
    for text in ("turn on the lights", "how much time is left", "stop", "tell me a joke"):
        assert not skills.has_effect(found(skills, text))
    for text in ("set a timer for ten minutes", "cancel all timers", "pause the pizza timer"):
        assert skills.has_effect(found(skills, text))


def test_matches_a_house_of_its_own() -> None:
    names = HouseNames(areas=("observatory",), devices=(Device("star projector", "light"),))
    skills = SkillSet("en", names)
    assert found(skills, "turn on the star projector").slots["name"] == "star projector"
    assert found(skills, "turn off the observatory lights").slots["area"] == "observatory"
    assert skills.match("turn off the kitchen lights") is None


def test_two_skills_for_one_intent_are_refused() -> None:
    clock = next(skill for skill in builtin_skills() if skill.name == "clock")
    with pytest.raises(ConfigError, match='"clock" and "clock" both answer'):
        SkillSet("en", skills=[clock, type(clock)()])


def test_a_language_without_skills_is_named() -> None:
    with pytest.raises(ConfigError, match='language "xx"'):
        SkillSet("xx")
