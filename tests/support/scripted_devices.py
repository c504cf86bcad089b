"""Microphones and speakers that open, work and fail as a test says, attempt by attempt."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from voiced.audio.far_end import FarEnd
from voiced.audio.playout import Playout
from voiced.errors import DeviceError
from voiced.types import BLOCK_MS, BLOCK_SAMPLES, AudioChunk, Samples, ms_to_samples

BLOCK_S = BLOCK_MS / 1000


@dataclass(frozen=True)
class Try:
    """How one attempt to open a device goes."""

    refuses: str = ""
    """Why it cannot be opened; empty where it can."""
    opens_in_s: float = 0.0
    blocks: float = math.inf
    """How many blocks of 20 ms it works for."""
    silent_s: float = 0.0
    """How long it does nothing before it fails."""
    fails: str = "it was unplugged"
    """Empty where it ends instead, as a file does."""
    closes_in_s: float = 0.0
    buffer_ms: int = 0
    """What a speaker takes at once when it opens."""
    rate_hz: int = 16_000
    defect: Exception | None = None
    """Raised in place of `fails`."""


GOOD = Try()
GONE = Try(refuses="there is none")
SUSPENDED = Try(blocks=0, silent_s=2.0, fails="nothing comes")


class Devices:
    """One place where a device may be; `tries` say how each attempt goes, the last one all others."""

    def __init__(self, *tries: Try) -> None:
        self._tries = list(tries)
        self.attempts_s: list[float] = []
        self.open_now = 0
        self.opening_now = 0
        self.is_plugged = True
        """What is open fails at its next block where it is not."""

    def microphone(self) -> Microphone:
        return Microphone(self)

    def speaker(self) -> Speaker:
        return Speaker(self)

    def next_try(self) -> Try:
        self.attempts_s.append(round(asyncio.get_running_loop().time(), 6))
        return self._tries.pop(0) if len(self._tries) > 1 else self._tries[0]


class _Device:
    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.script = GOOD

    async def __aenter__(self) -> Self:
        self.script = self._devices.next_try()
        self._devices.opening_now += 1
        try:
            if self.script.opens_in_s:
                await asyncio.sleep(min(self.script.opens_in_s, 1e9))
        finally:
            self._devices.opening_now -= 1
        if self.script.refuses:
            raise DeviceError(self.script.refuses)
        self._devices.open_now += 1
        self._opened()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.script.closes_in_s:
            await asyncio.sleep(self.script.closes_in_s)
        self._devices.open_now -= 1

    def _opened(self) -> None:
        pass

    @property
    def _failure(self) -> Exception:
        return self.script.defect or DeviceError(self.script.fails)


class Microphone(_Device):
    """An `AudioSource`; its blocks hold their number, from 1 on."""

    lost_samples = 7

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        number = 0
        while number < self.script.blocks and self._devices.is_plugged:
            await asyncio.sleep(BLOCK_S)
            number += 1
            samples = np.full(BLOCK_SAMPLES, number % 30_000, np.int16)
            yield AudioChunk(samples, start_sample=(number - 1) * BLOCK_SAMPLES)
        await asyncio.sleep(self.script.silent_s)
        if self.script.fails:
            raise self._failure


class Speaker(_Device):
    """An `AudioSink`."""

    underflow_count = 3

    def _opened(self) -> None:
        self.rate_hz = self.script.rate_hz
        self.far_end = FarEnd(self.rate_hz)
        self._playout = Playout(self.rate_hz, far_end=self.far_end)
        self._clock = asyncio.create_task(self._play())

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await super().__aexit__(exc_type, exc, traceback)
        self._clock.cancel()
        await asyncio.wait((self._clock,))

    @property
    def played_samples(self) -> int:
        return self._playout.played_samples

    async def write(self, samples: Samples) -> None:
        await self._playout.write(samples)

    def flush(self) -> int:
        return self._playout.flush()

    async def drain(self) -> None:
        await self._playout.drain()

    async def lost(self) -> Exception:
        return await self._playout.lost()

    async def _play(self) -> None:
        out = np.zeros(ms_to_samples(BLOCK_MS, self.rate_hz), np.int16)
        for _ in range(self.script.buffer_ms // BLOCK_MS):
            await asyncio.sleep(0)
            self._playout.pull(out)
        blocks = 0
        while blocks < self.script.blocks and self._devices.is_plugged:
            await asyncio.sleep(BLOCK_S)
            blocks += 1
            self._playout.pull(out)
        await asyncio.sleep(self.script.silent_s)
        self._playout.fail(self._failure)
