"""Sound at 16 kHz from any place between the samples of another rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sound.signals import tone
from voiced.audio._fractional import FractionalResampler
from voiced.audio.levels import dbfs
from voiced.types import SAMPLE_RATE_HZ, Samples

RATES_HZ = (8_000, 9_600, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
MADE = {rate_hz: FractionalResampler(rate_hz) for rate_hz in RATES_HZ}
PPM = st.floats(-600, 600)
PLACES = st.floats(0, 1, exclude_max=True)


def bent(resampler: FractionalResampler, ppm: float) -> int:
    return resampler.step + round(resampler.step * ppm * 1e-6)


def sine(pitch_hz: float, times_s: np.ndarray) -> np.ndarray:
    return 16_000 * np.sin(2 * np.pi * pitch_hz * times_s)


@given(rate_hz=st.sampled_from(RATES_HZ), pitch_hz=st.floats(100, 2_900), place=PLACES, ppm=PPM)
def test_a_tone_comes_out_as_if_it_had_been_sampled_there(
    rate_hz: int, pitch_hz: float, place: float, ppm: float
) -> None:
    resampler = MADE[rate_hz]
    step, begin = bent(resampler, ppm), round(place * (resampler.unit - 1))
    needed = resampler.needed_for(1_000, begin, step)
    sound = np.rint(sine(pitch_hz, np.arange(needed) / rate_hz)).astype(np.int16)
    made = resampler.resample(sound, 1_000, begin, step)
    places = resampler.reach - 1 + (begin + step * np.arange(1_000)) / resampler.unit
    error = made - sine(pitch_hz, places / rate_hz)
    assert np.sqrt((error**2).mean()) < 16_000 / np.sqrt(2) * 10 ** (-50 / 20)


@given(rate_hz=st.sampled_from(RATES_HZ), place=PLACES, ppm=PPM)
def test_what_does_not_change_stays_as_loud(rate_hz: int, place: float, ppm: float) -> None:
    resampler = MADE[rate_hz]
    step, begin = bent(resampler, ppm), round(place * (resampler.unit - 1))
    sound = np.full(resampler.needed_for(700, begin, step), 20_000, np.int16)
    assert np.abs(resampler.resample(sound, 700, begin, step) - 20_000.0).max() <= 1


@given(
    rate_hz=st.sampled_from(RATES_HZ),
    ppm=PPM,
    counts=st.lists(st.integers(1, 400), min_size=1, max_size=12),
)
def test_in_whatever_portions_it_is_the_same(rate_hz: int, ppm: float, counts: list[int]) -> None:
    resampler = MADE[rate_hz]
    step, total = bent(resampler, ppm), sum(counts)
    random = np.random.default_rng(1)
    sound = random.integers(-9_000, 9_000, resampler.needed_for(total, 0, step)).astype(np.int16)
    parts: list[Samples] = []
    at = 0
    for count in counts:
        first, place = divmod(at, resampler.unit)
        needed = resampler.needed_for(count, place, step)
        parts.append(resampler.resample(sound[first : first + needed], count, place, step))
        at += count * step
    assert np.array_equal(np.concatenate(parts), resampler.resample(sound, total, 0, step))


def test_a_place_is_rounded_to_the_nearest_phase() -> None:
    resampler = MADE[SAMPLE_RATE_HZ]
    place = round(resampler.unit * 0.9 / 512)
    sound = sine(4_000, np.arange(1_100) / SAMPLE_RATE_HZ).astype(np.int16)
    made = resampler.resample(sound, 1_000, place, resampler.step)
    expected = sine(4_000, (resampler.reach - 1 + 0.9 / 512 + np.arange(1_000)) / SAMPLE_RATE_HZ)
    assert np.abs(made - expected).max() < 16_000 * 10 ** (-65 / 20)


def test_at_the_same_rate_nothing_changes() -> None:
    resampler = MADE[SAMPLE_RATE_HZ]
    sound = np.random.default_rng(1).integers(-32_768, 32_767, 2_000).astype(np.int16)
    made = resampler.resample(sound, 1_900, 0, resampler.step)
    assert np.array_equal(made, sound[resampler.reach - 1 :][:1_900])


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_what_16_khz_cannot_hold_is_filtered_out(rate_hz: int) -> None:
    resampler = MADE[rate_hz]
    for frequency_hz, softer_db in ((8_300, 30), (11_000, 60)):
        made = resampler.resample(tone(frequency_hz, 220, rate_hz), 3_200, 0, resampler.step)
        assert dbfs(made) < dbfs(tone(440, 200)) - softer_db


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, 11_025])
def test_a_day_adds_up_to_the_sample(rate_hz: int) -> None:
    resampler = FractionalResampler(rate_hz)
    assert resampler.step * SAMPLE_RATE_HZ == resampler.unit * rate_hz
    assert round(resampler.step * 1e-8) >= 1, "a hundredth of a millionth is not lost"


def test_loud_sound_is_clipped_where_it_overshoots() -> None:
    resampler = MADE[44_100]
    sound = np.where(np.arange(4_000) // 30 % 2, 32_767, -32_768).astype(np.int16)
    made = resampler.resample(sound, 1_000, 0, resampler.step)
    softer = resampler.resample(sound // 2, 1_000, 0, resampler.step).astype(int)
    assert np.abs(made - np.clip(2 * softer, -32_768, 32_767)).max() <= 3
    assert np.abs(softer).max() > 16_384, "it overshoots"
