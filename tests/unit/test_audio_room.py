"""The simulated room: its echo's level, delay and decay, and that it streams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sound.signals import tone
from voiced.audio.room import Room, microphone
from voiced.types import BLOCK_SAMPLES, Samples


def heard(room: Room, played: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    blocks = [
        room.echo(played[at : at + BLOCK_SAMPLES]) for at in range(0, len(played), BLOCK_SAMPLES)
    ]
    return np.concatenate(blocks).astype(np.float64)


def click(length: int, amplitude: int = 30_000) -> Samples:
    samples = np.zeros(length, np.int16)
    samples[0] = amplitude
    return samples


def noise(length: int) -> Samples:
    return (np.random.default_rng(7).standard_normal(length) * 3_000).astype(np.int16)


@pytest.mark.parametrize("rt60_s", [0, 0.2, 0.6])
@pytest.mark.parametrize("echo_db", [-20, 0])
def test_the_echo_is_as_loud_as_asked(rt60_s: float, echo_db: float) -> None:
    played = noise(64_000)
    echo = heard(Room(rt60_s, echo_db, 50, seed=3), played)
    ratio_db = 10 * np.log10((echo[16_000:] ** 2).mean() / (played.astype(float) ** 2).mean())
    assert ratio_db == pytest.approx(echo_db, abs=0.5)


@pytest.mark.parametrize("delay_ms", [0, 15, 120])
def test_it_comes_after_the_delay(delay_ms: int) -> None:
    echo = heard(Room(0.3, 0, delay_ms, seed=1), click(16_000))
    assert not np.abs(echo[: delay_ms * 16]).max(initial=0) > 1e-2
    assert np.abs(echo).argmax() == delay_ms * 16


@pytest.mark.parametrize("rt60_s", [0.2, 0.4, 0.6])
def test_it_decays_by_60_db_in_the_reverberation_time(rt60_s: float) -> None:
    echo = heard(Room(rt60_s, 0, 0, seed=1), click(16_000))
    # Schroeder's backward integral, from the first reflections to half the time.
    energy = np.cumsum(echo[::-1] ** 2)[::-1]
    begin, end = 480, round(rt60_s * 8_000)
    slope_db = 10 * np.log10(energy[end] / energy[begin]) / (end - begin)
    assert slope_db * rt60_s * 16_000 == pytest.approx(-60, rel=0.1)


@given(
    portions=st.lists(st.integers(min_value=1, max_value=BLOCK_SAMPLES), min_size=1, max_size=30)
)
def test_the_portions_do_not_matter(portions: list[int]) -> None:
    played = noise(sum(portions))
    whole = heard(Room(0.2, 0, 20, seed=1), played)
    room, at, parts = Room(0.2, 0, 20, seed=1), 0, []
    for portion in portions:
        parts.append(room.echo(played[at : at + portion]))
        at += portion
    assert np.allclose(np.concatenate(parts), whole, atol=0.1)


def test_a_seed_is_a_room() -> None:
    one, same, other = (heard(Room(0.2, 0, 0, seed), click(3_200)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other, atol=100)


def test_silence_stays_silent_and_noise_is_as_loud_as_asked() -> None:
    silence = np.zeros(16_000, np.int16)
    assert not heard(Room(0.4, 0), silence).any()
    background = heard(Room(0.4, 0, noise_dbfs=-60), silence)
    assert 20 * np.log10(background.std() / 32_768) == pytest.approx(-60, abs=0.5)


def test_a_microphone_clips() -> None:
    both = microphone(tone(440, 20), np.full(BLOCK_SAMPLES, 60_000, np.float32))
    assert both.dtype == np.int16
    assert both.max() == 32_767
