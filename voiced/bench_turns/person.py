"""The person in front of the simulated card: speech when it is told to, a room's noise always."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

import numpy as np

from voiced.bench_turns.sounds import background
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples

QUIET_DBFS: Final = -70.0
"""A quiet room through a microphone that is not the worst. Never digital silence: no microphone gives it."""

_NOISE_S: Final = 7.3
"""After how long the noise begins anew."""


class Person:
    """An `AudioSource` for `SimulatedDuplex`, whose clock asks it for a block every 20 ms.

    Its `position` is also that of the card's recording.
    """

    lost_samples = 0

    def __init__(self) -> None:
        self.position = 0
        """How many samples have been given so far."""
        self._noise = background(_NOISE_S, QUIET_DBFS)
        self._speech: list[tuple[int, Samples]] = []
        self._ticked = asyncio.Event()
        self._has_left = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()

    def make_noise(self, level_dbfs: float) -> None:
        """The room is that loud from now on."""
        self._noise = background(_NOISE_S, level_dbfs)

    def say(self, samples: Samples) -> int:
        """Say `samples` from now on; the sample at which they begin."""
        begin = self.position
        self._speech.append((begin, samples))
        return begin

    def leave(self) -> None:
        """The input ends."""
        self._has_left = True
        self._ticked.set()

    async def next_block(self) -> None:
        """Wait until 20 ms more have passed (or the person has left)."""
        self._ticked.clear()
        if not self._has_left:
            await self._ticked.wait()

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        while not self._has_left:
            chunk = AudioChunk(self._block(), start_sample=self.position)
            self.position = chunk.end_sample
            self._ticked.set()
            yield chunk

    def _block(self) -> Samples:
        begin, end = self.position, self.position + BLOCK_SAMPLES
        block = np.take(self._noise, np.arange(begin, end), mode="wrap").astype(np.int32)
        for start, samples in self._speech:
            part = samples[max(0, begin - start) : max(0, end - start)]
            offset = max(0, start - begin)
            block[offset : offset + len(part)] += part
        self._speech = [each for each in self._speech if each[0] + len(each[1]) > end]
        return np.clip(block, -32_768, 32_767).astype(np.int16)
