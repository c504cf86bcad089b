"""What is said goes through here to the speaker: one stream, one order, one place that falls silent.

The speaker's stream stays open. A turn fills a `Playback` and learns from it what was really heard. It can
be filled before it is started (an answer that may not be wanted), put on hold (somebody may be interrupting),
and goes on from the clause that it left. Falling silent drops everything at once; what a cancelled turn still
hands in afterwards goes into a playback that nobody plays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import numpy as np

from voiced.audio.contracts import AudioSink
from voiced.errors import DeviceError
from voiced.playback import Playback
from voiced.tasks import unwrapped
from voiced.types import AudioChunk, Samples, ms_to_samples

_WRITE_MS: Final = 20
"""The longest write to the sink: what has not been written can be dropped without asking the device."""


class Player:
    """Owns the sink; `run` is its permanent task."""

    def __init__(self, sink: AudioSink, volume_percent: int = 100) -> None:
        self.volume_percent = volume_percent
        """How loud everything is played, in percent of what it was given; may be set at any time."""
        self._sink = sink
        self._started: list[Playback] = []
        self._is_held = False
        self._changed = asyncio.Event()

    @property
    def is_held(self) -> bool:
        """Whether what is to be heard waits."""
        return self._is_held

    def prepare(self, on_first_sound: Callable[[], None] = lambda: None) -> Playback:
        """A new playback, not heard before it is started.

        `on_first_sound` is called when its first sound goes to the device.
        """
        return Playback(self._sink.rate_hz, self._changed.set, on_first_sound)

    def start(self, playback: Playback) -> None:
        """Play it after what was started before."""
        if not playback.is_stopped:
            self._started.append(playback)
            self._changed.set()

    async def play_earcon(self, sound: AudioChunk) -> None:
        """Start to play `sound` after what was started before."""
        playback = self.prepare()
        await playback.play(sound)
        playback.end()
        self.start(playback)

    def hold(self) -> None:
        """Fall silent at once; what is to be heard waits for `resume`."""
        self._is_held = True
        unheard_samples = self._sink.flush()
        if self._started:
            self._started[0].give_back(unheard_samples)

    def resume(self) -> None:
        """Go on, from the beginning of the clause that was cut, if one was."""
        if not self._is_held:
            return
        self._is_held = False
        if self._started:
            self._started[0].rewind_clause()
        self._changed.set()

    def silence(self) -> None:
        """Stop at once: drop what was started and what the device holds."""
        self.hold()
        for playback in self._started:
            playback.stop()
        self._started.clear()
        self._is_held = False
        self._changed.set()

    async def run(self) -> None:
        """Play what was started, for ever; what a lost speaker cannot play fails, and no more than that."""
        while True:
            try:
                await self._play()
            except DeviceError as failure:
                for playback in self._started:
                    playback.fail(failure)
                self._started.clear()

    async def _play(self) -> None:
        write_samples = ms_to_samples(_WRITE_MS, self._sink.rate_hz)
        while True:
            self._changed.clear()
            self._started = [playback for playback in self._started if not playback.is_stopped]
            playback = None if self._is_held or not self._started else self._started[0]
            if playback is not None and playback.rate_hz != self._sink.rate_hz:
                # It was prepared for the device that was there before.
                playback.fail(DeviceError("the speaker has changed"))
                continue
            block = None if playback is None else playback.take(write_samples)
            if block is not None:
                await self._sink.write(self._at_volume(block))
            elif playback is not None and playback.has_ended:
                await self._end(playback)
            else:
                await self._changed.wait()

    def _at_volume(self, block: Samples) -> Samples:
        if self.volume_percent == 100:
            return block
        louder = block.astype(np.float32) * (self.volume_percent / 100)
        clipped: Samples = np.clip(np.rint(louder), -32_768, 32_767).astype(np.int16)
        return clipped

    async def _end(self, playback: Playback) -> None:
        """Its last sample is on its way; while it is, it may still be held, or silenced."""
        await self._sink.drain()
        if playback.has_ended and not self._is_held and playback in self._started:
            self._started.remove(playback)
            playback.is_done.set()


@asynccontextmanager
async def playing(sink: AudioSink) -> AsyncIterator[Player]:
    """A player that runs on an open `sink` for as long as the context lasts; raises what ends it."""
    player = Player(sink)
    with unwrapped():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(player.run(), name="player")
            yield player
            running.cancel()
