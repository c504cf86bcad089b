"""Sound files behind the same interface as microphones and speakers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from voiced.audio.blocks import Blocks
from voiced.audio.clock import Ticker, stop
from voiced.audio.playout import Playout
from voiced.audio.wavfile import SoundReader, WavWriter
from voiced.errors import OutputError, VoicedError
from voiced.types import BLOCK_MS, SAMPLE_RATE_HZ, AudioChunk, Samples, ms_to_samples


class Pace(StrEnum):
    """How fast a file is read or written."""

    REALTIME = "realtime"
    """As a sound card would."""
    FAST = "fast"
    """As fast as the other side takes or gives it."""


class WavSource:
    """A sound file as an `AudioSource`: see `SoundReader` for what becomes of other formats."""

    def __init__(
        self, path: Path, *, pace: Pace = Pace.REALTIME, trailing_silence_ms: float = 0
    ) -> None:
        """`trailing_silence_ms` follows the file, so that its last utterance is seen to end."""
        self._path = path
        self._pace = pace
        self._trailing_samples = ms_to_samples(trailing_silence_ms)
        self._reader: SoundReader | None = None

    async def __aenter__(self) -> Self:
        self._reader = SoundReader(self._path)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @property
    def lost_samples(self) -> int:
        return 0

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        if self._reader is None:
            message = "the source is not open"
            raise RuntimeError(message)
        ticker = None
        if self._pace is Pace.REALTIME:
            ticker = Ticker(BLOCK_MS / 1000)
            # A block is there when its last sample has been heard.
            await ticker.tick()
        blocks = Blocks()
        for piece in self._reader.pieces():
            for chunk in blocks.cut(piece):
                await (ticker.tick() if ticker else asyncio.sleep(0))
                yield chunk
        for chunk in (*blocks.cut(np.zeros(self._trailing_samples, np.int16)), *blocks.finish()):
            await (ticker.tick() if ticker else asyncio.sleep(0))
            yield chunk


class WavSink:
    """A WAV file as an `AudioSink`: what is written to it and nothing between, 16 bit, mono.

    At real-time pace it plays as a speaker does, and has only what was played before a `flush`. The
    file appears when the sink is closed; it does not where that happens because of an error.
    """

    def __init__(
        self, path: Path, *, rate_hz: int = SAMPLE_RATE_HZ, pace: Pace = Pace.REALTIME
    ) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._pace = pace
        self._writer: WavWriter | None = None
        self._playout: Playout | None = None
        self._clock: asyncio.Task[None] | None = None
        self._written_samples = 0

    async def __aenter__(self) -> Self:
        self._writer = WavWriter(self._path, self._rate_hz)
        if self._pace is Pace.REALTIME:
            self._playout = Playout(self._rate_hz)
            self._clock = asyncio.create_task(self._play(self._playout, self._writer))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._clock is not None:
            await stop(self._clock)
        finish_file(self._writer, exc)

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def played_samples(self) -> int:
        return self._playout.played_samples if self._playout else self._written_samples

    @property
    def far_end(self) -> None:
        return None

    @property
    def underflow_count(self) -> int:
        return 0

    async def write(self, samples: Samples) -> None:
        if self._playout is not None:
            await self._playout.write(samples)
            return
        if self._writer is None:
            message = "the sink is not open"
            raise RuntimeError(message)
        self._writer.write(samples)
        self._written_samples += len(samples)
        await asyncio.sleep(0)

    def flush(self) -> int:
        return self._playout.flush() if self._playout else 0

    async def drain(self) -> None:
        if self._playout is not None:
            await self._playout.drain()

    async def lost(self) -> VoicedError:
        # At `Pace.FAST` it is `write` that finds out.
        return await (self._playout.lost() if self._playout else asyncio.Future())

    async def _play(self, playout: Playout, writer: WavWriter) -> None:
        block = np.zeros(ms_to_samples(BLOCK_MS, self._rate_hz), np.int16)
        ticker = Ticker(len(block) / self._rate_hz)
        while True:
            await ticker.tick()
            try:
                writer.write(block[: playout.pull(block)])
            except OutputError as error:
                playout.fail(error)
                return


def finish_file(writer: WavWriter | None, exc: BaseException | None) -> None:
    """Close what was recorded when a sink is left: for good, or not where an error ended it.

    Being cancelled (Ctrl-C) is no error: what was recorded until then was meant to be.
    """
    if writer is None:
        return
    if isinstance(exc, Exception):
        writer.discard()
    else:
        writer.close()
