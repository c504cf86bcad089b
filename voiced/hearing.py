"""From an utterance that is being spoken to its transcript, and to how long its pauses may last."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np

from voiced.core.endpointing import Evidence, patience_ms
from voiced.engines.contracts import SpeechToText, SttSession
from voiced.inference import Hosted
from voiced.listener import Utterance, UtterancePart
from voiced.skills.normalise import normalise, strip_wake_phrase
from voiced.types import AudioChunk, SpeechPaused, Transcript

_LOOK_EVERY_MS: Final = 100
"""How much new sound is worth another look at what is understood so far. In a pause, too: the last word
is often certain only once some of the silence after it has been decoded."""


class Hearing:
    """The recogniser, and the judgement of pauses by what it has so far."""

    def __init__(
        self,
        stt: Hosted[SpeechToText],
        *,
        is_streaming: bool,
        silence_ms: int,
        wake_phrases: Sequence[str],
    ) -> None:
        """`is_streaming` as the engine says; `silence_ms` is the pause that ends an utterance which
        gives no reason for another; `wake_phrases` are taken off the start of transcripts.
        """
        self._stt = stt
        self._is_streaming = is_streaming
        self._silence_ms = silence_ms
        self._wake_phrases = tuple(wake_phrases)

    async def transcribe(
        self,
        utterance: Utterance,
        is_whole: Callable[[Transcript], Awaitable[bool]],
        on_growth: Callable[[str], None],
    ) -> Transcript:
        """Decode `utterance` while it is spoken; its transcript, once it has ended.

        At each pause `is_whole` says whether nothing has to follow what was said; `on_growth` is told
        what is understood so far, where that costs nothing. Raises `EngineError`.
        """
        session = await self._stt.run(lambda engine: engine.open())
        is_paused = False
        unseen_ms = 0.0
        try:
            async for first in utterance.parts:
                for part in _merged([first, *utterance.parts.take_all()]):
                    if isinstance(part, AudioChunk):
                        await self._stt.run(partial(_feed, session, part))
                        unseen_ms += part.duration_ms
                    else:
                        is_paused = isinstance(part, SpeechPaused)
                        unseen_ms = _LOOK_EVERY_MS
                if self._is_streaming and unseen_ms >= _LOOK_EVERY_MS:
                    unseen_ms = 0.0
                    so_far = await self._look(session)
                    on_growth(so_far.text)
                    if is_paused:
                        evidence = Evidence(so_far, await is_whole(so_far))
                        utterance.be_patient(patience_ms(evidence, self._silence_ms))
            return await self._look(session, final=True)
        finally:
            self._stt.submit(session.close)

    async def _look(self, session: SttSession, *, final: bool = False) -> Transcript:
        """What the recogniser has, without the wake word before it; no text where that is all."""
        transcript = await self._stt.run(lambda _: session.transcript(final=final))
        question = strip_wake_phrase(transcript.text, self._wake_phrases)
        if question == normalise(transcript.text):
            # Taking the phrase off normalises; where there is none, the engine's own spelling stays.
            return transcript
        return dataclasses.replace(transcript, text=question)


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
