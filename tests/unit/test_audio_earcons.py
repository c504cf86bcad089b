"""The sounds that say something without words."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sound.signals import pitch_hz
from voiced.audio.earcons import earcon
from voiced.audio.levels import dbfs, peak_dbfs
from voiced.types import Earcon, samples_to_ms

RATES_HZ = (8_000, 16_000, 22_050, 44_100, 48_000)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", [name for name in Earcon if name is not Earcon.READY])
def test_each_is_short_soft_and_without_clicks(name: Earcon, rate_hz: int) -> None:
    sound = earcon(name, rate_hz)
    assert 100 < samples_to_ms(len(sound), rate_hz) < 200
    assert peak_dbfs(sound) == pytest.approx(-20, abs=0.1)
    quiet = 32_767 * 0.1 / 50
    assert abs(int(sound[0])) < quiet
    assert abs(int(sound[-1])) < quiet
    # No step is larger than the steepest wave that belongs there makes.
    steepest = 2 * np.pi * 3 * 1_047 / rate_hz * 32_767 * 0.1
    assert np.max(np.abs(np.diff(sound.astype(np.int32)))) < steepest


def test_they_are_told_apart_by_their_notes() -> None:
    def notes(name: Earcon) -> tuple[float, float]:
        sound = earcon(name, 16_000)
        half = len(sound) // 2
        return pitch_hz(sound[:half]), pitch_hz(sound[half:])

    first, second = notes(Earcon.LISTENING)
    assert first < second
    first, second = notes(Earcon.DONE)
    assert first > second
    assert max(notes(Earcon.ERROR)) < min(*notes(Earcon.LISTENING), *notes(Earcon.DONE))
    assert notes(Earcon.DEAF) == pytest.approx(notes(Earcon.HEARING)[::-1], rel=0.03)
    assert min(notes(Earcon.RING)) > max(*notes(Earcon.LISTENING), *notes(Earcon.DONE))


def test_no_two_are_the_same() -> None:
    assert len({earcon(name, 16_000).tobytes() for name in Earcon}) == len(Earcon)


def test_each_call_gives_the_same() -> None:
    for name in Earcon:
        assert np.array_equal(earcon(name, 22_050), earcon(name, 22_050))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_ready_has_all_that_a_voice_has(rate_hz: int) -> None:
    sound = earcon(Earcon.READY, rate_hz)
    assert samples_to_ms(len(sound), rate_hz) == 1000
    assert -30 < dbfs(sound) < -25
    assert peak_dbfs(sound) < -10
    power = np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2
    octaves = [power[low : 2 * low].mean() for low in (100, 200, 400, 800, 1_600)]
    assert max(octaves) < 2 * min(octaves)
