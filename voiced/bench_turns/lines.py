"""The sentences that the person says, from `utterances.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("utterances.toml")
_PAUSE = "|"


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence for one voice; where it has several `parts`, the person hesitates between them."""

    parts: tuple[str, ...]
    voice: str

    @property
    def text(self) -> str:
        """The whole sentence, as a recogniser would write it."""
        return " ".join(self.parts)


@dataclass(frozen=True, slots=True)
class Script:
    """All that is said in the scenes."""

    voices: dict[str, dict[str, Any]]
    """How each voice is made: a text-to-speech `engine` and its options."""
    commands: tuple[Line, ...]
    questions: tuple[Line, ...]
    pauses: tuple[Line, ...]
    interruptions: tuple[Line, ...]
    backchannels: tuple[Line, ...]
    prompts: tuple[Line, ...]
    """Questions of which the recogniser is sure; what answers them is up to the scene."""
    long_answer: tuple[str, ...]
    """Paragraphs for an answer that is long enough to be interrupted."""


def load_script() -> Script:
    """The script that ships with voiced."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    groups = {
        name: _lines(table[name])
        for name in ("commands", "questions", "pauses", "interruptions", "backchannels", "prompts")
    }
    return Script(voices=table["voices"], long_answer=tuple(table["long_answer"]), **groups)


def alternating(*groups: Sequence[Line]) -> list[Line]:
    """The lines of the groups in turns: one of each, until all have been taken."""
    return [line for row in zip_longest(*groups) for line in row if line is not None]


def thinned(lines: Sequence[Line], count: int) -> list[Line]:
    """At most `count` of `lines`, evenly taken from among them."""
    if count >= len(lines):
        return list(lines)
    return [lines[i * len(lines) // count] for i in range(count)]


def _lines(by_voice: dict[str, list[str]]) -> tuple[Line, ...]:
    groups = [
        [Line(tuple(part.strip() for part in text.split(_PAUSE)), voice) for text in texts]
        for voice, texts in by_voice.items()
    ]
    return tuple(alternating(*groups))
