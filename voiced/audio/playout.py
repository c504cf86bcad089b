"""The half of a sink that does not depend on what plays it: a short queue, and its pacing."""

from __future__ import annotations

import asyncio
from typing import Final

from voiced.audio.far_end import FarEnd
from voiced.audio.ring import SampleRing
from voiced.errors import VoicedError
from voiced.types import Samples, ms_to_samples

AHEAD_MS: Final = 100
"""How much sound is queued: enough that a busy event loop is not heard, little enough that what has
been written has nearly been heard."""

_FADE_MS: Final = 5
"""What `flush` fades out: a speech sound cut off in one sample clicks; 5 ms is below what is
noticed as a delay, and within one device block."""


class Playout:
    """What `AudioSink` promises, for a device, file or simulation that calls `pull` as it plays."""

    def __init__(
        self, rate_hz: int, ahead_ms: float = AHEAD_MS, far_end: FarEnd | None = None
    ) -> None:
        """`far_end` is told all that is pulled, where a microphone can hear it."""
        self.far_end = far_end
        self._ring = SampleRing(ms_to_samples(ahead_ms, rate_hz))
        self._fade_samples = ms_to_samples(_FADE_MS, rate_hz)
        self._loop = asyncio.get_running_loop()
        self._pulled = asyncio.Event()
        self._waiters = 0
        self._unqueued_samples = 0
        self._flushes = 0
        self._failure: VoicedError | None = None
        self._failed = asyncio.Event()

    @property
    def played_samples(self) -> int:
        return self._ring.read_samples

    def pull(self, out: Samples) -> int:
        """Fill `out` with what is next, and with silence where that is not enough.

        Returns how many samples were not silence. Called by what plays, from any thread; never
        waits.
        """
        count = self._ring.read_into(out)
        out[count:] = 0
        if self.far_end is not None:
            self.far_end.put(out)
        if self._waiters:
            self._loop.call_soon_threadsafe(self._pulled.set)
        return count

    def fail(self, failure: VoicedError) -> None:
        """Nothing is played any more: who waits, now or later, gets `failure`."""
        self._failure = failure
        self._failed.set()
        self._pulled.set()

    async def lost(self) -> VoicedError:
        """Wait for `fail`; returns the failure."""
        while self._failure is None:
            await self._failed.wait()
        return self._failure

    async def write(self, samples: Samples) -> None:
        flushes = self._flushes
        queued = 0
        try:
            while True:
                self._pulled.clear()
                # Announced before the ring is looked at: a pull in between wakes this task for
                # nothing, and one that came before left room that the look finds.
                self._waiters += 1
                try:
                    self._raise_failure()
                    queued += self._ring.write(samples[queued:])
                    self._unqueued_samples = len(samples) - queued
                    if not self._unqueued_samples:
                        return
                    await self._pulled.wait()
                finally:
                    self._waiters -= 1
                if flushes != self._flushes:
                    return
        finally:
            self._unqueued_samples = 0

    def flush(self) -> int:
        dropped = self._ring.drop(self._fade_samples) + self._unqueued_samples
        self._unqueued_samples = 0
        self._flushes += 1
        self._pulled.set()
        return dropped

    async def drain(self) -> None:
        while True:
            self._pulled.clear()
            self._waiters += 1
            try:
                self._raise_failure()
                if not self._ring.available_samples:
                    return
                await self._pulled.wait()
            finally:
                self._waiters -= 1

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
