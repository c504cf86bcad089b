"""How fast each stage is on this machine: ratios to real time, taken in one run on the same sound.

The sound is the configured voice's own, so that nothing has to be recorded or shipped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np

from voiced.audio.resample import StreamResampler
from voiced.config import NO_ENGINE, Settings
from voiced.engines.contracts import TextToSpeech
from voiced.types import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    AudioChunk,
    Message,
    Role,
    Samples,
)
from voiced.workshop import Engines


class _Closeable(Protocol):
    def close(self) -> None: ...


E = TypeVar("E", bound=_Closeable)

_SENTENCES: Final = (
    "Turn off the kitchen lights.",
    "What time is it?",
    "Set a timer for ten minutes.",
    "The lights in the living room and in the bedroom are on, and the door is open.",
)
_QUESTION: Final = (
    Message(Role.SYSTEM, "You are a helpful voice assistant. Answer at length."),
    Message(Role.USER, "Tell me about the sea, the moon, and what one has to do with the other."),
)
_TOKENS: Final = 64
_MATCHES: Final = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. Real-time factor: seconds of work for a second of sound; less is faster."""

    stage: str
    engine: str
    figure: str
    value: float
    unit: str


def measure(settings: Settings) -> Iterator[Row]:
    """Load each engine in turn and measure it, alone; rows as they come. Raises `VoicedError`."""
    engines = Engines(settings)
    rows, sound = _measure_tts(engines)
    yield from rows
    vad = _Stage("voice activity", settings.vad.engine)
    yield from _measure_detector(vad, engines.vad, lambda e, block: e.probability(block), sound)
    wake = _Stage("wake word", settings.wake.engine)
    yield from _measure_detector(wake, engines.wake, lambda e, block: e.detect(block), sound)
    yield from _measure_stt(engines, sound)
    yield from _measure_skills(engines)
    if settings.llm.engine != NO_ENGINE:
        yield from _measure_llm(engines)


class _Stage:
    """Loads one engine and notes what that took."""

    def __init__(self, stage: str, engine: str) -> None:
        self._stage = stage
        self._engine = engine
        self.rows: list[Row] = []

    def note(self, figure: str, value: float, unit: str) -> None:
        self.rows.append(Row(self._stage, self._engine, figure, round(value, 4), unit))

    @contextmanager
    def loaded(self, build: Callable[[], E]) -> Iterator[E]:
        before_mb, begun_s = _resident_mb(), time.perf_counter()
        engine = build()
        self.note("load", time.perf_counter() - begun_s, "s")
        try:
            yield engine
            self.note("memory", max(0.0, _resident_mb() - before_mb), "MB")
        finally:
            engine.close()


def _measure_tts(engines: Engines) -> tuple[list[Row], Samples]:
    stage = _Stage("speech", engines.settings.tts.engine)
    spoken: list[Samples] = []
    with stage.loaded(engines.tts) as tts:
        _speak(tts, _SENTENCES[0])  # the first sentence pays for what is set up on first use
        first_sounds_s, work_s = [], 0.0
        for sentence in _SENTENCES:
            begun_s = time.perf_counter()
            chunks: list[Samples] = []
            for chunk in tts.synthesize(sentence):
                if not chunks:
                    first_sounds_s.append(time.perf_counter() - begun_s)
                chunks.append(chunk.samples)
            work_s += time.perf_counter() - begun_s
            spoken.extend((*chunks, np.zeros(tts.rate_hz // 2, np.int16)))
        sound = np.concatenate(spoken)
        speech_s = len(sound) / tts.rate_hz - 0.5 * len(_SENTENCES)
        stage.note("real-time factor", work_s / speech_s, "")
        stage.note("first sound", float(np.median(first_sounds_s)) * 1000, "ms")
        resampler = StreamResampler(tts.rate_hz, SAMPLE_RATE_HZ)
    return stage.rows, np.concatenate([resampler.process(sound), resampler.flush()])


def _speak(tts: TextToSpeech, sentence: str) -> None:
    for _ in tts.synthesize(sentence):
        pass


def _measure_detector(
    stage: _Stage, build: Callable[[], E], hear: Callable[[E, AudioChunk], object], sound: Samples
) -> Iterator[Row]:
    with stage.loaded(build) as detector:
        begun_s = time.perf_counter()
        for block in _blocks(sound):
            hear(detector, block)
        stage.note("real-time factor", _factor(begun_s, sound), "")
    yield from stage.rows


def _measure_stt(engines: Engines, sound: Samples) -> Iterator[Row]:
    stage = _Stage("recognition", engines.settings.stt.engine)
    with stage.loaded(engines.stt) as stt:
        session = stt.open()
        begun_s = time.perf_counter()
        for block in _blocks(sound):
            session.feed(block)
        fed_s = time.perf_counter()
        session.transcript()
        stage.note("real-time factor", _factor(begun_s, sound), "")
        stage.note("after the last sound", (time.perf_counter() - fed_s) * 1000, "ms")
        session.close()
    yield from stage.rows


def _measure_skills(engines: Engines) -> Iterator[Row]:
    begun_s = time.perf_counter()
    skills = engines.skills()
    yield Row("skills", "hassil", "load", round(time.perf_counter() - begun_s, 4), "s")
    begun_s = time.perf_counter()
    for _ in range(_MATCHES):
        for sentence in _SENTENCES:
            skills.match(sentence)
    each_ms = (time.perf_counter() - begun_s) * 1000 / (_MATCHES * len(_SENTENCES))
    yield Row("skills", "hassil", "a sentence", round(each_ms, 4), "ms")


def _measure_llm(engines: Engines) -> Iterator[Row]:
    stage = _Stage("language model", engines.settings.llm.engine)
    with stage.loaded(engines.llm) as llm:
        begun_s = time.perf_counter()
        prefill = llm.extend(_QUESTION, threading.Event())
        prefilled_s = time.perf_counter()
        pieces = sum(1 for _ in llm.generate(max_tokens=_TOKENS))
        generated_s = time.perf_counter()
        evaluated = prefill.total_tokens - prefill.reused_tokens
        stage.note("prefill", evaluated / (prefilled_s - begun_s), "tokens/s")
        stage.note("generation", pieces / (generated_s - prefilled_s), "tokens/s")
    yield from stage.rows


def _blocks(sound: Samples) -> list[AudioChunk]:
    begins = range(0, len(sound) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    return [AudioChunk(sound[b : b + BLOCK_SAMPLES], start_sample=b) for b in begins]


def _factor(begun_s: float, sound: Samples) -> float:
    return (time.perf_counter() - begun_s) / (len(sound) / SAMPLE_RATE_HZ)


def _resident_mb() -> float:
    """The process's resident memory; proc(5), /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
