"""The microphone and the speaker, through PortAudio.

PortAudio's callbacks run in a thread of their own, against a deadline. They copy between the device
and a ring that was allocated before, and wake the event loop; nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from voiced.audio.blocks import Blocks
from voiced.audio.devices import Direction
from voiced.audio.far_end import FarEnd
from voiced.audio.pace import Pace
from voiced.audio.playout import Playout
from voiced.audio.portaudio import PortAudio
from voiced.audio.resample import StreamResampler
from voiced.audio.ring import SampleRing
from voiced.audio.stream import DeviceStream
from voiced.errors import DeviceError, VoicedError
from voiced.types import BLOCK_MS, SAMPLE_RATE_HZ, AudioChunk, Samples, ms_to_samples

LATENCY_MS: Final = 60
"""The device's buffer: three blocks. Through PulseAudio the callbacks come evenly up to here (every
20 ms, the worst after 26) and in pairs above it; two blocks are heard 20 ms sooner and have that
much less to spare on a busy machine."""

_BACKLOG_MS: Final = 5_000
"""What a microphone's ring holds for an event loop that is late; after that sound is lost."""


class DeviceSource:
    """A microphone as an `AudioSource`.

    Of several channels one is used, and not their mean: the microphones of an array hear the same
    sound at different times, and adding them up blurs speech.
    """

    def __init__(
        self,
        portaudio: PortAudio,
        name: str = "",
        *,
        latency_ms: float = LATENCY_MS,
        rate_hz: int = SAMPLE_RATE_HZ,
        channel: int = 0,
        pace: Pace | None = None,
    ) -> None:
        """The device called `name` (a part of it will do), or the default where that is empty.

        It is opened at `rate_hz`, or at what it takes where it refuses that. `channel` counts from
        0. Without a `pace` each block is handed over as it comes.
        """
        self._pace = pace or Pace()
        self._blocks_waiting = 0
        self._portaudio = portaudio
        self._name = name
        self._latency_ms = latency_ms
        self._wanted_rate_hz = rate_hz
        self._channel = channel
        self._device_rate_hz = rate_hz
        self._channels = 1
        self._ring = SampleRing(0)
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stream: DeviceStream | None = None
        self._failure: DeviceError | None = None
        self._lost_frames = 0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._failure = None
        self._stream = DeviceStream(self._portaudio, Direction.INPUT, self._fail)
        found = await self._stream.prepare(self._name, [self._wanted_rate_hz], self._channel + 1)
        self._device_rate_hz = found.rate_hz
        self._channels = found.channels
        self._ring = SampleRing(ms_to_samples(_BACKLOG_MS, found.rate_hz))
        await self._stream.start(self._callback, self._latency_ms)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            await self._stream.close()

    @property
    def lost_samples(self) -> int:
        """At least: PortAudio tells that it lost sound, not how much; a time counts a block."""
        return self._lost_frames * SAMPLE_RATE_HZ // self._device_rate_hz

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        resampler = StreamResampler(self._device_rate_hz, SAMPLE_RATE_HZ)
        arrived = np.zeros(ms_to_samples(BLOCK_MS, self._device_rate_hz), np.int16)
        blocks = Blocks()
        while True:
            self._arrived.clear()
            count = self._ring.read_into(arrived)
            for chunk in blocks.cut(resampler.process(arrived[:count])):
                yield chunk
            if count == 0:
                if self._failure is not None:
                    raise self._failure
                await self._arrived.wait()

    def _callback(self, data: Any, frames: int, status: Any) -> None:
        if status.input_overflow:
            self._lost_frames += frames
        samples: Samples = np.frombuffer(data, np.int16)[self._channel :: self._channels]
        self._lost_frames += frames - self._ring.write(samples)
        self._blocks_waiting += 1
        if self._loop is not None and self._blocks_waiting >= self._pace.blocks_at_once:
            self._blocks_waiting = 0
            # A stream that could not be closed, because its server hung, may outlive the loop.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._arrived.set)

    def _fail(self, failure: DeviceError) -> None:
        self._failure = failure
        self._arrived.set()


class DeviceSink:
    """A speaker as an `AudioSink`; a device with several channels plays the same on each."""

    def __init__(
        self,
        portaudio: PortAudio,
        name: str = "",
        *,
        latency_ms: float = LATENCY_MS,
        rate_hz: int = SAMPLE_RATE_HZ,
    ) -> None:
        """The device called `name` (a part of it will do), or the default where that is empty.

        It is opened at `rate_hz`, best the voice's own, or at what it takes where it refuses that.
        """
        self._portaudio = portaudio
        self._name = name
        self._latency_ms = latency_ms
        self._rate_hz = rate_hz
        self._channels = 1
        self._mono: Samples = np.zeros(0, np.int16)
        self._playout: Playout | None = None
        self._stream: DeviceStream | None = None
        self._underflow_count = 0

    async def __aenter__(self) -> Self:
        self._stream = DeviceStream(self._portaudio, Direction.OUTPUT, self._fail)
        found = await self._stream.prepare(self._name, [self._rate_hz], 1)
        self._rate_hz = found.rate_hz
        self._channels = found.channels
        self._mono = np.zeros(ms_to_samples(BLOCK_MS, found.rate_hz), np.int16)
        self._playout = Playout(found.rate_hz, far_end=FarEnd(found.rate_hz, time.monotonic))
        await self._stream.start(self._callback, self._latency_ms)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            await self._stream.close()

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def played_samples(self) -> int:
        return self._open_playout.played_samples

    @property
    def far_end(self) -> FarEnd | None:
        return self._open_playout.far_end

    @property
    def underflow_count(self) -> int:
        return self._underflow_count

    async def write(self, samples: Samples) -> None:
        await self._open_playout.write(samples)

    def flush(self) -> int:
        return self._open_playout.flush()

    async def drain(self) -> None:
        await self._open_playout.drain()
        if self._stream is not None:
            # The device has taken it, and not played it yet.
            await asyncio.sleep(self._stream.latency_s)

    async def lost(self) -> VoicedError:
        return await self._open_playout.lost()

    @property
    def _open_playout(self) -> Playout:
        if self._playout is None:
            message = "the sink is not open"
            raise RuntimeError(message)
        return self._playout

    def _callback(self, data: Any, frames: int, status: Any) -> None:
        if status.output_underflow:
            self._underflow_count += 1
        out: Samples = np.frombuffer(data, np.int16)
        if self._channels == 1:
            self._open_playout.pull(out)
        else:
            mono = self._mono[:frames]
            self._open_playout.pull(mono)
            out.reshape(frames, self._channels)[:] = mono[:, np.newaxis]

    def _fail(self, failure: DeviceError) -> None:
        if self._playout is not None:
            self._playout.fail(failure)
