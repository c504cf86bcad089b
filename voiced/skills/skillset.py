"""From a transcript to a skill's reply. Knows no thread or device; `World` brings the clock."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, cast

from hassil.numbers import get_rbnf_engine
from hassil.recognize import RecognizeResult, recognize_best

from voiced.errors import ConfigError
from voiced.skills import builtin
from voiced.skills.contracts import Answer, Reply, Skill, SkillMatch, World
from voiced.skills.endings import Endings
from voiced.skills.language import OWN, SkillWords, Source, load_templates, read_table
from voiced.skills.names import HouseNames, common_names
from voiced.skills.normalise import normalise, strip_fillers, strip_wake_phrase
from voiced.skills.sampling import SIGNS
from voiced.skills.spoken import spoken_for

_MOST_CHARACTERS: Final = 500
"""Longer texts match nothing. No command is as long, and what hassil spends on a sentence with free
text in it grows with the square of its length: the worst found here takes 15 ms at 500 characters
and 160 ms at 2,000."""

_DIGITS: Final = re.compile(r"\d{1,9}(?::\d{2})?")

_COMMAND_SLOT: Final = "conversation_command"
"""Home-assistant-intents' slot for "lights off" in "lights off in five minutes"."""

_WARM_UP: Final = (
    "set a timer for one hour one minute and one second",
    "set the brightness of the kitchen to one percent",
    "set the temperature to one degree",
    "turn the volume up by one percent",
)
"""Sentences that make hassil build everything it otherwise builds when it is first needed."""


def builtin_skills() -> tuple[Skill, ...]:
    """The skills that come with voiced: every module of `voiced/skills/builtin`."""
    names = sorted(module.name for module in pkgutil.iter_modules(builtin.__path__))
    modules = (importlib.import_module(f"{builtin.__name__}.{name}") for name in names)
    return tuple(module.build() for module in modules)


class SkillSet:
    """What can be done without a language model, in one language."""

    def __init__(
        self,
        language: str = "en",
        names: HouseNames | None = None,
        *,
        skills: Sequence[Skill] | None = None,
        wake_phrases: Sequence[str] = (),
        sentences: Sequence[str] = (),
    ) -> None:
        """Parse the sentences; takes a quarter of a second, so that no match has to.

        `names` are common rooms and devices where none are given, `skills` those that come with
        voiced; `wake_phrases` are taken off the start of a sentence; `sentences` are the expected ones,
        for `end_share`. Raises `ConfigError` for a language that skills do not speak, or where two
        skills answer the same intent.
        """
        skills = builtin_skills() if skills is None else tuple(skills)
        spoken = spoken_for(language)
        self._by_intent = _by_intent(skills)
        self._words = {
            skill.name: SkillWords(read_table(language, skill.name), spoken) for skill in skills
        }
        self._lists = (names or common_names(language)).slot_lists()
        self._intents = load_templates(language, skills, (Source.OWN, Source.HOME_ASSISTANT))
        words = read_table(language, "words")
        self._fillers = tuple(words.get("fillers", ()))
        self._skipped = tuple(words.get("skipped", ()))
        self._spellings = dict(words.get("spellings", {}))
        self._wake_phrases = tuple(wake_phrases)
        self._numbers = get_rbnf_engine(language)
        self._endings = Endings(sentences)
        for sentence in _WARM_UP:
            self.match(sentence)

    @property
    def intents(self) -> frozenset[str]:
        """Every intent that one of the skills answers."""
        return frozenset(self._by_intent)

    def match(self, text: str) -> SkillMatch | None:
        """The intent that `text` as a whole expresses, or None.

        Case, punctuation, fillers and a leading wake phrase do not matter; numbers may be digits or
        words. Has no effect, so it may be asked about a sentence that is still being said.
        """
        if len(text) > _MOST_CHARACTERS:
            return None
        match = self._recognise(self._plain(text))
        if match is None or _COMMAND_SLOT not in match.slots:
            return match
        # Any words may stand for the command: "how far does light travel in five minutes" is none.
        command = self._recognise(match.slots[_COMMAND_SLOT])
        if command is None or _COMMAND_SLOT in command.slots:
            return None
        return replace(match, is_open=match.is_open and command.is_open)

    def end_share(self, text: str) -> float | None:
        """The probability (0..1) that a command which began with `text` ends there.

        From the expected sentences: near 0 after "set a timer for", a fifth after "turn on the lights",
        near 1 after "set a timer for ten minutes". Says nothing of whether `text` is a command at all.
        None where its last word is in no expected sentence, or none were given. Takes less than 0.1 ms.
        """
        if len(text) > _MOST_CHARACTERS:
            return None
        sentence = _DIGITS.sub(self._spelled, self._plain(text))
        for sign, word in SIGNS.items():
            sentence = sentence.replace(sign, word)
        return self._endings.share(sentence.split())

    def has_effect(self, match: SkillMatch) -> bool:
        """Whether answering `match` changes something: then only once the turn is committed."""
        return match.intent in self._by_intent[match.intent].changes

    def _plain(self, text: str) -> str:
        sentence = strip_wake_phrase(normalise(text, self._spellings), self._wake_phrases)
        return strip_fillers(sentence, self._fillers)

    def _spelled(self, digits: re.Match[str]) -> str:
        words = (self._numbers.format_number(int(part)).text for part in digits[0].split(":"))
        return " ".join(words).replace("-", " ")

    def _recognise(self, sentence: str) -> SkillMatch | None:
        if not sentence:
            return None
        result = recognize_best(
            sentence,
            self._intents,
            slot_lists=dict(self._lists),
            skip_words=list(self._skipped),
            # Where the person is, is not known yet; sentences that need to know it match anyway.
            intent_context={"area": ""},
            best_metadata_key=OWN,
            best_slot_name="name",
        )
        return None if result is None else _skill_match(result, sentence)

    def answer(self, match: SkillMatch, world: World) -> Reply | Callable[[], Awaitable[Reply]]:
        """What the skill of `match`, which came from this set, replies; or what gives it on the loop."""
        skill = self._by_intent[match.intent]
        answer = partial(skill.answer, match, world, self._words[skill.name])
        if inspect.iscoroutinefunction(skill.answer):
            return partial(_awaited, answer)
        return _as_reply(cast("Answer", answer()))


def _by_intent(skills: Sequence[Skill]) -> dict[str, Skill]:
    by_intent: dict[str, Skill] = {}
    for skill in skills:
        for intent in sorted(skill.intents):
            other = by_intent.setdefault(intent, skill)
            if other is not skill:
                message = f'the skills "{other.name}" and "{skill.name}" both answer {intent}'
                raise ConfigError(f"{message}; take one of them out")
    return by_intent


async def _awaited(answer: Callable[[], object]) -> Reply:
    return _as_reply(await cast("Awaitable[Answer]", answer()))


def _as_reply(answer: Answer) -> Reply:
    return Reply(answer) if isinstance(answer, str) else answer


def _skill_match(result: RecognizeResult, sentence: str) -> SkillMatch:
    slots = {name: _plain(entity.value) for name, entity in result.entities.items()}
    domain = result.context.get("domain")
    if isinstance(domain, str):
        slots.setdefault("domain", domain)
    return SkillMatch(
        intent=result.intent.name,
        text=sentence,
        slots={name: value for name, value in slots.items() if value},
        spoken={
            name: entity.text.strip()
            for name, entity in result.entities.items()
            if entity.text.strip()
        },
        response=result.response or "default",
        is_open=any(
            entity.is_wildcard and sentence.endswith(entity.text.strip())
            for entity in result.entities.values()
        ),
    )


def _plain(value: object) -> str:
    """A slot's value as text; hassil gives 5.0 for "5" and 5 for "five"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
