"""What every source and sink of sound must do, as tests: subclass and give it one.

    class TestMine(SinkContract):
        @contextmanager
        def opening(self) -> Iterator[AudioSink]: ...

`execute` runs a coroutine: on virtual time, unless what is tested lives in real time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar, cast

import numpy as np
import pytest

from tests.sound.signals import tone
from tests.support.virtual_time import run_virtual
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples, ms_to_samples

T = TypeVar("T")

QUEUED_MS = 120
"""How far a sink may be ahead: about 100 ms."""

STOP_MS = 30
"""What may still be handed to the device when it is told to fall silent: a block, or the fade."""


async def take(
    source: AudioSource, count: int, look: Callable[[AudioChunk], None] = lambda _: None
) -> list[AudioChunk]:
    """The first `count` blocks of a source; `look` sees each as it comes."""
    chunks: list[AudioChunk] = []
    # Closed here: an asynchronous generator that is merely left is closed by a task of its own.
    async with contextlib.aclosing(
        cast("AsyncGenerator[AudioChunk, None]", source.blocks())
    ) as all_:
        async for chunk in all_:
            look(chunk)
            chunks.append(chunk)
            if len(chunks) == count:
                break
    return chunks


class SourceContract:
    """For a source that has at least a second of sound in it."""

    def source(self) -> AudioSource:
        """A source that has not been opened."""
        raise NotImplementedError

    def execute(self, main: Coroutine[Any, Any, T]) -> T:
        return run_virtual(main)

    def test_blocks_follow_each_other(self) -> None:
        async def main() -> list[AudioChunk]:
            async with self.source() as source:
                chunks = await take(source, 40)
                assert source.lost_samples == 0
            return chunks

        chunks = self.execute(main())
        assert [chunk.start_sample for chunk in chunks] == [n * BLOCK_SAMPLES for n in range(40)]
        for chunk in chunks:
            assert chunk.rate_hz == 16_000
            assert chunk.samples.dtype == np.int16
            assert chunk.samples.shape == (BLOCK_SAMPLES,)

    def test_a_block_is_not_changed_afterwards(self) -> None:
        async def main() -> None:
            before: list[Samples] = []
            async with self.source() as source:
                chunks = await take(source, 40, lambda chunk: before.append(chunk.samples.copy()))
            assert all(map(np.array_equal, (chunk.samples for chunk in chunks), before))

        self.execute(main())

    def test_it_can_be_left_while_somebody_waits(self) -> None:
        async def listen(source: AudioSource) -> None:
            async for _ in source.blocks():
                pass

        async def main() -> None:
            async with self.source() as source:
                listening = asyncio.create_task(listen(source))
                await asyncio.sleep(0.1)
                listening.cancel()
                await asyncio.wait((listening,))

        self.execute(main())


class SinkContract:
    """For a sink that paces; one that takes all at once has nothing queued that could be dropped."""

    def sink(self) -> AudioSink:
        """A sink that has not been opened."""
        raise NotImplementedError

    def execute(self, main: Coroutine[Any, Any, T]) -> T:
        return run_virtual(main)

    @pytest.mark.parametrize("length_ms", [0, 1, 20, 333])
    def test_all_is_played_that_was_written(self, length_ms: int) -> None:
        async def main() -> tuple[int, int]:
            async with self.sink() as sink:
                samples = tone(440, length_ms, sink.rate_hz)
                for _ in range(3):
                    await sink.write(samples)
                await sink.drain()
                return sink.played_samples, 3 * len(samples)

        played, written = self.execute(main())
        assert played == written

    def test_silence_does_not_count_as_played(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                samples = tone(440, 50, sink.rate_hz)
                await asyncio.sleep(0.1)
                assert sink.played_samples == 0
                await sink.write(samples)
                await sink.drain()
                await asyncio.sleep(0.1)
                assert sink.played_samples == len(samples)

        self.execute(main())

    def test_a_write_waits_until_most_has_been_played(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                samples = tone(440, 400, sink.rate_hz)
                await sink.write(samples)
                queued = len(samples) - sink.played_samples
                assert queued <= ms_to_samples(QUEUED_MS, sink.rate_hz)

        self.execute(main())

    def test_a_flush_drops_what_waits_and_releases_the_writer(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                samples = tone(440, 60_000, sink.rate_hz)
                writing = asyncio.create_task(sink.write(samples))
                while sink.played_samples < ms_to_samples(100, sink.rate_hz):
                    await asyncio.sleep(0.01)
                before = sink.played_samples
                dropped = sink.flush()
                await writing
                await sink.drain()
                assert sink.played_samples + dropped == len(samples)
                assert sink.played_samples - before <= ms_to_samples(STOP_MS, sink.rate_hz)

        self.execute(main())

    def test_a_flush_of_nothing_drops_nothing(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                assert sink.flush() == 0
                await sink.write(tone(440, 30, sink.rate_hz))
                await sink.drain()
                assert sink.flush() == 0

        self.execute(main())

    def test_it_plays_on_after_a_flush(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                samples = tone(440, 90, sink.rate_hz)
                await sink.write(samples)
                dropped = sink.flush()
                await sink.write(samples)
                await sink.drain()
                assert sink.played_samples + dropped == 2 * len(samples)

        self.execute(main())

    def test_a_write_can_be_cancelled(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                samples = tone(440, 60_000, sink.rate_hz)
                writing = asyncio.create_task(sink.write(samples))
                while sink.played_samples == 0:
                    await asyncio.sleep(0.01)
                writing.cancel()
                await asyncio.wait((writing,))
                await sink.drain()
                after_cancel = sink.played_samples
                assert after_cancel < len(samples)
                await sink.write(samples[:1_000])
                await sink.drain()
                assert sink.played_samples == after_cancel + 1_000

        self.execute(main())

    def test_an_echo_canceller_is_told_what_is_played(self) -> None:
        """Where a microphone can hear it: samples in their order, with the silence around them."""

        async def main() -> None:
            async with self.sink() as sink:
                far_end = sink.far_end
                if far_end is None:
                    return
                assert sink.far_end is far_end
                far_end.take(0)
                samples = tone(440, 300, sink.rate_hz)
                await sink.write(samples)
                await sink.drain()
                told = far_end.take(ms_to_samples(1_000))
            level = np.sqrt((samples.astype(float) ** 2).sum() / sink.rate_hz)
            told_level = np.sqrt((told.astype(float) ** 2).sum() / 16_000)
            assert told_level == pytest.approx(level, rel=0.02)

        self.execute(main())

    def test_it_is_not_lost_while_it_works(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                lost = asyncio.create_task(sink.lost())
                await sink.write(tone(440, 90, sink.rate_hz))
                await sink.drain()
                assert not lost.done()
                lost.cancel()
                await asyncio.wait((lost,))

        self.execute(main())

    def test_it_closes_at_once_with_sound_queued(self) -> None:
        async def main() -> None:
            async with self.sink() as sink:
                await sink.write(tone(440, 90, sink.rate_hz))

        self.execute(main())
