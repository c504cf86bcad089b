"""A microphone and a speaker that come back, whatever happens to devices and sound servers.

Both are opened again and again until they work, at once and then after 0.1 s, 0.2 s and so on up to 2 s, so
that they work within 3 s of the device's return. What one is given to open makes a new source or sink for
each attempt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from types import TracebackType
from typing import Final, Self, cast

import numpy as np

from voiced.audio._connection import Condition, Connection
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.far_end import FarEnd
from voiced.audio.playout import AHEAD_MS
from voiced.audio.rescan import Rescan
from voiced.errors import DeviceError, VoicedError
from voiced.events import MicrophoneState
from voiced.types import BLOCK_MS, AudioChunk, Samples, ms_to_samples

_STATES: Final = {
    Condition.WORKING: MicrophoneState.OPEN,
    Condition.LOST: MicrophoneState.AWAY,
    Condition.SHUT: MicrophoneState.MUTED,
}

_BACKLOG_BLOCKS: Final = 5_000 // BLOCK_MS
"""What is kept for a reader that is late, as a microphone's ring does (`device.py`)."""

_TRIAL_S: Final = 0.1
"""A speaker counts as there when it has taken silence for so long. One that is suspended takes as much as its
buffer holds, all at once (measured with PulseAudio: up to what was asked for), and then no more."""

_TRIAL_BLOCKS: Final = 100
"""What takes all at once for so long is no device, and always there."""

_AUDIBLE_S: Final = 0.5
"""For so long after a write something may still be heard, or the next clause is about to be: more than what
a sink queues and a device holds."""


class ReconnectingSource:
    """A microphone as an `AudioSource` whose `blocks` never end.

    It is open once the first block has arrived: a device that is suspended opens, and delivers nothing.
    What is heard while nobody iterates is dropped.
    """

    def __init__(
        self,
        open_source: Callable[[], AudioSource],
        on_change: Callable[[MicrophoneState, str], None] = lambda _state, _reason: None,
        *,
        is_muted: bool = False,
        rescan: Rescan | None = None,
    ) -> None:
        """`on_change` is called on the event loop, once for each change of `state`, with the reason.

        The first state is told too, unless it begins muted. With a `rescan` each attempt goes
        through that.
        """
        self._on_change = on_change
        self._arrived = asyncio.Event()
        self._waiting: deque[Samples] | None = None
        self._connection = Connection(
            "microphone",
            open_source,
            self._listen,
            self._changed,
            self._arrived.set,
            rescan=rescan,
            is_shut=is_muted,
        )
        self._source: AudioSource | None = None
        self._lost_samples = 0

    async def __aenter__(self) -> Self:
        """Begin to try; returns when it is open, or the first attempt has failed, after 1 s at most."""
        await self._connection.enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.leave()

    @property
    def state(self) -> MicrophoneState:
        """Away, too, while it is being opened for the first time or after it was muted."""
        return _STATES[self._connection.condition]

    @property
    def reason(self) -> str:
        """Why it does not hear, in a sentence for people: of the last attempt. Empty where it hears."""
        return self._connection.reason

    @property
    def is_stalled(self) -> bool:
        """Whether it opened at least twice in a row, and delivered nothing.

        False where it cannot be opened.
        """
        return self._connection.is_stalled

    @property
    def reconnects(self) -> int:
        """How many times it came back after it was away."""
        return self._connection.reconnects

    @property
    def lost_samples(self) -> int:
        """What was lost while it was open; what it missed while it was not does not count."""
        return self._lost_samples + (self._source.lost_samples if self._source else 0)

    async def mute(self) -> None:
        """Close the microphone; returns when it is closed.

        An attempt to open it is waited for and undone. Where the sound system does not answer, closing
        is given up after `PortAudio`'s `answer_s`, and left to a thread that waits for it.
        """
        await self._connection.shut()

    async def unmute(self) -> None:
        """Open it again; returns when it is open, or the first attempt has failed, after 1 s at most."""
        await self._connection.reopen()

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        """See `AudioSource.blocks`; never ends, and what is lost in between leaves no gap.

        A later iteration takes over from one that was left.
        """
        waiting = self._waiting = deque[Samples]()
        start_sample = 0
        try:
            while self._waiting is waiting:
                self._connection.raise_defect()
                if waiting:
                    chunk = AudioChunk(waiting.popleft(), start_sample=start_sample)
                    start_sample = chunk.end_sample
                    yield chunk
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        finally:
            if self._waiting is waiting:
                self._waiting = None

    async def _listen(self, source: AudioSource) -> None:
        self._source = source
        try:
            # Closed here: left alone, a generator is closed by a task of its own.
            blocks = cast("AsyncGenerator[AudioChunk, None]", source.blocks())
            async with aclosing(blocks):
                async for chunk in blocks:
                    self._connection.works()
                    self._keep(chunk.samples)
        finally:
            self._lost_samples += source.lost_samples
            self._source = None
        raise DeviceError("the microphone has ended")

    def _keep(self, samples: Samples) -> None:
        if self._waiting is None:
            return
        if len(self._waiting) == _BACKLOG_BLOCKS:
            self._lost_samples += len(self._waiting.popleft())
        self._waiting.append(samples)
        self._arrived.set()

    def _changed(self, condition: Condition, reason: str) -> None:
        if condition is not Condition.WORKING and self._waiting is not None:
            # What comes next is a new beginning for whoever is told.
            self._waiting.clear()
        self._on_change(_STATES[condition], reason)


class ReconnectingSink:
    """A speaker as an `AudioSink`; while it is away `write` and `drain` raise `DeviceError` at once.

    What a device that was lost still held counts neither as played nor as dropped.
    """

    def __init__(
        self,
        open_sink: Callable[[], AudioSink],
        rate_hz: int,
        on_change: Callable[[bool, str], None] = lambda _is_there, _reason: None,
        *,
        rescan: Rescan | None = None,
    ) -> None:
        """`rate_hz` is what it is fed at until a device has opened.

        `on_change` is called on the event loop when it is there, or no longer, with the reason; the
        first time, too. With a `rescan` each attempt goes through that.
        """
        self._rate_hz = rate_hz
        self._connection = Connection(
            "speaker",
            open_sink,
            self._serve,
            lambda condition, reason: on_change(condition is Condition.WORKING, reason),
            rescan=rescan,
            is_busy=self._is_heard,
        )
        self._sink: AudioSink | None = None
        self._played_samples = 0
        self._underflow_count = 0
        self._calls = 0
        self._heard_until_s = 0.0

    async def __aenter__(self) -> Self:
        """Begin to try; returns when it is there, or the first attempt has failed, after 1 s at most."""
        await self._connection.enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.leave()

    @property
    def is_there(self) -> bool:
        return self._connection.condition is Condition.WORKING

    @property
    def reason(self) -> str:
        """Why it is away, in a sentence for people: of the last attempt. Empty where it is there."""
        return self._connection.reason

    @property
    def reconnects(self) -> int:
        """How many times it came back after it was away."""
        return self._connection.reconnects

    @property
    def rate_hz(self) -> int:
        """That of the device that is open, else of the last one."""
        return self._rate_hz

    @property
    def played_samples(self) -> int:
        return self._played_samples + (self._sink.played_samples if self._sink else 0)

    @property
    def underflow_count(self) -> int:
        return self._underflow_count + (self._sink.underflow_count if self._sink else 0)

    @property
    def far_end(self) -> FarEnd | None:
        """That of the device that is open: another one each time. None while it is away."""
        return self._sink.far_end if self._sink else None

    async def write(self, samples: Samples) -> None:
        sink = await self._working_sink()
        with self._hearing():
            await sink.write(samples)

    def flush(self) -> int:
        return self._sink.flush() if self._sink else 0

    async def drain(self) -> None:
        sink = await self._working_sink()
        with self._hearing():
            await sink.drain()

    async def lost(self) -> VoicedError:
        """For ever: it comes back."""
        return await asyncio.Future()

    async def _working_sink(self) -> AudioSink:
        rate_hz = self._rate_hz
        self._connection.raise_defect()
        await self._connection.until_works()
        if self._sink is None or self._rate_hz != rate_hz:
            raise DeviceError("the speaker has changed")
        return self._sink

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._heard_until_s = asyncio.get_running_loop().time() + _AUDIBLE_S

    def _is_heard(self) -> bool:
        return self._calls > 0 or asyncio.get_running_loop().time() < self._heard_until_s

    async def _serve(self, sink: AudioSink) -> None:
        self._rate_hz = sink.rate_hz
        if not self.is_there:
            await _try_out(sink)
        self._sink = sink
        self._played_samples -= sink.played_samples
        try:
            self._connection.works()
            raise await sink.lost()
        finally:
            self._sink = None
            self._played_samples += sink.played_samples
            self._underflow_count += sink.underflow_count


async def _try_out(sink: AudioSink) -> None:
    """Return when `sink` takes sound as a speaker does that plays it."""
    block = np.zeros(ms_to_samples(BLOCK_MS, sink.rate_hz), np.int16)
    # More than is queued: this has been written when the device has begun to take it.
    await sink.write(np.tile(block, AHEAD_MS // BLOCK_MS + 1))
    loop = asyncio.get_running_loop()
    until_s = loop.time() + _TRIAL_S
    for _ in range(_TRIAL_BLOCKS):
        if loop.time() >= until_s:
            break
        await sink.write(block)
    await sink.drain()
