"""What every skill has to keep to, over every skill that is there."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import home_assistant_intents
import pytest

from voiced.skills.contracts import Skill, World
from voiced.skills.language import Source, load_templates, read_table
from voiced.skills.sentences import expected_sentences
from voiced.skills.skillset import SkillSet, builtin_skills
from voiced.store import Store, Timer
from voiced.timers import TimerBook

SKILLS = builtin_skills()
LANGUAGES = ["en"]


@pytest.fixture(scope="module")
def skills() -> SkillSet:
    return SkillSet("en")


@pytest.fixture(scope="module")
def replies(skills: SkillSet) -> dict[str, list[str]]:
    """What is said to each intent over all expected sentences, with nothing connected."""
    return replies_in(World(now, "It's noon."), skills)


@pytest.fixture(scope="module")
def replies_at_home(
    skills: SkillSet, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[str]]]:
    """The same in a process that keeps timers."""
    store = Store.open(tmp_path_factory.mktemp("state") / "voiced.db")
    yield replies_in(World(now, "It's noon.", TimerBook(store)), skills)
    store.close()


def now() -> datetime:
    return datetime(2026, 3, 3, 12, 42, tzinfo=UTC)


def replies_in(world: World, skills: SkillSet) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for sentence in sorted(set(expected_sentences("en")))[::8]:
        match = skills.match(sentence)
        if match is not None:
            said.setdefault(match.intent, []).append(skills.answer(match, world).speech)
    return said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_has_sentences_for_every_intent(skill: Skill, language: str) -> None:
    own = read_table(language, skill.name).get("intents", {})
    assert set(own) <= skill.intents, "sentences for an intent that the skill does not answer"
    known = home_assistant_intents.get_intents(language)
    assert known is not None
    assert skill.intents <= set(own) | set(known["intents"]), "an intent without a sentence"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_phrases_are_speakable(skill: Skill, language: str) -> None:
    phrases = read_table(language, skill.name)["phrases"]
    said = [(name, one) for name, text in phrases.items() for one in _listed(text)]
    for phrase, text in said:
        spoken = "".join(literal for literal, *_ in string.Formatter().parse(text))
        assert spoken.rstrip().endswith((".", "!", "?")), phrase
        assert not any(character.isdigit() for character in spoken), phrase
        assert "\n" not in spoken, phrase


def _listed(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_changes_only_what_it_answers(skill: Skill) -> None:
    assert skill.changes <= skill.intents


def test_every_template_parses() -> None:
    parsed = load_templates("en", SKILLS, list(Source))
    assert sum(len(data.sentences) for i in parsed.intents.values() for data in i.data) > 500


@pytest.mark.parametrize("where", ["replies", "replies_at_home"])
def test_no_reply_has_a_digit_or_an_open_placeholder(
    where: str, request: pytest.FixtureRequest
) -> None:
    replies: dict[str, list[str]] = request.getfixturevalue(where)
    said = {speech for speeches in replies.values() for speech in speeches}
    assert [s for s in said if any(c.isdigit() or c in "{}_" for c in s)] == []
    assert [s for s in said if "  " in s or s != s.strip()] == []


def test_what_changes_something_is_never_answered_for_nothing(
    skills: SkillSet, tmp_path: Path
) -> None:
    store = Store.open(tmp_path / "voiced.db")
    store.add_timer(Timer(0, "pizza", 600.0, 0.0, None, None, "", 600.0))
    world = World(now, "It's noon.", TimerBook(store))
    for sentence in sorted(set(expected_sentences("en")))[::8]:
        match = skills.match(sentence)
        if match is not None and not skills.has_effect(match):
            before = store.timers()
            skills.answer(match, world)
            assert store.timers() == before, sentence
    store.close()


@pytest.mark.parametrize("name", ["house", "lists", "timers"])
def test_what_cannot_be_done_is_never_claimed(name: str, replies: dict[str, list[str]]) -> None:
    skill = next(skill for skill in SKILLS if skill.name == name)
    said = [speech for intent in skill.intents for speech in replies.get(intent, [])]
    assert said
    assert [speech for speech in said if "can't" not in speech] == []
