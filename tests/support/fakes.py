"""Engines for scripted scenes: they obey the same contract tests as the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tests.support.coded_speech import Codebook, words
from voiced.engines.contracts import Cancel
from voiced.errors import EngineError
from voiced.skills.contracts import Question, Reply, SkillMatch, World
from voiced.types import (
    SAMPLE_RATE_HZ,
    AudioChunk,
    Detection,
    Message,
    Prefill,
    Role,
    Samples,
    Transcript,
    WordEnd,
)

_AUDIBLE = 500


class FakeVad:
    """Whatever is loud enough is speech."""

    def probability(self, chunk: AudioChunk) -> float:
        return float(np.abs(chunk.samples.astype(np.int32)).mean() > _AUDIBLE)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


class FakeWake:
    """Hears "okay nabu" once its last word has been said to its end."""

    phrases = ("okay nabu",)

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._heard: list[Samples] = []

    def detect(self, chunk: AudioChunk) -> Detection | None:
        self._heard = [*self._heard[-40:], chunk.samples]
        heard = np.concatenate(self._heard)
        if self._codebook.read(heard).endswith("okay nabu") and not heard[-1]:
            self._heard = []
            return Detection("okay nabu", 1.0, chunk.end_sample)
        return None

    def reset(self) -> None:
        self._heard = []

    def close(self) -> None:
        pass


class FakeStt:
    """Reads coded speech. `broken` makes the next transcript fail."""

    def __init__(self, codebook: Codebook, confidence: float = 0.9) -> None:
        self.codebook = codebook
        self.confidence = confidence
        self.broken = False
        self.open_sessions = 0

    def open(self) -> FakeSession:
        self.open_sessions += 1
        return FakeSession(self)

    def close(self) -> None:
        pass


class FakeSession:
    """One utterance of coded speech."""

    def __init__(self, stt: FakeStt) -> None:
        self._stt = stt
        self._fed: list[Samples] = []
        self._is_open = True

    def feed(self, chunk: AudioChunk) -> None:
        self._fed.append(chunk.samples)

    def partial(self) -> str:
        return self._stt.codebook.read(np.concatenate([np.zeros(0, np.int16), *self._fed]))

    def transcript(self) -> Transcript:
        if self._stt.broken:
            self._stt.broken = False
            message = "the recogniser broke"
            raise EngineError(message)
        text = self.partial()
        return Transcript(text, self._stt.confidence, no_speech_probability=float(not text))

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._stt.open_sessions -= 1


class FakeLlm:
    """Answers from a table; a token is a word. It asks before each token whether to stop.

    `ends` says how likely a message is whole; `prefills` has that of every question.
    """

    context_tokens = 1024

    def __init__(
        self,
        answers: Mapping[str, str] | None = None,
        ends: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        self._answers = answers or {}
        self._ends = ends
        self.prefills: list[Prefill] = []
        self._context: list[str] = []
        self._question: str | None = None
        self._generation = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(self._tokens(messages))

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:
        tokens = [*self._tokens(prefix)[:-1], f"<{Role.USER}>"]
        self._question = None
        return self._read(tokens, len(tokens), cancel)

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:
        tokens = self._tokens(messages)
        self._question = None
        prefill = self._read(tokens, len(tokens) - 1, cancel)
        if prefill.total_tokens < len(tokens):
            return prefill
        self._question = messages[-1].content if messages else ""
        prefill = replace(prefill, end_probability=self._ends(self._question))
        if messages[-1].role is Role.USER:
            self.prefills.append(prefill)
        return prefill

    def _read(self, tokens: list[str], reusable: int, cancel: Cancel) -> Prefill:
        if len(tokens) >= self.context_tokens:
            raise EngineError(f"the context holds {self.context_tokens}, not {len(tokens)} tokens")
        self._generation += 1
        reused = 0
        for have, want in zip(self._context, tokens[:reusable], strict=False):
            if have != want:
                break
            reused += 1
        del self._context[reused:]
        for token in tokens[reused:]:
            if cancel.is_set():
                break
            self._context.append(token)
        return Prefill(len(self._context), reused)

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        if self._question is None:
            raise EngineError("there is nothing to answer: extend the conversation first")
        answer = self._answers.get(self._question, "i do not know")
        self._question = None
        generation = self._generation
        room = self.context_tokens - len(self._context)
        for number, word in enumerate(answer.split()[: min(max_tokens, room)]):
            if self._generation != generation:
                return
            self._context.append(word)
            yield word if number == 0 else f" {word}"

    def close(self) -> None:
        pass

    def _tokens(self, messages: Sequence[Message]) -> list[str]:
        tokens: list[str] = []
        for message in messages:
            tokens += [f"<{message.role}>", *message.content.split(), "<end>"]
        return [*tokens, f"<{Role.ASSISTANT}>"]


class FakeTts:
    """Speaks in code, a word a chunk."""

    rate_hz = SAMPLE_RATE_HZ

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        start_sample = 0
        spoken = words(clause)
        is_plain = len(spoken) == len(clause.split())
        for number, word in enumerate(spoken, 1):
            samples = self._codebook.say(word)
            ends = (WordEnd(number, start_sample + len(samples)),) if is_plain else ()
            yield AudioChunk(samples, self.rate_hz, start_sample, ends)
            start_sample += len(samples)

    def close(self) -> None:
        pass


class FakeSkills:
    """Skills that are a table. A reply that begins with "!" has an effect, which `effects` counts.

    One that ends with "?" asks; after a yes it is "done".
    """

    def __init__(self, replies: Mapping[str, str], end_shares: Mapping[str, float]) -> None:
        self._replies = replies
        self._end_shares = end_shares
        self.effects: list[str] = []

    def has_effect(self, match: SkillMatch) -> bool:
        return self._replies[match.text].startswith("!")

    def end_share(self, text: str) -> float | None:
        return self._end_shares.get(text)

    def match(self, text: str) -> SkillMatch | None:
        intent = "VoicedStop" if text == "stop" else "Fake"
        return SkillMatch(intent, text) if text in self._replies else None

    def answer(self, match: SkillMatch, world: World) -> Reply:
        if self.has_effect(match):
            self.effects.append(match.text)
        said = self._replies[match.text].removeprefix("!")
        if said.endswith("?") and not match.is_confirmed:
            return Reply(said, Question(match))
        return Reply("done" if match.is_confirmed else said)
