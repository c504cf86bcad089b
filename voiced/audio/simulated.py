"""A sound card without hardware: a program speaks into it, and both sides are recorded.

It serves the demo, files in place of the devices, and the tests on virtual time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from voiced.audio.clock import Ticker, stop
from voiced.audio.contracts import AudioSource
from voiced.audio.far_end import FarEnd
from voiced.audio.playout import Playout
from voiced.audio.room import Room, microphone
from voiced.audio.wav import Pace, finish_file
from voiced.audio.wavfile import WavWriter
from voiced.errors import VoicedError
from voiced.types import BLOCK_MS, BLOCK_SAMPLES, SAMPLE_RATE_HZ, AudioChunk, Samples

_BACKLOG_BLOCKS: Final = 5_000 // BLOCK_MS
"""What the source side holds for a reader that is late; then it loses sound, as a real card
does."""


class SimulatedDuplex:
    """A microphone (`source`) and a speaker (`sink`) on one clock, which ticks every 20 ms.

    What is written to the sink while block n is being spoken is heard from block n + 1 on, and the
    source delivers block n when it has been spoken: nothing is answered before it is heard. The
    clock runs while a side is entered, the source or the sink. With a `room` the microphone hears
    what is played, too.

    `recording` has both sides on one timeline, left the person (without echo), right the assistant.
    With `record_to` it is a WAV file instead, written as it grows; see `WavSink` for when it appears.
    Entering the card itself is only needed to open the files before the sides are.
    """

    def __init__(
        self,
        person: AudioSource | None = None,
        record_to: Path | None = None,
        room: Room | None = None,
        pace: Pace = Pace.REALTIME,
    ) -> None:
        """Heard is `person` (at `Pace.FAST`) if given, and what `say` is told.

        At `Pace.FAST` whoever reads the source drives the clock: it ticks once all that was heard
        has been taken.
        """
        self.source = SimulatedSource(self)
        self.sink = SimulatedSink(self)
        self._person = person
        self._record_to = record_to
        self._room = room
        self._pace = pace
        self._speech: deque[Samples] = deque()
        self._speech_samples = 0
        self._hung_up = False
        self._position = 0
        self._writer: WavWriter | None = None
        self._recorded: list[Samples] = []
        self._clock: asyncio.Task[None] | None = None
        self._users = 0
        self._sides = 0
        self._resources = AsyncExitStack()
        self.playout: Playout | None = None

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close(exc)

    @property
    def position_samples(self) -> int:
        """Where the clock is: how much of the recording there is."""
        return self._position

    def say(self, samples: Samples) -> int:
        """Speak `samples` (16 kHz) after what is being said.

        Returns the sample at which they will end, on the source's and the recording's timeline.
        """
        self._speech.append(samples)
        self._speech_samples += len(samples)
        return self._position + self._speech_samples

    def hang_up(self) -> None:
        """The input ends after what is being said. The speaker stays."""
        self._hung_up = True

    def recording(self) -> Samples:
        """Both sides so far, shape (n, 2) at 16 kHz: left the person, right the assistant.

        Empty where it went to a file.
        """
        return np.concatenate(self._recorded or [np.zeros((0, 2), np.int16)])

    async def enter(self) -> None:
        """For the two sides: one more is open."""
        await self._open()
        self._sides += 1
        if self._clock is None:
            self.playout = Playout(SAMPLE_RATE_HZ, far_end=FarEnd(SAMPLE_RATE_HZ))
            self._clock = asyncio.create_task(self._run(self.playout))

    async def leave(self, exc: BaseException | None) -> None:
        """For the two sides: one less is open, because of `exc` if that is what closed it."""
        self._sides -= 1
        try:
            if self._clock is not None and not self._sides:
                clock, self._clock = self._clock, None
                await stop(clock)
        finally:
            await self._close(exc)

    async def _open(self) -> None:
        if not self._users:
            if self._record_to is not None:
                self._writer = WavWriter(self._record_to, SAMPLE_RATE_HZ, channels=2)
            try:
                if self._person is not None:
                    await self._resources.enter_async_context(self._person)
            except VoicedError as error:
                finish_file(self._writer, error)
                raise
        self._users += 1

    async def _close(self, exc: BaseException | None) -> None:
        self._users -= 1
        if isinstance(exc, Exception) and self._writer is not None:
            self._writer.discard()
            self._writer = None
        if not self._users:
            await self._resources.aclose()
            finish_file(self._writer, exc)

    async def _run(self, playout: Playout) -> None:
        given = self._person.blocks() if self._person is not None else None
        ticker = Ticker(BLOCK_MS / 1000) if self._pace is Pace.REALTIME else None
        played = np.zeros(BLOCK_SAMPLES, np.int16)
        heard: AudioChunk | None = None
        try:
            while True:
                await (ticker.tick() if ticker else self.source.until_wanted())
                if heard is not None:
                    self.source.deliver(heard)
                heard = spoken = await self._speak(given)
                if spoken is None:
                    self.source.end()
                playout.pull(played)
                if spoken is not None and self._room is not None:
                    sound = microphone(spoken.samples, self._room.echo(played))
                    heard = AudioChunk(sound, start_sample=spoken.start_sample)
                self._record(spoken, played)
        except VoicedError as error:
            self.source.end(error)
            playout.fail(error)

    async def _speak(self, given: AsyncIterator[AudioChunk] | None) -> AudioChunk | None:
        """The next block of what is heard; None where no more comes."""
        if not self._speech and given is not None:
            chunk = await anext(given, None)
            if chunk is not None:
                return AudioChunk(chunk.samples, start_sample=self._position)
            self._hung_up = True
        if not self._speech and self._hung_up:
            return None
        block = np.zeros(BLOCK_SAMPLES, np.int16)
        filled = 0
        while self._speech and filled < BLOCK_SAMPLES:
            samples = self._speech.popleft()
            part = samples[: BLOCK_SAMPLES - filled]
            block[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(samples):
                self._speech.appendleft(samples[len(part) :])
        self._speech_samples -= filled
        return AudioChunk(block, start_sample=self._position)

    def _record(self, spoken: AudioChunk | None, played: Samples) -> None:
        both = np.zeros((BLOCK_SAMPLES, 2), np.int16)
        if spoken is not None:
            both[:, 0] = spoken.samples
        both[:, 1] = played
        if self._writer is not None:
            self._writer.write(both)
        elif self._record_to is None:
            self._recorded.append(both)
        self._position += BLOCK_SAMPLES


class SimulatedSource:
    """The microphone of a `SimulatedDuplex`: an `AudioSource`."""

    def __init__(self, card: SimulatedDuplex) -> None:
        self._card = card
        self._waiting: deque[AudioChunk] = deque()
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._is_open = False
        self._ended = False
        self._failure: VoicedError | None = None
        self._lost_samples = 0
        self._delivered_samples = 0

    async def __aenter__(self) -> Self:
        self._is_open = True
        await self._card.enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_open = False
        self._wanted.set()
        await self._card.leave(exc)

    @property
    def lost_samples(self) -> int:
        return self._lost_samples

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return
            self._changed.clear()
            self._wanted.set()
            await self._changed.wait()

    async def until_wanted(self) -> None:
        """For the card: wait until a reader has taken everything, if there is one."""
        # Those who write get their turn before the clock goes on.
        await asyncio.sleep(0)
        if self._is_open and not self._ended:
            await self._wanted.wait()

    def deliver(self, chunk: AudioChunk) -> None:
        """For the card: this has been heard."""
        if len(self._waiting) >= _BACKLOG_BLOCKS:
            self._lost_samples += len(chunk.samples)
            return
        self._wanted.clear()
        self._waiting.append(AudioChunk(chunk.samples, start_sample=self._delivered_samples))
        self._delivered_samples += len(chunk.samples)
        self._changed.set()

    def end(self, failure: VoicedError | None = None) -> None:
        """For the card: no more comes."""
        self._ended = True
        self._failure = self._failure or failure
        self._changed.set()


class SimulatedSink:
    """The speaker of a `SimulatedDuplex`: an `AudioSink`."""

    rate_hz = SAMPLE_RATE_HZ
    underflow_count = 0

    def __init__(self, card: SimulatedDuplex) -> None:
        self._card = card

    async def __aenter__(self) -> Self:
        await self._card.enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._card.leave(exc)

    @property
    def played_samples(self) -> int:
        return self._playout.played_samples

    @property
    def far_end(self) -> FarEnd | None:
        return self._playout.far_end

    async def write(self, samples: Samples) -> None:
        await self._playout.write(samples)

    def flush(self) -> int:
        return self._playout.flush()

    async def drain(self) -> None:
        await self._playout.drain()

    async def lost(self) -> VoicedError:
        return await self._playout.lost()

    @property
    def _playout(self) -> Playout:
        if self._card.playout is None:
            message = "the sink is not open"
            raise RuntimeError(message)
        return self._card.playout
