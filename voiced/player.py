"""What is said goes through here to the speaker: one stream, one order, one place that falls silent.

The speaker's stream stays open. A turn gets a `Playback`, hands it clauses and their sound, and learns
from it what was really heard. Falling silent drops everything at once; what a cancelled turn still hands
in afterwards is recognised by its playback and never heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from voiced.audio.contracts import AudioSink
from voiced.audio.resample import StreamResampler
from voiced.channel import Channel
from voiced.tasks import unwrapped
from voiced.types import AudioChunk, Samples, ms_to_samples

_WRITE_MS: Final = 20
"""The longest write to the sink: what has not been written can be dropped without asking the device."""

_AHEAD_CHUNKS: Final = 8
"""How far synthesis may run ahead of the speaker, in chunks (a chunk is up to a sentence)."""


@dataclass(slots=True)
class _Clause:
    text: str
    begin_sample: int
    end_sample: int


class Playback:
    """One turn's answer on its way to the speaker."""

    def __init__(
        self, queue: Channel[_Piece], rate_hz: int, on_first_sound: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._rate_hz = rate_hz
        self._on_first_sound = on_first_sound
        self._resampler: StreamResampler | None = None
        self._clauses: list[_Clause] = []
        self._queued_samples = 0
        self._played_samples = 0
        self._done = asyncio.Event()
        self.is_stopped = False

    def begin_clause(self, text: str) -> None:
        """What is played from here on says `text`."""
        self._clauses.append(_Clause(text, self._queued_samples, self._queued_samples))

    async def play(self, chunk: AudioChunk) -> None:
        """Queue sound; waits where enough is queued already."""
        if self._resampler is None:
            self._resampler = StreamResampler(chunk.rate_hz, self._rate_hz)
        await self._enqueue(self._resampler.process(chunk.samples))

    async def finish(self) -> None:
        """No more comes: wait until the last of it has been played (or the player fell silent)."""
        if self._resampler is not None:
            await self._enqueue(self._resampler.flush())
        if not self.is_stopped:
            await self._queue.send(_Piece(self, None))
            await self._done.wait()

    def heard(self) -> str:
        """The words that were played so far; the clause that was cut in proportion to its sound."""
        words: list[str] = []
        for clause in self._clauses:
            length = clause.end_sample - clause.begin_sample
            played = self._played_samples - clause.begin_sample
            if played >= length:
                words.append(clause.text)
            elif played > 0:
                of_clause = clause.text.split()
                words.extend(of_clause[: int(len(of_clause) * played / length)])
        return " ".join(words)

    async def _enqueue(self, samples: Samples) -> None:
        if self.is_stopped or len(samples) == 0:
            return
        self._queued_samples += len(samples)
        if self._clauses:
            self._clauses[-1].end_sample = self._queued_samples
        await self._queue.send(_Piece(self, samples))

    def note_written(self, samples: int) -> None:
        """For the player: so many samples go to the sink now."""
        if self._played_samples == 0:
            self._on_first_sound()
        self._played_samples += samples

    def note_stopped(self, unplayed_samples: int) -> None:
        """For the player: nothing more is heard, and the last so many samples were not."""
        self._played_samples = max(0, self._played_samples - unplayed_samples)
        self.is_stopped = True
        self._done.set()

    def note_finished(self) -> None:
        """For the player: the last sample has been played."""
        self._done.set()


@dataclass(frozen=True, slots=True)
class _Piece:
    """Samples of a playback at the sink's rate, or its end (None)."""

    playback: Playback
    samples: Samples | None


class Player:
    """Owns the sink; `run` is its permanent task."""

    def __init__(self, sink: AudioSink) -> None:
        self._sink = sink
        self._queue: Channel[_Piece] = Channel(_AHEAD_CHUNKS)
        self._playing: list[Playback] = []

    def begin(self, on_first_sound: Callable[[], None] = lambda: None) -> Playback:
        """A new playback, heard after what is queued. `on_first_sound` is called when it is its turn."""
        playback = Playback(self._queue, self._sink.rate_hz, on_first_sound)
        self._playing.append(playback)
        return playback

    def play_earcon(self, samples: Samples) -> None:
        """Play `samples`, at the sink's rate, after what is queued; does not wait."""
        playback = self.begin()
        self._queue.send_nowait(_Piece(playback, samples))
        self._queue.send_nowait(_Piece(playback, None))

    def silence(self) -> None:
        """Stop at once: drop what is queued and what the device holds."""
        self._queue.take_all()
        unplayed_samples = self._sink.flush()
        for playback in self._playing:
            playback.note_stopped(unplayed_samples)
        self._playing.clear()

    async def run(self) -> None:
        """Play what is queued, for ever."""
        write_samples = ms_to_samples(_WRITE_MS, self._sink.rate_hz)
        async for piece in self._queue:
            playback = piece.playback
            if piece.samples is None:
                await self._sink.drain()
                playback.note_finished()
                if playback in self._playing:
                    self._playing.remove(playback)
                continue
            for begin in range(0, len(piece.samples), write_samples):
                if playback.is_stopped:
                    break
                block = np.ascontiguousarray(piece.samples[begin : begin + write_samples])
                playback.note_written(len(block))
                await self._sink.write(block)


@asynccontextmanager
async def playing(sink: AudioSink) -> AsyncIterator[Player]:
    """A player that runs on an open `sink` for as long as the context lasts; raises what ends it."""
    player = Player(sink)
    with unwrapped():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(player.run(), name="player")
            yield player
            running.cancel()
