"""The sentences of a benchmark: what is said, and what must come of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from voiced.bench_understanding.house import synthetic_house
from voiced.errors import ConfigError
from voiced.skills.names import HouseNames

ANY_INTENT: Final = "*"
NO_COMMAND: Final = "none"
"""The topic of what no skill may take."""

_FOLDER: Final = Path(__file__).with_name("sentences")
_KEYS: Final = frozenset({"intent", "slots", "says"})


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence. `intent` is "" where no skill may take it, "*" where any may; `slots` are the match's."""

    topic: str
    text: str
    intent: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cases:
    """All of a file, and the house that they speak of; None: whatever is configured."""

    language: str
    cases: tuple[Case, ...]
    names: HouseNames | None = None

    def thinned(self, most: int) -> Cases:
        """At most `most` of each topic, evenly taken from among them."""
        chosen: list[Case] = []
        for topic in dict.fromkeys(case.topic for case in self.cases):
            ours = [case for case in self.cases if case.topic == topic]
            count = min(most, len(ours))
            chosen += [ours[index * len(ours) // count] for index in range(count)]
        return Cases(self.language, tuple(chosen), self.names)


def load_cases(language: str, file: Path | None = None) -> Cases:
    """Those of `file`, or voiced's own in `language`. Raises `ConfigError`, which names what is wrong."""
    path = file or _FOLDER / f"{language}.toml"
    if file is None and not path.is_file():
        raise ConfigError(
            f'voiced has no sentences of its own in the language "{language}"; give some: --sentences FILE'
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read sentences from {path}: {error}") from error
    spoken = table.pop("language", language)
    size = table.pop("synthetic_house", None)
    cases = tuple(
        case
        for topic, groups in table.items()
        for number, group in enumerate(_list(groups, f"{path}: [[{topic}]]"), 1)
        for case in _group(topic, group, f"{path}: [[{topic}]], number {number}")
    )
    if not cases:
        raise ConfigError(
            f'{path} holds no sentences; write [[topic]], intent = "...", says = [...]'
        )
    return Cases(spoken, cases, None if size is None else _names(spoken, size, path))


def _names(language: str, size: Any, path: Path) -> HouseNames:
    if not isinstance(size, dict) or not size.keys() <= {"entities", "areas"}:
        raise ConfigError(f"{path}: synthetic_house has the keys entities and areas")
    return synthetic_house(language, **size).names()


def _group(topic: str, group: Any, where: str) -> list[Case]:
    if not isinstance(group, dict) or not group.keys() <= _KEYS:
        raise ConfigError(f"{where}: the keys are {', '.join(sorted(_KEYS))}")
    slots, says = group.get("slots", {}), _list(group.get("says"), f"{where}, says")
    intent = group.get("intent", "")
    if not isinstance(slots, dict) or not all(isinstance(said, str) and said for said in says):
        raise ConfigError(f"{where}: slots is a table, says a list of sentences")
    if bool(intent) == (topic == NO_COMMAND):
        wrong = "takes no intent" if intent else 'needs an intent, or "*" for any'
        raise ConfigError(f"{where}: it {wrong}; what no skill may take stands in [[{NO_COMMAND}]]")
    wanted = {name: str(value) for name, value in slots.items()}
    return [Case(topic, said, intent, wanted) for said in says]


def _list(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ConfigError(f"{where}: a list is missing")
    return value
