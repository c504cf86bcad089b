"""How fast one clock runs beside the other, from when blocks were delivered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.audio._drift import ClockDrift, Finding
from voiced.types import SAMPLE_RATE_HZ

UPTIME_S = 3e7
"""A machine that has been up for a year: what is far from zero must not become coarse."""

HALF_MS = 8.0
"""In samples."""


class Seen:
    """Two devices, looked at once a second; what they lose and how late they are is set from outside."""

    def __init__(self, ppm: float, seed: int = 0) -> None:
        self.drift = ClockDrift()
        self.pace = 1 + ppm * 1e-6
        self.random = np.random.default_rng(seed)
        self.second = 0
        self.lost_heard_s = self.lost_put_s = 0.0
        self.heard_late_s = self.put_late_s = 0.0
        self.noise_s = 0.0

    def look(self) -> Finding | None:
        self.second += 1
        heard_s = self.second - self.lost_heard_s
        put_s = self.second - 0.01
        put = SAMPLE_RATE_HZ * self.pace * (put_s - self.lost_put_s)
        noise_s = self.random.exponential(self.noise_s, 2) if self.noise_s else (0.0, 0.0)
        return self.drift.observe(
            UPTIME_S + self.second + self.heard_late_s + noise_s[0],
            round(heard_s * SAMPLE_RATE_HZ),
            UPTIME_S + put_s + self.put_late_s + noise_s[1],
            put,
        )

    def findings(self, seconds: int) -> list[Finding]:
        found = [self.look() for _ in range(seconds)]
        return [finding for finding in found if finding is not None]

    @property
    def ahead_samples(self) -> float:
        """How far the speaker is ahead of the microphone."""
        put_s = self.second - self.lost_put_s
        return SAMPLE_RATE_HZ * (self.pace * put_s - (self.second - self.lost_heard_s))

    @property
    def error_samples(self) -> float:
        """The estimate has an unknown beginning; where both pull level, it is the time between the calls."""
        return self.drift.ahead_samples - self.ahead_samples


def settled(ppm: float = 50.0) -> Seen:
    """After a quarter of an hour; the next window begins with the next look."""
    seen = Seen(ppm)
    assert set(seen.findings(901)[1:]) == {Finding.USUAL}
    return seen


@pytest.mark.parametrize("ppm", [0, 20, -50, 100, -300])
def test_for_a_day_it_knows_how_far_the_speaker_is_ahead_and_how_fast_it_runs(ppm: float) -> None:
    seen = Seen(ppm, seed=round(abs(ppm)))
    seen.noise_s = 2e-4
    errors, rates = [], []
    assert seen.findings(4)[0] is Finding.EARLY
    for _ in range(24 * 60):
        assert set(seen.findings(60)) == {Finding.USUAL}
        errors.append(seen.error_samples)
        rates.append(seen.drift.rate_samples_s / SAMPLE_RATE_HZ * 1e6)
    assert np.abs(errors[1:] - np.median(errors)).max() < HALF_MS, "from the second minute on"
    assert np.abs(np.array(rates[5:]) - ppm).max() < 2


def test_it_says_nothing_of_the_first_window() -> None:
    """Devices that are opened fill their buffers."""
    seen = Seen(0)
    seen.lost_put_s = -0.2
    assert seen.findings(3) == [Finding.EARLY]
    seen.lost_put_s = 0
    assert seen.findings(2) == [Finding.USUAL]
    error = seen.error_samples
    assert set(seen.findings(60)) == {Finding.USUAL}
    assert seen.error_samples == pytest.approx(error, abs=0.1)


def test_one_block_in_time_is_enough() -> None:
    """Most calls are late: of what each side delivers in two seconds the least late counts."""
    seen = settled()
    error = seen.error_samples
    for _ in range(100):
        seen.heard_late_s, seen.put_late_s = seen.random.random(2) * 0.1
        seen.look()
        seen.heard_late_s = seen.put_late_s = 0.0
        seen.look()
    assert seen.error_samples == pytest.approx(error, abs=1)


@pytest.mark.parametrize("lost_s", [0.02, 0.1, 3.0])
@pytest.mark.parametrize("side", ["lost_heard_s", "lost_put_s"])
def test_lost_sound_is_believed_the_third_time(side: str, lost_s: float) -> None:
    seen = settled()
    error, rate = seen.error_samples, seen.drift.rate_samples_s
    setattr(seen, side, lost_s)
    assert seen.findings(6) == [Finding.DOUBTFUL, Finding.DOUBTFUL, Finding.JUMPED]
    assert seen.error_samples == pytest.approx(error, abs=HALF_MS)
    assert seen.drift.rate_samples_s == pytest.approx(rate, abs=0.01)
    assert set(seen.findings(20)) == {Finding.USUAL}


def test_where_both_lose_as_much_nothing_has_changed() -> None:
    """The process was stopped."""
    seen = settled(ppm=0)
    error = seen.error_samples
    seen.lost_heard_s = seen.lost_put_s = 7.0
    assert set(seen.findings(20)) == {Finding.USUAL}
    assert seen.error_samples == pytest.approx(error, abs=0.1)


def test_a_reader_that_is_late_for_two_windows_changes_nothing() -> None:
    seen = settled()
    error = seen.error_samples
    seen.heard_late_s = 2.0
    found = seen.findings(4)
    seen.heard_late_s = 0.0
    found += seen.findings(20)
    assert Finding.JUMPED not in found
    assert found.count(Finding.DOUBTFUL) == 2
    assert seen.error_samples == pytest.approx(error, abs=1)


def test_lateness_that_varies_is_no_lost_sound() -> None:
    """The machine is busy."""
    seen = settled()
    error = seen.error_samples
    for late_ms in (15, 22, 35, 15, 50, 25) * 3:
        seen.heard_late_s = late_ms / 1000
        assert Finding.JUMPED not in seen.findings(2)
    seen.heard_late_s = 0.0
    seen.findings(4)
    assert seen.error_samples == pytest.approx(error, abs=1)


def test_a_window_in_time_ends_the_doubt() -> None:
    seen = settled()
    error = seen.error_samples
    for late_s in (0.1, 0.1, 0.0, 0.1, 0.1, 0.0):
        seen.put_late_s = late_s
        assert seen.findings(2) == [Finding.DOUBTFUL if late_s else Finding.USUAL]
    assert seen.error_samples == pytest.approx(error, abs=1)


def test_a_late_window_that_ends_the_doubt_is_soon_corrected() -> None:
    seen = settled()
    error = seen.error_samples
    seen.lost_heard_s = 0.1
    seen.findings(4)
    seen.heard_late_s = 0.005
    assert seen.findings(2) == [Finding.JUMPED]
    seen.heard_late_s = 0.0
    seen.findings(20)
    assert seen.error_samples == pytest.approx(error, abs=HALF_MS)


def test_five_ms_once_move_the_estimate_by_a_fraction() -> None:
    seen = settled()
    error, rate = seen.error_samples, seen.drift.rate_samples_s
    seen.heard_late_s = 0.005
    seen.findings(2)
    assert seen.error_samples == pytest.approx(error, abs=2)
    assert seen.drift.rate_samples_s == pytest.approx(rate, abs=2e-6 * SAMPLE_RATE_HZ)


def test_while_the_speaker_does_not_call_there_is_nothing_to_find() -> None:
    seen = settled()
    error = seen.error_samples
    called_s, put = UPTIME_S + seen.second, SAMPLE_RATE_HZ * seen.second
    for _ in range(100):
        seen.second += 1
        heard = seen.second * SAMPLE_RATE_HZ
        assert seen.drift.observe(UPTIME_S + seen.second, heard, called_s - 0.01, put) is None
    assert set(seen.findings(20)) == {Finding.USUAL}
    assert seen.error_samples == pytest.approx(error, abs=2)


@settings(max_examples=25)
@given(
    ppm=st.floats(-300, 300),
    noise_s=st.floats(0, 1e-3),
    seed=st.integers(0, 1_000),
)
def test_whatever_the_clocks_it_is_half_a_millisecond_off_at_most(
    ppm: float, noise_s: float, seed: int
) -> None:
    seen = Seen(ppm, seed)
    seen.noise_s = noise_s
    seen.findings(180)
    first = seen.error_samples
    for _ in range(20):
        seen.findings(30)
        assert seen.error_samples == pytest.approx(first, abs=2 * HALF_MS)
