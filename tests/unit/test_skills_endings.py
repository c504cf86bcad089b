"""Whether a command may go on, as the expected sentences tell it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.skills.endings import Endings
from voiced.skills.sentences import expected_sentences
from voiced.skills.skillset import SkillSet

SENTENCES = expected_sentences("en")


@pytest.fixture(scope="module")
def skills() -> SkillSet:
    return SkillSet("en", wake_phrases=["okay nabu"], sentences=SENTENCES)


def share(skills: SkillSet, text: str) -> float:
    found = skills.end_share(text)
    assert found is not None, f"nothing is known of {text!r}"
    return found


@pytest.mark.parametrize(
    "text",
    [
        "set a timer for",
        "turn on the",
        "play some",
        "remind me to call the",
        "set an alarm for seven in the",
        "add eggs to",
        "what is the temperature in",
        "is it possible to see the",
    ],
)
def test_hangs(skills: SkillSet, text: str) -> None:
    assert share(skills, text) < 0.03


@pytest.mark.parametrize(
    "text",
    [
        "set a timer for ten minutes",
        "turn on the lights in the kitchen",
        "good night",
        "be quiet",
        "tell me a joke",
        "what's on my shopping list",
    ],
)
def test_is_over(skills: SkillSet, text: str) -> None:
    assert share(skills, text) > 0.5


@pytest.mark.parametrize("text", ["turn on the lights", "set an alarm", "what time is it"])
def test_may_go_on(skills: SkillSet, text: str) -> None:
    assert 0.1 < share(skills, text) < 0.7


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Set a timer for 10 minutes.", "set a timer for ten minutes"),
        ("Dim the lights to 45%", "dim the lights to forty five percent"),
        ("at 7:30", "at seven thirty"),
        ("Okay Nabu, um, turn on the TV!", "turn on the tv"),
    ],
)
def test_spellings_are_one(skills: SkillSet, written: str, spoken: str) -> None:
    assert share(skills, written) == share(skills, spoken)


@pytest.mark.parametrize("text", ["", "okay nabu", "who painted the mona lisa", "a" * 10_000, "🙂"])
def test_words_that_say_nothing(skills: SkillSet, text: str) -> None:
    assert skills.end_share(text) is None


def test_without_sentences_nothing_is_known() -> None:
    assert SkillSet("en").end_share("set a timer for") is None


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60) | st.lists(st.sampled_from(SENTENCES), max_size=3).map(" ".join))
def test_is_a_probability(skills: SkillSet, text: str) -> None:
    found = skills.end_share(text)
    assert found is None or 0.0 <= found <= 1.0


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(SENTENCES))
def test_a_sentence_ends_at_its_end_rather_than_before_it(sentence: str) -> None:
    endings = Endings([sentence])
    words = sentence.split()
    shares = [endings.share(words[:length]) or 0.0 for length in range(1, len(words) + 1)]
    assert shares[-1] == max(shares)


def test_the_same_beginning_counts_more_than_the_last_words() -> None:
    endings = Endings(["open the door"] * 9 + ["lock the door now"] * 9)
    opened, locked = endings.share(["open", "the", "door"]), endings.share(["lock", "the", "door"])
    assert opened is not None
    assert locked is not None
    assert locked < 0.1
    assert opened > 0.9
