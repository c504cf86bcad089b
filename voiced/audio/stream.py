"""One direction of a sound device while it is open, watched for its silent end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from voiced.audio.devices import Device, Direction, StreamFormat
from voiced.audio.portaudio import PortAudio
from voiced.audio.priority import ask_for_real_time
from voiced.errors import DeviceError
from voiced.types import BLOCK_MS, ms_to_samples

_LOOK_S: Final = 1.0
_QUIET_LOOKS: Final = 2
"""A stream that has not called back from one look to the next, twice running, has vanished without
a word, as when a sound server hangs. (A bluetooth headset that changes its profile is quiet for a
while.)"""

Callback = Callable[[Any, int, Any], None]
"""Takes the device's buffer, the number of frames in it, and PortAudio's flags; in PortAudio's
thread."""


class DeviceStream:
    """A PortAudio stream of 16-bit samples in blocks of 20 ms.

    Used in the order `prepare`, `start`, `close`. `on_failure` is called on the event loop, once,
    when it stops delivering.
    """

    def __init__(
        self,
        portaudio: PortAudio,
        direction: Direction,
        on_failure: Callable[[DeviceError], None],
    ) -> None:
        self._portaudio = portaudio
        self._direction = direction
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._device: Device | None = None
        self._format: StreamFormat | None = None
        self._stream: Any = None
        self._callback: Callback | None = None
        self._calls = 0
        self._watch: asyncio.TimerHandle | None = None
        self._is_over = False

    async def prepare(self, name: str, rates_hz: Sequence[int], channels: int) -> StreamFormat:
        """Find the device and what it takes; see `PortAudio.prepare`. Raises `DeviceError`."""
        self._device, self._format = await self._portaudio.prepare(
            name, self._direction, rates_hz, channels
        )
        return self._format

    async def start(self, callback: Callback, latency_ms: float) -> None:
        """Open it. Raises `DeviceError`."""
        if self._device is None or self._format is None:
            message = "prepare() comes before start()"
            raise RuntimeError(message)
        self._callback = callback
        self._stream = await self._portaudio.open(
            self._device,
            self._format,
            block_samples=ms_to_samples(BLOCK_MS, self._format.rate_hz),
            latency_ms=latency_ms,
            callback=self._call,
            on_finished=self._finished,
        )
        self._watch = self._loop.call_later(_LOOK_S, self._look, self._calls, 0)

    async def close(self) -> None:
        """Stop at once. May be called twice."""
        self._is_over = True
        if self._watch is not None:
            self._watch.cancel()
        stream, self._stream = self._stream, None
        if stream is not None:
            await self._portaudio.close(stream)

    @property
    def latency_s(self) -> float:
        """The time between the callback and the air, as PortAudio estimates it."""
        return float(self._stream.latency) if self._stream is not None else 0.0

    def _call(self, data: Any, frames: int, _time: Any, status: Any) -> None:
        if not self._calls:
            ask_for_real_time()
        self._calls += 1
        if self._callback is not None:
            self._callback(data, frames, status)

    def _finished(self) -> None:
        # Also called from within `close`; after it the loop may be gone.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(
                self._fail, "it was unplugged, or the sound server ended"
            )

    def _look(self, calls_before: int, quiet_looks: int) -> None:
        quiet_looks = quiet_looks + 1 if self._calls == calls_before else 0
        if quiet_looks == _QUIET_LOOKS:
            self._fail("the sound system no longer answers")
        else:
            self._watch = self._loop.call_later(_LOOK_S, self._look, self._calls, quiet_looks)

    def _fail(self, reason: str) -> None:
        if self._is_over or self._device is None:
            return
        self._is_over = True
        if self._watch is not None:
            self._watch.cancel()
        self._on_failure(
            DeviceError(f'the {self._direction} device "{self._device.name}" has stopped: {reason}')
        )
