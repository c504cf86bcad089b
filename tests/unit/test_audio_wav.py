"""Files as sources and sinks, on virtual time."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.sound.signals import tone
from tests.support.virtual_time import run_virtual
from voiced.audio.wav import Pace, WavSink, WavSource
from voiced.audio.wavfile import SoundReader
from voiced.errors import InputMissingError, OutputError
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples


def write(path: Path, samples: Samples) -> Path:
    soundfile.write(path, samples, 16_000)
    return path


async def collect(source: WavSource) -> tuple[list[AudioChunk], list[float]]:
    clock = asyncio.get_running_loop().time
    chunks, times = [], []
    async with source:
        async for chunk in source.blocks():
            chunks.append(chunk)
            times.append(clock())
    return chunks, times


def test_at_real_time_a_block_comes_when_it_has_been_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 1_010))
    chunks, times = run_virtual(collect(WavSource(path, pace=Pace.REALTIME)))
    assert len(chunks) == 51
    assert times == pytest.approx([chunk.end_sample / 16_000 for chunk in chunks])


def test_fast_takes_no_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 1_000))
    chunks, times = run_virtual(collect(WavSource(path, pace=Pace.FAST)))
    assert len(chunks) == 50
    assert times[-1] == 0


def test_a_reader_that_was_late_catches_up(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 1_000))

    async def main() -> float:
        async with WavSource(path, pace=Pace.REALTIME) as source:
            async for chunk in source.blocks():
                if chunk.start_sample == 0:
                    await asyncio.sleep(0.5)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(1.0)


def test_silence_follows_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.full(1_000, 500, np.int16))
    source = WavSource(path, pace=Pace.FAST, trailing_silence_ms=200)
    chunks, _ = run_virtual(collect(source))
    heard = np.concatenate([chunk.samples for chunk in chunks])
    assert len(heard) == 14 * BLOCK_SAMPLES  # 1000 + 3200 samples, filled up
    assert (heard[:1_000] == 500).all()
    assert not heard[1_000:].any()


def test_others_get_their_turn_while_a_file_is_read_fast(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 2_000))

    async def main() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await collect(WavSource(path, pace=Pace.FAST))
        task.cancel()
        await asyncio.wait((task,))
        return turns

    assert run_virtual(main()) >= 100


def test_a_long_file_is_not_held_in_memory(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 48_000, 2) as file:
        for _ in range(120):
            file.write(np.zeros((48_000, 2), np.int16))

    async def main() -> int:
        samples = 0
        async with WavSource(tmp_path / "a.wav", pace=Pace.FAST) as source:
            async for chunk in source.blocks():
                samples += len(chunk.samples)
        return samples

    tracemalloc.start()
    try:
        assert run_virtual(main()) == 16_000 * 120
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 3_000_000  # the file's sound is 23 MB, 3.8 at 16 kHz


def test_a_missing_file_is_said_when_the_source_is_opened(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError):
        run_virtual(collect(WavSource(tmp_path / "no.wav")))


def read(path: Path) -> Samples:
    reader = SoundReader(path)
    try:
        return np.concatenate([np.zeros(0, np.int16), *reader.pieces()])
    finally:
        reader.close()


@pytest.mark.parametrize("pace", Pace)
def test_the_file_has_what_was_written_and_nothing_between(tmp_path: Path, pace: Pace) -> None:
    path = tmp_path / "a.wav"
    said = tone(440, 330)

    async def main() -> float:
        async with WavSink(path, pace=pace) as sink:
            await sink.write(said)
            await sink.drain()
            await asyncio.sleep(1)
            await sink.write(said)
            await sink.drain()
            assert not path.exists()
        return asyncio.get_running_loop().time()

    lasted_s = run_virtual(main())
    assert np.array_equal(read(path), np.concatenate([said, said]))
    # At real-time pace it plays block by block, and a second's pause lies between.
    expected_s = 1 if pace is Pace.FAST else 1 + 2 * 0.33
    assert lasted_s == pytest.approx(expected_s, abs=0.05)


def test_what_was_flushed_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"

    async def main() -> tuple[int, int]:
        async with WavSink(path, pace=Pace.REALTIME) as sink:
            writing = asyncio.create_task(sink.write(tone(440, 2_000)))
            await asyncio.sleep(0.5)
            dropped = sink.flush()
            await writing
            await sink.drain()
            return dropped, sink.played_samples

    dropped, played = run_virtual(main())
    assert dropped + played == 32_000
    assert played == pytest.approx(8_000, abs=BLOCK_SAMPLES + 80)
    assert len(read(path)) == played


def test_after_an_error_there_is_no_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with WavSink(tmp_path / "a.wav") as sink:
            await sink.write(tone(440, 100))
            message = "the engine failed"
            raise ValueError(message)

    with pytest.raises(ValueError, match="the engine failed"):
        run_virtual(main())
    assert os.listdir(tmp_path) == []


def test_after_being_cancelled_there_is_one(tmp_path: Path) -> None:
    async def record() -> None:
        async with WavSink(tmp_path / "a.wav") as sink:
            await sink.write(tone(440, 2_000))

    async def main() -> None:
        task = asyncio.create_task(record())
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait((task,))

    run_virtual(main())
    assert len(read(tmp_path / "a.wav")) == pytest.approx(8_000, abs=2 * BLOCK_SAMPLES)


@pytest.mark.parametrize("pace", Pace)
def test_a_full_disk_reaches_the_writer(pace: Pace) -> None:
    async def main() -> None:
        async with WavSink(Path("/dev/full"), pace=pace) as sink:
            for _ in range(100):
                await sink.write(tone(440, 100))

    with pytest.raises(OutputError, match="No space left on device"):
        run_virtual(main())
