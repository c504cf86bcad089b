"""Engines that break in every way that native code knows, for `voiced.isolation` to build elsewhere.

What they are to do is said in the content of a message. They stand for `registry.build` by the name `BUILD`.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

import numpy as np
from msgspec import Struct

from voiced.engines.contracts import BuildContext, Cancel
from voiced.errors import ConfigError, EngineError, ModelError
from voiced.types import AudioChunk, Message, Prefill, Transcript, WordEnd

BUILD: Final = f"{__name__}:build"

HANG_S: Final = 600
LINGER_S: Final = 0.1


class Options(Struct, frozen=True, kw_only=True):
    """What an engine is built with."""

    said: str = ""


class Models:
    """A `ModelLocator` that travels."""

    def path(self, model: str) -> Path:
        return Path("/models") / model


def build(kind: str, name: str, options: Options | None, context: BuildContext) -> Any:
    """`name` is a deed that is done first, or "fine"."""
    do(name)
    if kind == "llm":
        return Model()
    if kind == "tts":
        return Voice()
    said = options.said if options is not None else ""
    return Recogniser(
        f"{said} {context.models.path('m')} {context.language} {context.threads} "
        f"{context.cache_dir} {' '.join(context.sentences())}"
    )


class OddError(EngineError):
    """Known here only, and not to be made from a message alone."""

    def __init__(self, number: int, of: int) -> None:
        super().__init__(f"{number} of {of}")


def do(deed: str) -> int:
    """Do it; a number where something is to be told of the process."""
    return _DEEDS[deed]()


def _raise(error: BaseException) -> int:
    raise error


def _write_to_parent(data: bytes) -> None:
    os.write(int(sys.argv[1]), data)


def _talk_nonsense() -> int:
    _write_to_parent(b"garbage " * 100)
    return _hang()


def _talk_nonsense_of_the_right_length() -> int:
    _write_to_parent(b"\0\0\0\7garbage")
    return _hang()


def _break_off() -> int:
    _write_to_parent(b"\0\0\4\0the beginning")
    os._exit(0)


def _hang() -> int:
    # With the interpreter locked: no other thread of this process runs.
    return int(ctypes.PyDLL(None).sleep(HANG_S))


def _tell_the_log() -> int:
    log = logging.getLogger("voiced.fragile")
    log.info("this is worth knowing")
    log.debug("this is not")
    return 1


def _connect() -> int:
    with socket.socket() as tcp:
        return tcp.connect_ex(("127.0.0.1", 9))


_DEEDS: Final[dict[str, Callable[[], int]]] = {
    "fine": lambda: 1,
    "read address 0": lambda: len(ctypes.string_at(0)),
    "abort": os.abort,
    "be killed": lambda: os.kill(os.getpid(), signal.SIGKILL) or _hang(),
    "be terminated": lambda: os.kill(os.getpid(), signal.SIGTERM) or _hang(),
    "exit": lambda: os._exit(3),
    "quit": lambda: sys.exit(4),
    "hang": _hang,
    "nonsense": _talk_nonsense,
    "a message of nonsense": _talk_nonsense_of_the_right_length,
    "half a message": _break_off,
    "model": lambda: _raise(ModelError("the model is missing: pull it")),
    "engine": lambda: _raise(EngineError("it broke")),
    "config": lambda: _raise(ConfigError("there is no such voice")),
    "odd": lambda: _raise(OddError(1, 2)),
    "value": lambda: _raise(ValueError("a \ud800 value")),
    "import": lambda: _raise(ModuleNotFoundError("no module")),
    "connect": _connect,
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT) or 1,
    "nice": lambda: os.nice(0),
    "read stdin": lambda: len(sys.stdin.read()),
    "descriptors": lambda: len(os.listdir("/proc/self/fd")) - 1,
    "core size": lambda: resource.getrlimit(resource.RLIMIT_CORE)[0],
    "log": _tell_the_log,
}


class Model:
    """A `LanguageModel`."""

    context_tokens = 77

    def __init__(self) -> None:
        self._said = ""
        self._cancel: Cancel = threading.Event()
        self.closed_after = -1

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Do what the last message says."""
        deed = messages[-1].content
        return self.closed_after if deed == "closed after" else do(deed)

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:
        return self.extend(prefix, cancel)

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:
        """Look at `cancel` for as long as the last message says, or once; 1 token where it was set."""
        self._said = messages[-1].content
        self._cancel = cancel
        is_set = cancel.is_set()
        while self._said == "wait" and not is_set:
            is_set = cancel.is_set()
        return Prefill(int(is_set), 0)

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        """Numbers; then what the last message says."""
        number = 0
        try:
            for number in range(max_tokens):
                yield str(number)
            if self._said:
                do(self._said)
        finally:
            self.closed_after = number
            until_s = monotonic() + LINGER_S
            while self._said == "linger" and monotonic() < until_s:
                # Its call has ended long ago.
                self._cancel.is_set()

    def close(self) -> None:
        if self._said == "hang":
            _hang()


class Recogniser:
    """A `SpeechToText` that tells what it was built with, and of how many samples it heard."""

    def __init__(self, built_with: str) -> None:
        self.built_with = built_with

    def open(self) -> Utterance:
        return Utterance(self.built_with)

    def close(self) -> None:
        pass


class Utterance:
    """Fails at silence, and never comes back from a chunk that starts at 1."""

    def __init__(self, built_with: str) -> None:
        self._built_with = built_with
        self._samples = 0

    def feed(self, chunk: AudioChunk) -> None:
        if chunk.start_sample == 1:
            _hang()
        if not chunk.samples.any():
            raise EngineError("nothing but silence")
        self._samples += len(chunk.samples)

    def partial(self) -> str:
        return self._built_with

    def transcript(self) -> Transcript:
        return Transcript(str(self._samples), 0.5, -1.5, 0.25)

    def close(self) -> None:
        pass


class Voice:
    """A `TextToSpeech`: a chunk a word."""

    rate_hz = 8_000

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        for number, word in enumerate(clause.split()):
            samples = np.full(10, len(word), np.int16)
            yield AudioChunk(samples, 8_000, 10 * number, (WordEnd(number + 1, 10 * number + 10),))

    def close(self) -> None:
        pass
