"""What brings sound in and makes it heard: microphones, speakers, files, a simulated sound card.

Asynchronous, unlike the engines' contracts, because sound arrives by itself. Both are asynchronous
context managers: entering opens the device or file, leaving closes it. Nothing else may be called
outside.

Raised by any of these: `DeviceError` (a device is missing, refuses, or has stopped delivering),
`InputError` (a file cannot be read), `OutputError` (a file cannot be written).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from voiced.audio.far_end import FarEnd
from voiced.errors import VoicedError
from voiced.types import AudioChunk, Samples


class AudioSource(Protocol):
    """Where sound comes from: 16 kHz, mono."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def blocks(self) -> AsyncIterator[AudioChunk]:
        """The sound from here on, `BLOCK_SAMPLES` a chunk, until the input ends.

        A microphone's never does. The first chunk starts at sample 0 and each where the one before
        ends, whatever was lost between them. A file's last block is filled up with silence. One
        iteration at a time.
        """

    @property
    def lost_samples(self) -> int:
        """How much sound was lost so far because nobody took it in time, in samples at 16 kHz."""


class AudioSink(Protocol):
    """Where sound goes: one mono stream that stays open, silent when there is nothing to play.

    One task writes at a time; `flush` may be called while it waits.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close at once: what has not been played is dropped. `drain` first to hear it out."""

    @property
    def rate_hz(self) -> int:
        """The sample rate at which it is fed. Known once it is open."""

    async def write(self, samples: Samples) -> None:
        """Queue `samples` behind what is queued; returns when all of them are.

        No more than about 100 ms are queued, so that this is what paces a speaker. A cancelled
        write has queued a part of its samples.
        """

    def flush(self) -> int:
        """Fall silent: drop all that was written and not yet played, a waiting `write`'s rest too.

        Returns how many samples were dropped. A few milliseconds may be kept and faded out, because
        a speech sound that is cut off clicks. Silence begins within one block of the device.
        """

    async def drain(self) -> None:
        """Wait until all that was written has been played."""

    @property
    def played_samples(self) -> int:
        """How many of the samples written since opening have been handed to the device.

        They are heard after the device's own latency. The silence between is not counted, so that
        what was written is always what was played, dropped or is still queued.
        """

    @property
    def far_end(self) -> FarEnd | None:
        """The tap for an echo canceller; None where no microphone can hear what is played (files).

        Known, and the same, while it is open.
        """

    @property
    def underflow_count(self) -> int:
        """How many times the device ran dry because its next sound came too late."""

    async def lost(self) -> VoicedError:
        """Wait until nothing can be played any more, also where nobody writes; returns why.

        For ever where that does not happen.
        """
