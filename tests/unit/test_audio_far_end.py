"""What the speaker plays, on its way to the echo canceller: in its place, and for days."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sound.signals import pitch_hz, tone
from tests.support.two_clocks import Lead, TwoClocks, leads
from voiced.audio.far_end import MEMORY_MS, RESERVE_SAMPLES, FarEnd
from voiced.audio.levels import dbfs
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Samples, ms_to_samples

LIMIT = ms_to_samples(MEMORY_MS)
RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
REACH = 12
"""What is taken is made of so many samples after it, at 16 kHz, ..."""
MARGIN = 24
"""... and of so many at 8 kHz."""

UPTIME_S = 3e7


def begun(rate_hz: int = SAMPLE_RATE_HZ) -> FarEnd:
    far_end = FarEnd(rate_hz)
    assert len(far_end.take(BLOCK_SAMPLES)) == 0
    assert not far_end.take(RESERVE_SAMPLES - MARGIN).any()
    return far_end


def ramp(begin: int, count: int) -> Samples:
    return np.arange(begin, begin + count).astype(np.int16)


def after_a_year(rate_hz: int, clock: Callable[[], float]) -> FarEnd:
    """Times are far from zero where a machine has been up for long."""
    return FarEnd(rate_hz, lambda: UPTIME_S + clock())


def off_ms(found: list[Lead], since_s: float, until_s: float) -> float:
    """By how much the lead differs at most from what it is in the end."""
    last_ms = np.median([lead.lead_ms for lead in found[-20:]])
    looked_at = [lead.lead_ms for lead in found if since_s <= lead.at_s < until_s]
    return float(np.abs(looked_at - last_ms).max())


# In its place.


@settings(max_examples=50)
@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(min_value=0, max_value=350)), max_size=90)
)
def test_what_was_put_is_taken_in_order_and_as_much_as_was_asked_for(
    steps: list[tuple[bool, int]],
) -> None:
    far_end = FarEnd(SAMPLE_RATE_HZ)
    far_end.take(0)
    put = 0
    taken = []
    for is_put, count in steps:
        if is_put:
            far_end.put(ramp(put + 1, count))
            put += count
        else:
            taken.append(far_end.take(count))
            assert len(taken[-1]) == count
    far_end.put(ramp(put + 1, REACH))
    taken.append(far_end.take(put + 2 * RESERVE_SAMPLES))
    sound = np.concatenate(taken)
    # Silence where nothing was there yet: nothing is lost, and nothing comes twice.
    assert np.array_equal(sound[sound != 0], ramp(1, put))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_another_rate_becomes_16_khz_whatever_the_portions(rate_hz: int) -> None:
    sound = tone(440, 600, rate_hz)
    random = np.random.default_rng(1)
    far_end, at_once = begun(rate_hz), begun(rate_hz)
    at_once.put(sound)
    whole = at_once.take(8_000)
    parts: list[Samples] = []
    put = taken = 0
    while taken < 8_000:
        count = int(random.integers(1, 700))
        while put < len(sound) and put < (taken + count) * rate_hz / SAMPLE_RATE_HZ:
            more = int(random.integers(1, 900))
            far_end.put(sound[put : put + more])
            put += more
        parts.append(far_end.take(count))
        taken += count
    assert np.array_equal(np.concatenate(parts)[:8_000], whole)
    assert pitch_hz(whole) == pytest.approx(440, abs=2)
    assert dbfs(whole) == pytest.approx(dbfs(tone(440, 500)), abs=0.05)


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
    assert first == pytest.approx(1_600 + MARGIN, abs=1)
    assert second - first == pytest.approx(12_800, abs=1)


def test_a_reader_that_begins_finds_what_has_just_been_played() -> None:
    far_end = FarEnd(SAMPLE_RATE_HZ)
    far_end.put(ramp(0, 5_000))
    assert len(far_end.take(BLOCK_SAMPLES)) == 0
    far_end.put(ramp(5_000, BLOCK_SAMPLES))
    assert np.array_equal(far_end.take(BLOCK_SAMPLES), ramp(5_000 - RESERVE_SAMPLES, BLOCK_SAMPLES))


def test_a_reader_that_is_late_finds_everything_in_its_place() -> None:
    far_end = begun()
    for block in range(100):
        far_end.put(ramp(block * BLOCK_SAMPLES, BLOCK_SAMPLES))
    far_end.take(MARGIN)
    for block in range(99):
        begin = block * BLOCK_SAMPLES
        assert np.array_equal(far_end.take(BLOCK_SAMPLES), ramp(begin, BLOCK_SAMPLES))


def test_beyond_the_memory_the_oldest_is_dropped() -> None:
    far_end = begun()
    for at in range(0, 3 * LIMIT, 1_000):
        far_end.put(ramp(at, 1_000))
    taken = far_end.take(LIMIT)
    assert np.array_equal(taken[:-REACH], ramp(2 * LIMIT, LIMIT - REACH))


def test_silence_stands_for_what_comes_too_late() -> None:
    far_end = begun()
    far_end.put(ramp(1, 100 + REACH))
    taken = far_end.take(MARGIN + BLOCK_SAMPLES)[MARGIN:]
    assert np.array_equal(taken[:100], ramp(1, 100))
    assert not taken[100:].any()


def test_a_sinks_thread_and_the_ears_thread() -> None:
    far_end = begun()
    total = 300 * BLOCK_SAMPLES

    def play() -> None:
        for at in range(0, total, 441):
            far_end.put(ramp(at, min(441, total - at)))

    player = threading.Thread(target=play)
    player.start()
    taken: list[Samples] = []
    while player.is_alive():
        taken.append(far_end.take(500))
    player.join()
    taken.append(far_end.take(LIMIT))
    sound = np.concatenate(taken)
    sound = sound[sound != 0].astype(int)
    # It may have been dropped from where the reader was late, never mixed up.
    assert np.count_nonzero(np.diff(sound) % 65_536 > 2) <= 1
    assert sound[-1] == ramp(total - 1 - REACH, 1)[0]


# Beside another clock.


@pytest.mark.parametrize("ppm", [0, 20, -20, 50, -50, 100, -100])
def test_while_clocks_drift_what_is_played_keeps_its_lead(ppm: float) -> None:
    found = leads(TwoClocks(ppm=ppm), after_a_year)
    assert len(found) == 120, "each click has been taken, whole"
    assert off_ms(found, 20, 240) <= 0.1
    assert off_ms(found, 0, 20) <= 1.5
    assert min(lead.lead_ms for lead in found) > 10, "before it can be heard"


@pytest.mark.parametrize("ppm", [300, -300])
def test_the_worst_of_clocks_take_half_a_minute(ppm: float) -> None:
    found = leads(TwoClocks(ppm=ppm), FarEnd)
    assert len(found) == 120
    assert off_ms(found, 30, 240) <= 0.1
    assert off_ms(found, 0, 30) <= 4


CALLING = {
    "22.05 kHz": TwoClocks(rate_hz=22_050, put_samples=441),
    "44.1 kHz": TwoClocks(rate_hz=44_100, put_samples=1_024),
    "48 kHz": TwoClocks(rate_hz=48_000, put_samples=512),
    "the speaker in pairs": TwoClocks(put_together=2, buffer_ms=80),
    "the microphone in pairs": TwoClocks(heard_together=2),
    "80 ms at once": TwoClocks(heard_together=4),
    "a machine with something else to do": TwoClocks(busy_ms=1),
    "a speaker that was there before": TwoClocks(opens_s=0),
    "a speaker that comes later": TwoClocks(opens_s=5),
    "a large buffer": TwoClocks(opens_s=2, buffer_ms=250),
    "a late reader": TwoClocks(stalls=((90, 1), (120, 3), (150, 4.5))),
}


@pytest.mark.parametrize("clocks", CALLING.values(), ids=CALLING)
def test_however_the_devices_call_the_lead_stays(clocks: TwoClocks) -> None:
    found = leads(replace(clocks, ppm=-50), FarEnd)
    assert len(found) >= 117
    assert off_ms(found, 60, 240) <= 0.5
    assert min(lead.lead_ms for lead in found) > 10


def test_a_busy_machine_moves_it_by_little() -> None:
    found = leads(TwoClocks(ppm=50, busy_ms=2, late_ms=3), FarEnd)
    assert off_ms(found, 120, 240) <= 1.5


LOST = {
    "a little unheard": TwoClocks(unheard=((150, 0.1),)),
    "much unheard": TwoClocks(unheard=((150, 2),)),
    "a little unplayed": TwoClocks(unplayed=((150, 0.1),)),
    "much unplayed": TwoClocks(unplayed=((150, 2),)),
    "a reader too late for the memory": TwoClocks(stalls=((150, 7),)),
    "a process that was stopped": TwoClocks(unheard=((150, 5),), unplayed=((150, 5),)),
}


@pytest.mark.parametrize("clocks", LOST.values(), ids=LOST)
def test_after_lost_sound_the_lead_is_what_it_was(clocks: TwoClocks) -> None:
    found = leads(replace(clocks, ppm=50), FarEnd)
    assert len(found) > 110
    assert off_ms(found, 60, 150) <= 0.5
    assert off_ms(found, 170, 240) <= 0.5


@pytest.mark.parametrize("at_s", [1.2, 3.0])
@pytest.mark.parametrize("opens_s", [0.0, 1.0])
def test_what_is_lost_while_devices_are_opened_does_not_stay_lost(
    at_s: float, opens_s: float
) -> None:
    """The echo must not come before the canceller is told of what makes it."""
    found = leads(TwoClocks(opens_s=opens_s, unheard=((at_s, 0.5),)), FarEnd)
    assert min(lead.lead_ms for lead in found if lead.at_s > 12) > 10


def test_a_speaker_that_is_late_for_good_is_taken_later_for_good() -> None:
    """Its server has begun to call for three blocks when it needs the first: nothing is lost."""
    clocks = TwoClocks(ppm=50, opens_s=0, lazy_s=100)
    found = leads(clocks, FarEnd)
    assert len(found) >= 118, "it was not left out for long"
    assert off_ms(found, 110, 240) <= 0.5
    assert off_ms(found, 60, 100) > 5
    assert min(lead.lead_ms for lead in found) > 0


def test_without_a_clock_nothing_is_ever_moved() -> None:
    """A simulated card's listener reads 80 ms at once while nobody waits, and 20 ms else."""
    far_end = begun()
    taken = []
    put = 0
    for begin in range(0, 4_000, 4):
        blocks_at_once = 4 if begin % 2_000 < 1_000 else 1
        for block in range(4):
            far_end.put(ramp(put, BLOCK_SAMPLES))
            put += BLOCK_SAMPLES
            if (block + 1) % blocks_at_once == 0:
                taken += [far_end.take(BLOCK_SAMPLES) for _ in range(blocks_at_once)]
    sound = np.concatenate(taken)[MARGIN:]
    assert np.array_equal(sound, ramp(0, len(sound)))


# Again from the beginning.


def test_a_microphone_that_was_away_begins_a_new_lead() -> None:
    found = leads(TwoClocks(ppm=100, away=((90, 10),), unplayed=((95, 1),)), FarEnd)
    assert off_ms(found, 160, 240) <= 0.5
    assert off_ms(found, 102, 160) <= 1
    assert min(lead.lead_ms for lead in found) > 10


def test_a_restart_leaves_nothing_of_what_was_before() -> None:
    now_s = 0.0
    random = np.random.default_rng(1)

    def play(far_ends: list[FarEnd], blocks: list[int], loudness: int) -> list[Samples]:
        nonlocal now_s
        told: list[list[Samples]] = [[] for _ in far_ends]
        for samples in blocks:
            now_s += 0.02
            sound = random.integers(-loudness, loudness + 1, samples).astype(np.int16)
            for far_end, taken in zip(far_ends, told, strict=True):
                far_end.put(sound)
                taken.append(far_end.take(BLOCK_SAMPLES))
        return [np.concatenate(taken) for taken in told]

    old = FarEnd(SAMPLE_RATE_HZ, lambda: now_s)
    play([old], ([BLOCK_SAMPLES] * 19 + [BLOCK_SAMPLES + 1]) * 150, 3_000)
    play([old], [0] * 20 + [BLOCK_SAMPLES] * 50, 0)
    old.restart()
    new = FarEnd(SAMPLE_RATE_HZ, lambda: now_s)
    of_old, of_new = play([old, new], [BLOCK_SAMPLES] * 1_000, 3_000)
    assert len(of_old) == 20 * SAMPLE_RATE_HZ - BLOCK_SAMPLES, "the first gives nothing"
    assert np.array_equal(of_old, of_new)
    assert of_old.any()


def test_what_waits_is_dropped_by_a_restart() -> None:
    far_end = begun()
    far_end.put(ramp(0, 40_000))
    far_end.restart()
    assert len(far_end.take(BLOCK_SAMPLES)) == 0
    far_end.put(ramp(40_000, BLOCK_SAMPLES))
    expected = ramp(40_000 - RESERVE_SAMPLES, BLOCK_SAMPLES)
    assert np.array_equal(far_end.take(BLOCK_SAMPLES), expected)
