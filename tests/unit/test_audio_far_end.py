"""What the speaker plays, on its way to the echo canceller."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sound.signals import tone
from voiced.audio.far_end import MEMORY_MS, RESERVE_SAMPLES, FarEnd
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Samples, ms_to_samples

LIMIT = ms_to_samples(MEMORY_MS)
RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


def begun(rate_hz: int = SAMPLE_RATE_HZ) -> FarEnd:
    far_end = FarEnd(rate_hz)
    assert len(far_end.take(BLOCK_SAMPLES)) == 0
    assert not far_end.take(RESERVE_SAMPLES).any()
    return far_end


def ramp(begin: int, count: int) -> Samples:
    return np.arange(begin, begin + count).astype(np.int16)


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(min_value=0, max_value=700)), max_size=90)
)
def test_what_was_put_is_taken_in_order_and_never_more_than_asked(
    steps: list[tuple[bool, int]],
) -> None:
    far_end = begun()
    put, taken = 0, 0
    for is_put, count in steps:
        if is_put:
            far_end.put(ramp(put, count))
            put += count
        else:
            samples = far_end.take(count)
            assert len(samples) == min(count, put - taken)
            assert np.array_equal(samples, ramp(taken, len(samples)))
            taken += len(samples)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_another_rate_becomes_16_khz_whatever_the_portions(rate_hz: int) -> None:
    sound = tone(440, 500, rate_hz)
    random = np.random.default_rng(1)
    far_end, at_once = begun(rate_hz), begun(rate_hz)
    at_once.put(sound)
    whole = at_once.take(8_000)
    parts = []
    at = 0
    while at < len(sound):
        count = int(random.integers(1, 900))
        far_end.put(sound[at : at + count])
        at += count
        parts.append(far_end.take(int(random.integers(0, 700))))
    parts.append(far_end.take(8_000))
    taken = np.concatenate(parts)
    assert len(whole) == pytest.approx(8_000, abs=1)
    assert np.array_equal(taken, whole)
    # Late by half the filter; what the tone's level and pitch are says the rest.
    expected = tone(440, 500).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(whole[1_000:7_000] * np.hanning(6_000)))
    reference = np.abs(np.fft.rfft(expected[1_000:7_000] * np.hanning(6_000)))
    assert spectrum.argmax() == reference.argmax()
    assert spectrum.max() == pytest.approx(reference.max(), rel=0.01)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_what_16_khz_cannot_hold_is_filtered_out(rate_hz: int) -> None:
    far_end = begun(rate_hz)
    far_end.put(tone(11_000, 200, rate_hz))
    assert np.abs(far_end.take(3_200)[500:].astype(int)).max() < 20


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_silence_between_sounds_keeps_its_length(rate_hz: int) -> None:
    """Its short cut must not move what comes after it."""
    far_end = begun(rate_hz)
    click = np.zeros(rate_hz, np.int16)
    click[[rate_hz // 10, rate_hz * 9 // 10]] = 20_000
    taken = []
    for at in range(0, rate_hz, rate_hz // 50):
        far_end.put(click[at : at + rate_hz // 50])
        taken.append(far_end.take(BLOCK_SAMPLES))
    sound = np.abs(np.concatenate(taken).astype(int))
    first, second = int(sound[:8_000].argmax()), 8_000 + int(sound[8_000:].argmax())
    assert first == pytest.approx(1_600, abs=30)
    assert second - first == pytest.approx(12_800, abs=1)


def test_nothing_is_kept_for_a_reader_that_never_comes() -> None:
    far_end = FarEnd(SAMPLE_RATE_HZ)
    far_end.put(ramp(0, 5_000))
    assert len(far_end.take(BLOCK_SAMPLES)) == 0
    far_end.put(ramp(7, 400))
    assert not far_end.take(RESERVE_SAMPLES).any()
    assert np.array_equal(far_end.take(BLOCK_SAMPLES), ramp(7, BLOCK_SAMPLES))


def test_a_reader_that_is_late_finds_everything_in_its_place() -> None:
    far_end = begun()
    for block in range(100):
        far_end.put(ramp(block * BLOCK_SAMPLES, BLOCK_SAMPLES))
    for block in range(100):
        assert np.array_equal(
            far_end.take(BLOCK_SAMPLES), ramp(block * BLOCK_SAMPLES, BLOCK_SAMPLES)
        )


def test_beyond_the_memory_the_oldest_is_dropped() -> None:
    far_end = begun()
    for at in range(0, 3 * LIMIT, 1_000):
        far_end.put(ramp(at, 1_000))
    taken = far_end.take(4 * LIMIT)
    assert np.array_equal(taken, ramp(2 * LIMIT, LIMIT))


@pytest.mark.parametrize("drift", [-0.001, 0, 0.001])
def test_the_backlog_stays_small_while_the_clocks_drift(drift: float) -> None:
    far_end = begun()
    put, taken, worst = 0, 0, 0
    for block in range(20_000):
        due = round((block + 1) * BLOCK_SAMPLES * (1 + drift))
        far_end.put(ramp(put, due - put))
        put = due
        samples = far_end.take(BLOCK_SAMPLES)
        assert np.array_equal(samples, ramp(taken, len(samples)))
        taken += len(samples)
        worst = max(worst, put - taken)
    # What it adds up to within the time that is watched, twice, and what may always wait.
    assert worst <= 2 * LIMIT * abs(drift) + 4 * BLOCK_SAMPLES


def test_what_the_microphone_lost_is_skipped() -> None:
    far_end = begun()
    far_end.put(ramp(0, 16_000))
    put, taken = 16_000, 0
    for _ in range(600):
        far_end.put(ramp(put, BLOCK_SAMPLES))
        put += BLOCK_SAMPLES
        taken += len(far_end.take(BLOCK_SAMPLES))
    assert put - taken <= 4 * BLOCK_SAMPLES


def test_calls_in_pairs_do_not_shift_anything() -> None:
    """Devices call at different times: as long as nothing is lost, nothing is skipped."""
    far_end = begun()
    far_end.put(ramp(0, 2 * BLOCK_SAMPLES))
    put, taken = 2 * BLOCK_SAMPLES, 0
    for block in range(600):
        if block % 2 == 0:
            far_end.put(ramp(put, 2 * BLOCK_SAMPLES))
            put += 2 * BLOCK_SAMPLES
        samples = far_end.take(BLOCK_SAMPLES)
        assert np.array_equal(samples, ramp(taken, BLOCK_SAMPLES))
        taken += BLOCK_SAMPLES


def test_a_sinks_thread_and_the_ears_thread() -> None:
    far_end = begun()
    total = 300 * BLOCK_SAMPLES

    def play() -> None:
        for at in range(0, total, 441):
            far_end.put(ramp(at, min(441, total - at)))

    player = threading.Thread(target=play)
    player.start()
    taken: list[Samples] = []
    while sum(map(len, taken)) < min(total, LIMIT):
        taken.append(far_end.take(500))
    player.join()
    while len(rest := far_end.take(500)):
        taken.append(rest)
    sound = np.concatenate(taken)
    # It may have been dropped from where the reader was late, never mixed up.
    jumps = np.flatnonzero(np.diff(sound.astype(int)) % 65_536 != 1)
    assert len(jumps) <= 1
    assert sound[-1] == ramp(total - 1, 1)[0]
