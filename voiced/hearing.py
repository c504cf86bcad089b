"""From an utterance that is being spoken to what was said: at each pause, and at its end."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from voiced.engines.contracts import SpeechToText, SttSession
from voiced.inference import Host
from voiced.skills.normalise import normalise, strip_wake_phrase
from voiced.types import (
    AudioChunk,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    Transcript,
    samples_to_ms,
)
from voiced.utterance import Utterance, UtterancePart

_LOOK_EVERY_MS: Final = 100
"""How much new sound is worth another look at what is understood so far."""


@dataclass(frozen=True, slots=True)
class Growing:
    """What is understood of an utterance that goes on; `speech_ms` is how long it lasts already."""

    text: str
    speech_ms: float


@dataclass(frozen=True, slots=True)
class Paused:
    """What was said before a pause, which may be the end; `end_sample` is its last sound."""

    transcript: Transcript
    end_sample: int
    speech_ms: float


@dataclass(frozen=True, slots=True)
class WentOn:
    """The person goes on after a pause of `pause_ms`."""

    pause_ms: float


@dataclass(frozen=True, slots=True)
class Ended:
    """What was said, for good, and how it came to its `end`."""

    transcript: Transcript
    end: SpeechEnded


Reading = Growing | Paused | WentOn | Ended


class Hearing:
    """The recogniser, one utterance at a time."""

    def __init__(
        self, stt: Host[SpeechToText], wake_phrases: Sequence[str], *, reads_pauses: bool = True
    ) -> None:
        """`wake_phrases` are taken off the start of transcripts. Where not `reads_pauses`, nothing is
        transcribed before the end: on a machine that would not be done in time for it.
        """
        self._stt = stt
        self._wake_phrases = tuple(wake_phrases)
        self._reads_pauses = reads_pauses
        self._one_at_a_time = asyncio.Lock()

    async def follow(self, utterance: Utterance) -> AsyncGenerator[Reading, None]:
        """Decode `utterance` while it is spoken; ends with `Ended`, or without where it was dropped.

        Wrap it in `contextlib.aclosing`. Raises `EngineError`.
        """
        async with self._one_at_a_time:
            # One engine from beginning to end, whatever is built in its place meanwhile.
            stt = await self._stt.working()
            session = await stt.run(lambda engine: engine.open())
            try:
                decoding = _Decoding(stt, session, utterance.start_sample)
                async for reading in self._readings(utterance, decoding):
                    yield reading
            finally:
                stt.submit(lambda _: session.close())

    async def _readings(
        self, utterance: Utterance, decoding: _Decoding
    ) -> AsyncGenerator[Reading, None]:
        pause: SpeechPaused | None = None
        partial_text = ""
        async for first in utterance.parts:
            for part in _merged([first, *utterance.parts.take_all()]):
                match part:
                    case AudioChunk():
                        await decoding.take(part, is_pause=pause is not None)
                    case SpeechPaused(end_sample) if self._reads_pauses:
                        pause = part
                        transcript = self._named(await decoding.transcript())
                        yield Paused(transcript, end_sample, decoding.speech_ms(end_sample))
                    case SpeechResumed(start_sample) if pause is not None:
                        yield WentOn(samples_to_ms(start_sample - pause.end_sample))
                        pause = None
                        await decoding.go_on()
                    case _:
                        pass
            if pause is None and decoding.unseen_ms >= _LOOK_EVERY_MS:
                text = strip_wake_phrase(await decoding.partial(), self._wake_phrases)
                if text != partial_text:
                    partial_text = text
                    yield Growing(text, decoding.speech_ms(decoding.end_sample))
        if utterance.end is not None:
            yield Ended(self._named(await decoding.transcript()), utterance.end)

    def _named(self, transcript: Transcript) -> Transcript:
        """Without the wake word before it; no text where that is all."""
        question = strip_wake_phrase(transcript.text, self._wake_phrases)
        if question == normalise(transcript.text):
            # Taking the phrase off normalises; where there is none, the engine's own spelling stays.
            return transcript
        return dataclasses.replace(transcript, text=question)


class _Decoding:
    """A session, and the silence that it need not hear."""

    def __init__(self, stt: Host[SpeechToText], session: SttSession, start_sample: int) -> None:
        self._stt = stt
        self._session = session
        self._start_sample = start_sample
        self._waiting: list[AudioChunk] = []
        self.end_sample = start_sample
        self.unseen_ms = 0.0

    async def take(self, chunk: AudioChunk, *, is_pause: bool) -> None:
        """Decode `chunk`; in a pause, keep it for when the person goes on."""
        self.end_sample = chunk.end_sample
        self._waiting.append(chunk)
        if not is_pause:
            await self.go_on()

    async def go_on(self) -> None:
        """Decode what was kept."""
        for waiting in _joined(self._waiting):
            await self._stt.run(partial(_feed, self._session, waiting))
            self.unseen_ms += waiting.duration_ms
        self._waiting.clear()

    async def transcript(self) -> Transcript:
        self.unseen_ms = 0.0
        return await self._stt.run(lambda _: self._session.transcript())

    async def partial(self) -> str:
        self.unseen_ms = 0.0
        return await self._stt.run(lambda _: self._session.partial())

    def speech_ms(self, end_sample: int) -> float:
        """How long the utterance lasts until `end_sample`."""
        return samples_to_ms(end_sample - self._start_sample)


def _feed(session: SttSession, chunk: AudioChunk, _: SpeechToText) -> None:
    session.feed(chunk)


def _merged(parts: Iterable[UtterancePart]) -> Iterator[UtterancePart]:
    """The same parts with neighbouring chunks joined: one hand-over to the recogniser, not many."""
    waiting: list[AudioChunk] = []
    for part in parts:
        if isinstance(part, AudioChunk):
            waiting.append(part)
            continue
        yield from _joined(waiting)
        waiting = []
        yield part
    yield from _joined(waiting)


def _joined(chunks: list[AudioChunk]) -> Iterator[AudioChunk]:
    if chunks:
        samples = np.concatenate([chunk.samples for chunk in chunks])
        yield AudioChunk(samples, start_sample=chunks[0].start_sample)
