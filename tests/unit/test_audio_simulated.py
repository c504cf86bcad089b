"""The sound card without hardware, on virtual time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.sound.signals import tone
from tests.support.virtual_time import run_virtual
from voiced.audio.room import Room
from voiced.audio.simulated import SimulatedDuplex
from voiced.audio.wav import Pace, WavSource
from voiced.errors import InputMissingError, OutputError
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples


def ramp(begin: int, samples: int) -> Samples:
    """Samples that all differ, and none of them silent."""
    return np.arange(begin + 1, begin + 1 + samples, dtype=np.int16)


def joined(chunks: list[AudioChunk]) -> Samples:
    return np.concatenate([np.zeros(0, np.int16), *(chunk.samples for chunk in chunks)])


def test_what_is_said_is_heard_when_it_has_been_said() -> None:
    async def main() -> tuple[list[AudioChunk], list[float], int]:
        card = SimulatedDuplex()
        chunks, times = [], []
        async with card.source as source:
            end = card.say(ramp(0, 1_000))
            card.hang_up()
            async for chunk in source.blocks():
                chunks.append(chunk)
                times.append(asyncio.get_running_loop().time())
        return chunks, times, end

    chunks, times, end = run_virtual(main())
    assert end == 1_000
    assert times == pytest.approx([0.02, 0.04, 0.06, 0.08])
    assert [chunk.start_sample for chunk in chunks] == [0, 320, 640, 960]
    assert np.array_equal(joined(chunks)[:1_000], ramp(0, 1_000))
    assert not joined(chunks)[1_000:].any()


def test_recordings_follow_each_other_without_a_gap_and_silence_them() -> None:
    async def main() -> tuple[list[AudioChunk], int]:
        card = SimulatedDuplex()
        chunks: list[AudioChunk] = []
        async with card.source as source:
            assert card.say(ramp(0, 500)) == 500
            assert card.say(ramp(500, 500)) == 1_000
            third = 0
            async for chunk in source.blocks():
                chunks.append(chunk)
                if len(chunks) == 6:
                    third = card.say(ramp(1_000, 200))
                    card.hang_up()
        return chunks, third

    chunks, third = run_virtual(main())
    heard = joined(chunks)
    assert np.array_equal(heard[:1_000], ramp(0, 1_000))
    assert np.array_equal(heard[third - 200 : third], ramp(1_000, 200))
    assert not heard[1_000 : third - 200].any()


def test_both_sides_are_recorded_on_one_timeline() -> None:
    """An answer that is begun when a question has been heard starts after it in the recording."""

    async def main() -> Samples:
        card = SimulatedDuplex()
        async with card, card.source as source, card.sink as sink:
            card.say(ramp(0, 640))
            async for chunk in source.blocks():
                if chunk.end_sample == 640:
                    break
            await sink.write(ramp(0, 700))
            await sink.drain()
        return card.recording()

    both = run_virtual(main())
    person, assistant = both[:, 0], both[:, 1]
    assert np.array_equal(person[:640], ramp(0, 640))
    assert not person[640:].any()
    begin = int(np.flatnonzero(assistant)[0])
    assert 640 <= begin <= 640 + BLOCK_SAMPLES
    assert np.array_equal(assistant[begin : begin + 700], ramp(0, 700))
    assert not assistant[begin + 700 :].any()


def test_the_clock_runs_while_a_side_is_open(tmp_path: Path) -> None:
    async def main() -> int:
        async with SimulatedDuplex(record_to=tmp_path / "out.wav") as card:
            await asyncio.sleep(3)  # as engines take to load
            async with card.source:
                await asyncio.sleep(1)
            await asyncio.sleep(3)
            return card.position_samples

    position = run_virtual(main())
    assert position == pytest.approx(16_000, abs=BLOCK_SAMPLES)
    both, _ = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert len(both) == position


def test_the_speaker_stays_when_the_person_has_hung_up() -> None:
    async def main() -> int:
        card = SimulatedDuplex()
        async with card.source as source, card.sink as sink:
            card.hang_up()
            assert [chunk async for chunk in source.blocks()] == []
            await sink.write(ramp(0, 3_000))
            await sink.drain()
            return sink.played_samples

    assert run_virtual(main()) == 3_000


def test_a_file_speaks_for_the_person_and_the_conversation_goes_to_a_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tone(440, 300), 16_000)
    person = WavSource(tmp_path / "in.wav", pace=Pace.FAST, trailing_silence_ms=100)

    async def main() -> float:
        card = SimulatedDuplex(person, record_to=tmp_path / "out.wav")
        async with card.source as source, card.sink as sink:
            heard = joined([chunk async for chunk in source.blocks()])
            assert np.array_equal(heard, np.concatenate([tone(440, 300), np.zeros(1_600)]))
            await sink.write(tone(880, 200))
            await sink.drain()
        assert len(card.recording()) == 0
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(0.4 + 0.2, abs=0.05)
    both, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert rate_hz == 16_000
    assert np.array_equal(both[:4_800, 0], tone(440, 300))
    begin = int(np.flatnonzero(both[:, 1])[0]) - 1  # a sine begins with a zero
    assert begin >= 6_400
    assert np.array_equal(both[begin : begin + 3_200, 1], tone(880, 200))


def test_a_listener_that_sleeps_loses_sound_and_is_told() -> None:
    async def main() -> tuple[list[AudioChunk], int]:
        card = SimulatedDuplex()
        async with card.source as source:
            await asyncio.sleep(7)
            card.hang_up()
            return [chunk async for chunk in source.blocks()], source.lost_samples

    chunks, lost = run_virtual(main())
    # Five seconds wait; what comes while they are read is heard again.
    assert 250 <= len(chunks) <= 252
    assert chunks[-1].end_sample == len(chunks) * BLOCK_SAMPLES
    assert lost == pytest.approx(2 * 16_000, abs=3 * BLOCK_SAMPLES)


def test_a_file_that_is_not_there_is_said_and_nothing_is_recorded(tmp_path: Path) -> None:
    async def main() -> None:
        card = SimulatedDuplex(WavSource(tmp_path / "no.wav"), record_to=tmp_path / "out.wav")
        async with card.source:
            pass

    with pytest.raises(InputMissingError):
        run_virtual(main())
    assert os.listdir(tmp_path) == []


def test_after_an_error_there_is_no_recording(tmp_path: Path) -> None:
    async def main() -> None:
        card = SimulatedDuplex(record_to=tmp_path / "out.wav")
        async with card, card.sink as sink:
            await sink.write(tone(440, 200))
            message = "the engine failed"
            raise ValueError(message)

    with pytest.raises(ValueError, match="the engine failed"):
        run_virtual(main())
    assert os.listdir(tmp_path) == []


def test_a_full_disk_reaches_both_sides() -> None:
    async def listen(card: SimulatedDuplex) -> None:
        async for _ in card.source.blocks():
            pass

    async def speak(card: SimulatedDuplex) -> None:
        while True:
            await card.sink.write(tone(440, 500))

    async def use(card: SimulatedDuplex, tasks: list[asyncio.Task[None]]) -> None:
        async with card, card.source, card.sink:
            tasks += [asyncio.create_task(side(card)) for side in (listen, speak)]
            await asyncio.wait(tasks)

    async def main() -> list[BaseException | None]:
        tasks: list[asyncio.Task[None]] = []
        with pytest.raises(OutputError):
            await use(SimulatedDuplex(record_to=Path("/dev/full")), tasks)
        return [task.exception() for task in tasks]

    for error in run_virtual(main()):
        assert isinstance(error, OutputError)
        assert "No space left on device" in str(error)


def test_with_a_room_the_microphone_hears_the_speaker_too() -> None:
    async def main() -> tuple[Samples, Samples]:
        card = SimulatedDuplex(room=Room(0.2, 0, 40))
        heard: list[AudioChunk] = []
        async with card.source as source, card.sink as sink:
            card.say(ramp(0, 3_200))
            writing = asyncio.create_task(sink.write(tone(440, 500)))
            async for chunk in source.blocks():
                heard.append(chunk)
                if chunk.end_sample == 9_600:
                    break
            await writing
        return joined(heard), card.recording()

    heard, both = run_virtual(main())
    assert np.array_equal(both[:3_200, 0], ramp(0, 3_200))
    assert not both[3_200:, 0].any()
    begin = int(np.flatnonzero(both[:, 1])[0])
    # Until the echo comes it hears the person alone.
    assert np.array_equal(heard[: begin + 600], both[: begin + 600, 0])
    assert np.abs(heard[begin + 700 : 9_600] - both[begin + 700 : 9_600, 0].astype(int)).max() > 500


def test_what_is_played_is_told_to_the_far_end_in_step_with_the_microphone() -> None:
    async def main() -> tuple[Samples, Samples]:
        card = SimulatedDuplex()
        told = []
        async with card.source as source, card.sink as sink:
            far_end = sink.far_end
            assert far_end is not None
            writing = asyncio.create_task(sink.write(ramp(0, 8_000)))
            async for chunk in source.blocks():
                told.append(far_end.take(len(chunk.samples)))
                if chunk.end_sample == 12_800:
                    break
            await writing
        return np.concatenate(told), card.recording()[:, 1]

    told, played = run_virtual(main())
    # The stream begins with the first block that is read; from then on the two go side by side.
    assert len(told) == 12_800 - BLOCK_SAMPLES
    assert np.array_equal(told[BLOCK_SAMPLES:], played[2 * BLOCK_SAMPLES : 12_800])
    assert told[:8_000].any()


def test_at_fast_pace_the_reader_drives_the_clock() -> None:
    """Ten minutes in the time that it takes to read them; nothing is lost on either side."""

    async def main() -> tuple[int, int, Samples, float]:
        card = SimulatedDuplex(room=Room(0.1, -10, 20), pace=Pace.FAST)
        speech = tone(440, 20_000)
        async with card.source as source, card.sink as sink:
            writing = asyncio.create_task(sink.write(speech))
            async for chunk in source.blocks():
                if chunk.end_sample == 600 * 16_000:
                    break
            await writing
            await asyncio.sleep(0)
            lost = source.lost_samples
        return lost, sink_samples(card), speech, asyncio.get_running_loop().time()

    def sink_samples(card: SimulatedDuplex) -> int:
        return int(np.count_nonzero(card.recording()[:, 1]))

    lost, played, speech, elapsed_s = run_virtual(main())
    assert lost == 0
    assert played == np.count_nonzero(speech)
    assert elapsed_s == 0


def test_at_fast_pace_the_speaker_goes_on_without_a_reader() -> None:
    async def main() -> None:
        card = SimulatedDuplex(pace=Pace.FAST)
        async with card.sink as sink:
            await sink.write(tone(440, 3_000))
            await sink.drain()
            assert sink.played_samples == 48_000
            async with card.source as source:
                card.hang_up()
                async for _ in source.blocks():
                    pass
                await sink.write(tone(440, 1_000))
                await sink.drain()
                assert sink.played_samples == 64_000

    run_virtual(main())
