"""The configured engines, with a language model that is watched, or that says what a scene needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from voiced.config import Settings
from voiced.engines.contracts import Cancel, LanguageModel
from voiced.types import Message, Prefill
from voiced.workshop import Engines

_CHARACTERS_A_TOKEN: Final = 4


@dataclass(slots=True)
class Readings:
    """What a language model had to read."""

    prefix_tokens: int = 0
    """How long that is which stands before every conversation."""
    reevaluated_prefix_tokens: int = 0
    """How many of these it read again, after the start."""


class WatchedModel:
    """A `LanguageModel` that notes what another one reads."""

    def __init__(self, model: LanguageModel, readings: Readings) -> None:
        self._model = model
        self._readings = readings

    @property
    def context_tokens(self) -> int:
        return self._model.context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:
        prefill = self._model.begin(prefix, cancel)
        if self._readings.prefix_tokens:
            self._note(prefill)
        self._readings.prefix_tokens = prefill.total_tokens
        return prefill

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:
        prefill = self._model.extend(messages, cancel)
        self._note(prefill)
        return prefill

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        return self._model.generate(max_tokens=max_tokens)

    def close(self) -> None:
        self._model.close()

    def _note(self, prefill: Prefill) -> None:
        readings = self._readings
        again = max(0, readings.prefix_tokens - prefill.reused_tokens)
        readings.reevaluated_prefix_tokens += again


class LongWindedModel:
    """A `LanguageModel` that answers whatever it is asked with the same long text."""

    context_tokens = 1_000_000

    def __init__(self, answer: str) -> None:
        self._words = answer.split()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages) // _CHARACTERS_A_TOKEN

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:  # noqa: ARG002
        return self._read(prefix)

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:  # noqa: ARG002
        return self._read(messages)

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        for word in self._words[:max_tokens]:
            yield f"{word} "

    def close(self) -> None:
        pass

    def _read(self, messages: Sequence[Message]) -> Prefill:
        tokens = self.count_tokens(messages)
        return Prefill(tokens, tokens)


@dataclass
class WatchedEngines(Engines):
    """The configured engines; `readings` says what the language model read."""

    settings: Settings
    readings: Readings = field(default_factory=Readings)

    def __post_init__(self) -> None:
        super().__init__(self.settings)

    def llm(self) -> LanguageModel:
        return WatchedModel(super().llm(), self.readings)


@dataclass
class LongWindedEngines(Engines):
    """The configured engines, but the language model tells a long story."""

    settings: Settings
    answer: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.settings)

    def llm(self) -> LanguageModel:
        return LongWindedModel(self.answer)
