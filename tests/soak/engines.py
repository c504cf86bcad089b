"""Fake engines that live for days: they keep nothing, cost nothing in silence, and take uneven time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from random import Random
from typing import Any, Final, TypeVar

from tests.support.coded_speech import Codebook
from tests.support.fakes import FakeLlm, FakeSkills, FakeWake
from tests.support.virtual_time import VirtualExecutor
from voiced.skills.contracts import Reply, SkillMatch, World
from voiced.types import AudioChunk, Detection, Prefill

T = TypeVar("T")

_SLOW_SHARE: Final = 0.01
_SLOW_FACTOR: Final = 30
"""One call in a hundred takes thirty times as long: a busy machine, a page that was swapped out."""


DIGITS: Final = 4
NUMERALS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip


class UnevenExecutor(VirtualExecutor):
    """Work takes a random time around `mean_s`, and now and then much longer."""

    def __init__(self, random: Random, mean_s: float) -> None:
        super().__init__()
        self._random = random
        self._mean_s = mean_s

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        is_slow = self._random.random() < _SLOW_SHARE
        longest_s = 2 * self._mean_s * (_SLOW_FACTOR if is_slow else 1)
        self.cost_s = self._random.uniform(0, longest_s)
        return super().submit(work, *args, **kwargs)


class Lore(Mapping[str, str]):
    """What is answered to "<beginning> <number>": a text with the number in it."""

    def __init__(self, answers: Mapping[str, str], fixed: Mapping[str, str]) -> None:
        """`answers` are texts with `{}` in them, by the beginning of the question."""
        self._answers = answers
        self._fixed = fixed

    def __getitem__(self, question: str) -> str:
        if question in self._fixed:
            return self._fixed[question]
        words = question.split()
        beginning, number = " ".join(words[:-DIGITS]), words[-DIGITS:]
        if not all(word in NUMERALS for word in number) or len(number) < DIGITS:
            raise KeyError(question)
        return self._answers[beginning].replace("{}", " ".join(number))

    def __iter__(self) -> Iterator[str]:
        return iter((*self._answers, *self._fixed))

    def __len__(self) -> int:
        return len(self._answers) + len(self._fixed)


class ThriftyWake(FakeWake):
    """Hears "okay nabu"; silence costs it nothing."""

    def detect(self, chunk: AudioChunk) -> Detection | None:
        if not self._heard and not chunk.samples.any():
            return None
        if not chunk.samples.any() and not any(samples.any() for samples in self._heard):
            self.reset()
            return None
        return super().detect(chunk)


class ForgetfulLlm(FakeLlm):
    """Keeps no list of what it read, and its context is soon full: what grows shows beside it."""

    context_tokens = 300

    def extend(self, messages: Any, cancel: Any) -> Prefill:
        prefill = super().extend(messages, cancel)
        self.prefills.clear()
        return prefill


class CountingSkills(FakeSkills):
    """Says how often a reply had its effect."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        super().__init__(replies, {})
        self.happened: Counter[str] = Counter()

    def answer(self, match: SkillMatch, world: World) -> Reply:
        reply = super().answer(match, world)
        self.happened.update(self.effects)
        self.effects.clear()
        return reply


def spoken_number(number: int) -> str:
    """`number` digit by digit."""
    return " ".join(NUMERALS[int(digit)] for digit in f"{number % 10**DIGITS:0{DIGITS}}")


def all_words(codebook: Codebook, texts: list[str]) -> None:
    """Give every word its sound now, so that the table does not grow later."""
    for text in [*texts, *NUMERALS]:
        codebook.say(text)
