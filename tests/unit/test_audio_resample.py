"""Rates and sample formats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.sound.signals import pitch_hz, tone
from voiced.audio.levels import dbfs
from voiced.audio.resample import StreamResampler, to_float, to_int16
from voiced.types import Samples

RATES_HZ = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)


def stream(resampler: StreamResampler, samples: Samples, portion: int) -> Samples:
    parts = [
        resampler.process(samples[begin : begin + portion])
        for begin in range(0, len(samples), portion)
    ]
    return np.concatenate([*parts, resampler.flush()])


@pytest.mark.parametrize("low_delay", [True, False])
@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(48_000, 16_000), (44_100, 16_000), (22_050, 48_000)]
)
def test_a_tone_keeps_its_pitch_and_level(from_hz: int, to_hz: int, low_delay: bool) -> None:
    before = tone(1_000, 1_000, from_hz)
    after = stream(StreamResampler(from_hz, to_hz, low_delay=low_delay), before, from_hz // 50)
    middle = after[to_hz // 4 : to_hz // 4 * 3]
    assert pitch_hz(middle, to_hz) == pytest.approx(1_000, abs=2)
    assert dbfs(middle) == pytest.approx(dbfs(before), abs=0.05)


@pytest.mark.parametrize("low_delay", [True, False])
def test_what_16_khz_cannot_hold_is_filtered_out(low_delay: bool) -> None:
    resampler = StreamResampler(48_000, 16_000, low_delay=low_delay)
    after = stream(resampler, tone(11_000, 1_000, 48_000), 960)
    assert dbfs(after[4_000:12_000]) < -80


@settings(deadline=None)
@given(
    from_hz=st.sampled_from(RATES_HZ),
    to_hz=st.sampled_from(RATES_HZ),
    samples=st.integers(min_value=0, max_value=5_000),
    portion=st.integers(min_value=1, max_value=2_000),
    low_delay=st.booleans(),
)
def test_the_length_follows_the_rates(
    from_hz: int, to_hz: int, samples: int, portion: int, low_delay: bool
) -> None:
    resampler = StreamResampler(from_hz, to_hz, low_delay=low_delay)
    before = np.full(samples, 1_000, np.int16)
    first = stream(resampler, before, portion)
    # The variable-rate engine may round up and keep one more.
    assert abs(len(first) - samples * to_hz / from_hz) <= (2 if low_delay else 1)
    # A flush leaves nothing behind: the next stream comes out the same.
    assert np.array_equal(stream(resampler, before, portion), first)


def test_low_delay_is_even_and_short() -> None:
    """What a device's block brings is there before the next but one."""
    resampler = StreamResampler(44_100, 16_000)
    block = tone(440, 20, 44_100)
    due = 0.0
    given = 0
    for _ in range(100):
        due += len(block) * 16_000 / 44_100
        given += len(resampler.process(block))
        assert due - given <= 16_000 * 0.016


def test_silence_stays_silent() -> None:
    for low_delay in (True, False):
        resampler = StreamResampler(48_000, 16_000, low_delay=low_delay)
        assert not stream(resampler, np.zeros(48_000, np.int16), 960).any()


@given(hnp.arrays(np.int16, 50))
def test_floats_and_back_is_the_same(samples: np.ndarray) -> None:
    assert np.array_equal(to_int16(to_float(samples)), samples)


def test_what_is_no_sample_value_becomes_one() -> None:
    strange = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0, 1e30], np.float32)
    assert to_int16(strange).tolist() == [0, 32_767, -32_768, 32_767, -32_768, 32_767]
