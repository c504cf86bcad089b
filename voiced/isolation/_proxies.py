"""Engines that are elsewhere: the contracts of `engines/contracts.py`, over a process."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final, Literal, overload

from msgspec import Struct

from voiced.engines.contracts import BuildContext, Cancel
from voiced.errors import EngineError
from voiced.isolation._process import EngineProcess
from voiced.isolation._wire import ENGINE, Blueprint
from voiced.types import AudioChunk, Message, Prefill, Transcript

_BUILD: Final = "voiced.engines.registry:build"


class IsolatedEngine:
    """What all of them have beside their contract."""

    def __init__(self, process: EngineProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def kill(self) -> None:
        """End the process at once, from any thread: for an engine that hangs.

        A call that waits for it, and all that follow, raise `EngineError`; `close` is wanted all the same.
        """
        self._process.kill()

    def close(self) -> None:
        """See the contract; ends the process, by force where it takes longer than 0.8 s to end."""
        self._process.close()


class IsolatedSpeechToText(IsolatedEngine):
    """A `SpeechToText`. `feed` does not wait; what it raises comes with the next look at the text."""

    def open(self) -> _IsolatedSession:
        return _IsolatedSession(self._process, self._process.keep("open"))


class _IsolatedSession:
    def __init__(self, process: EngineProcess, number: int) -> None:
        self._process = process
        self._number = number
        self._is_open = True

    def feed(self, chunk: AudioChunk) -> None:
        self._check()
        self._process.tell(self._number, "feed", chunk)

    def partial(self) -> str:
        self._check()
        text: str = self._process.ask(self._number, "partial")
        return text

    def transcript(self) -> Transcript:
        self._check()
        transcript: Transcript = self._process.ask(self._number, "transcript")
        return transcript

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._process.drop(self._number)

    def _check(self) -> None:
        if not self._is_open:
            raise EngineError("this utterance was dropped: open another session")


class IsolatedLanguageModel(IsolatedEngine):
    """A `LanguageModel`. A `Cancel` takes effect within 10 ms and what the model itself needs."""

    @property
    def context_tokens(self) -> int:
        tokens: int = self._process.properties["context_tokens"]
        return tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        tokens: int = self._process.ask(ENGINE, "count_tokens", messages)
        return tokens

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:
        prefill: Prefill = self._process.ask(ENGINE, "begin", prefix, cancel=cancel)
        return prefill

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:
        prefill: Prefill = self._process.ask(ENGINE, "extend", messages, cancel=cancel)
        return prefill

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        return self._process.items("generate", max_tokens=max_tokens)


class IsolatedTextToSpeech(IsolatedEngine):
    """A `TextToSpeech`."""

    @property
    def rate_hz(self) -> int:
        rate_hz: int = self._process.properties["rate_hz"]
        return rate_hz

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        return self._process.items("synthesize", clause)


@overload
def isolated(
    kind: Literal["stt"],
    name: str,
    options: Struct | None,
    context: BuildContext,
    *,
    build: str = _BUILD,
) -> IsolatedSpeechToText: ...
@overload
def isolated(
    kind: Literal["llm"],
    name: str,
    options: Struct | None,
    context: BuildContext,
    *,
    build: str = _BUILD,
) -> IsolatedLanguageModel: ...
@overload
def isolated(
    kind: Literal["tts"],
    name: str,
    options: Struct | None,
    context: BuildContext,
    *,
    build: str = _BUILD,
) -> IsolatedTextToSpeech: ...


def isolated(
    kind: Literal["stt", "llm", "tts"],
    name: str,
    options: Struct | None,
    context: BuildContext,
    *,
    build: str = _BUILD,
) -> IsolatedEngine:
    """As `registry.build`, in a process of its own; raises the same, and `EngineError` where it crashes.

    `build` is the function that builds it there, as "module:function", with `registry.build`'s parameters.
    `options` and `context.models` travel as pickles, the sentences are made here.
    """
    who, properties, proxy = _KINDS[kind]
    blueprint = Blueprint(
        build=build,
        kind=kind,
        name=name,
        options=options,
        models=context.models,
        cache_dir=context.cache_dir,
        language=context.language,
        threads=context.threads,
        # Only recognisers ask for them.
        sentences=tuple(context.sentences()) if kind == "stt" else (),
        properties=properties,
        log_level=logging.getLogger("voiced").getEffectiveLevel(),
    )
    return proxy(EngineProcess(who, blueprint))


_KINDS: Final[dict[str, tuple[str, tuple[str, ...], type[IsolatedEngine]]]] = {
    "stt": ("the recogniser", (), IsolatedSpeechToText),
    "llm": ("the language model", ("context_tokens",), IsolatedLanguageModel),
    "tts": ("the voice", ("rate_hz",), IsolatedTextToSpeech),
}
