"""What a language brings: its data files, the words of a skill, the templates of its sentences."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import home_assistant_intents
from hassil.intents import Intents

from voiced.skills.contracts import Skill, Spoken

OWN = "own"
"""The metadata that marks a skill's own sentences without free text: they go before all others."""


class Source(StrEnum):
    """Where sentences come from."""

    OWN = "own"
    """The skills' own data files."""
    HOME_ASSISTANT = "home-assistant"
    """home-assistant-intents: all that people may say."""
    RECOGNISER = "recogniser"
    """home-assistant-intents: the lean choice that it makes for recognisers, in some languages."""


_DATA = Path(__file__).parent / "data"
_LIST_NAME = re.compile(r"\{(\w+)")


def read_table(language: str, name: str) -> Mapping[str, Any]:
    """The table `data/<language>/<name>.toml`; empty where the language has none."""
    path = _DATA / language / f"{name}.toml"
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        return tomllib.load(file)


class SkillWords:
    """The words of one skill in one language, as `contracts.Words` wants them."""

    def __init__(self, table: Mapping[str, Any], spoken: Spoken) -> None:
        self._table = table
        self._spoken = spoken

    @property
    def spoken(self) -> Spoken:
        return self._spoken

    def say(self, phrase: str, **values: str) -> str:
        return self.choices(phrase)[0].format(**values)

    def choices(self, phrase: str) -> Sequence[str]:
        said = self._table["phrases"][phrase]
        return (said,) if isinstance(said, str) else tuple(said)

    def table(self, name: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self._table.get(name, {})
        return found


def load_templates(language: str, skills: Iterable[Skill], sources: Collection[Source]) -> Intents:
    """The sentences of `sources` for the intents of `skills`, with all that they refer to."""
    skills = tuple(skills)
    served = frozenset[str]().union(*(skill.intents for skill in skills))
    base = home_assistant_intents.get_intents(language) or {}
    lists = dict(base.get("lists", {}))
    rules = dict(base.get("expansion_rules", {}))
    data: dict[str, list[Mapping[str, Any]]] = {}

    def add(intents: Mapping[str, Any], *, own: bool = False) -> None:
        for intent in served.intersection(intents):
            for block in intents[intent]["data"]:
                goes_first = own and not any(
                    lists.get(name, {}).get("wildcard")
                    for sentence in block["sentences"]
                    for name in _LIST_NAME.findall(sentence)
                )
                metadata = {"metadata": {OWN: True}} if goes_first else {}
                data.setdefault(intent, []).append({**block, **metadata})

    if Source.OWN in sources:
        for skill in skills:
            own = read_table(language, skill.name)
            lists.update(own.get("lists", {}))
            rules.update(own.get("expansion_rules", {}))
            add(own.get("intents", {}), own=True)
    if Source.RECOGNISER in sources:
        lean = home_assistant_intents.get_speech_to_phrase_intents(language) or {}
        add(lean.get("intents", {}))
    if Source.HOME_ASSISTANT in sources:
        add(base.get("intents", {}))
    return Intents.from_dict(
        {
            "language": language,
            "skip_words": base.get("skip_words", []),
            "lists": lists,
            "expansion_rules": rules,
            "intents": {intent: {"data": data[intent]} for intent in sorted(data)},
        }
    )
