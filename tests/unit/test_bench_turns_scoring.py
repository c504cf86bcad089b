"""Figures from recordings that were made up, so that the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench_turns_tones import tone
from voiced.bench_turns.scoring import (
    active_dbfs,
    at_level,
    audible_ms,
    first_sound,
    median,
    percentile,
    silent_after,
    sounds,
    speech_bounds,
)
from voiced.types import Samples, ms_to_samples

FRAME = ms_to_samples(5)


def quiet(duration_ms: float) -> Samples:
    return np.zeros(ms_to_samples(duration_ms), np.int16)


def track(*pieces: Samples) -> Samples:
    return np.concatenate(pieces)


stretches = st.lists(st.integers(4, 60).map(lambda frames: frames * 5), min_size=1, max_size=8)


@given(before_ms=st.integers(0, 500), sound_ms=st.integers(20, 500), after_ms=st.integers(0, 500))
def test_speech_is_bounded_by_its_sound_to_a_frame(
    before_ms: int, sound_ms: int, after_ms: int
) -> None:
    sound = track(quiet(before_ms), tone(sound_ms), quiet(after_ms))
    begin, end = speech_bounds(sound)
    assert abs(begin - ms_to_samples(before_ms)) <= FRAME
    # A last frame that the recording does not fill is not looked at.
    assert abs(end - ms_to_samples(before_ms + sound_ms)) <= FRAME


def test_a_soft_last_consonant_belongs_to_speech_and_a_hiss_does_not() -> None:
    sound = track(tone(300, -20), tone(100, -50), tone(300, -62))
    assert speech_bounds(sound) == (0, ms_to_samples(400))


def test_the_background_of_a_recording_is_not_speech() -> None:
    hiss = np.random.default_rng(0).normal(0, 150, ms_to_samples(2000)).astype(np.int16)
    sound = hiss.copy()
    begin, end = ms_to_samples(700), ms_to_samples(1200)
    sound[begin:end] += tone(500)
    assert speech_bounds(sound) == (begin, end)


@pytest.mark.parametrize("sound", [quiet(0), quiet(3), quiet(500)])
def test_silence_has_no_speech(sound: Samples) -> None:
    assert speech_bounds(sound) == (0, 0)


def test_the_level_of_speech_is_that_of_its_sounds() -> None:
    with_gaps = track(tone(500, -26), quiet(700), tone(500, -26))
    assert active_dbfs(with_gaps) == pytest.approx(-26, abs=0.1)


@given(level_dbfs=st.floats(-50, -12), wanted_dbfs=st.floats(-50, -12))
def test_a_sound_is_given_its_level(level_dbfs: float, wanted_dbfs: float) -> None:
    louder = at_level(track(tone(200, level_dbfs), quiet(200)), wanted_dbfs)
    assert active_dbfs(louder) == pytest.approx(wanted_dbfs, abs=0.5)


def test_the_first_sound_is_found_behind_what_does_not_count() -> None:
    recording = track(tone(100), quiet(400), tone(200, -60), quiet(100), tone(300, -45))
    assert first_sound(recording, ms_to_samples(100)) == ms_to_samples(800)
    assert first_sound(recording, ms_to_samples(100), ms_to_samples(700)) is None
    assert first_sound(recording, 0) == 0


@given(stretches, st.integers(105, 300))
def test_stretches_of_sound_are_found_as_they_were_put_in(
    lengths_ms: list[int], gap_ms: int
) -> None:
    gap_ms -= gap_ms % 5
    pieces = [piece for ms in lengths_ms for piece in (quiet(gap_ms), tone(ms))]
    found = sounds(track(*pieces), 0, None, gap_ms=100)
    assert [end - begin for begin, end in found] == [ms_to_samples(ms) for ms in lengths_ms]
    merged = sounds(track(*pieces), 0, None, gap_ms=gap_ms + 5)
    assert len(merged) == 1


@given(stretches)
def test_all_that_is_audible_is_counted(lengths_ms: list[int]) -> None:
    pieces = [piece for ms in lengths_ms for piece in (quiet(50), tone(ms))]
    assert audible_ms(track(*pieces), 0) == sum(lengths_ms)


@given(onset_ms=st.integers(50, 300), goes_on_ms=st.integers(5, 400))
def test_falling_silent_is_measured_from_the_onset_to_the_last_sound(
    onset_ms: int, goes_on_ms: int
) -> None:
    recording = track(tone(onset_ms + goes_on_ms), quiet(1000))
    onset = ms_to_samples(onset_ms)
    silent = silent_after(recording, onset, len(recording), gap_ms=450)
    assert silent is not None
    assert abs(silent - onset - ms_to_samples(goes_on_ms)) <= FRAME


def test_a_pause_between_clauses_is_no_falling_silent() -> None:
    recording = track(tone(500), quiet(350), tone(500), quiet(350), tone(2000))
    assert silent_after(recording, ms_to_samples(300), len(recording), gap_ms=450) is None


def test_the_next_answer_does_not_hide_that_the_first_one_stopped() -> None:
    recording = track(tone(500), quiet(500), tone(500))
    silent = silent_after(recording, ms_to_samples(300), len(recording), gap_ms=450)
    assert silent == ms_to_samples(500)


def test_who_is_silent_already_stops_at_once() -> None:
    recording = track(tone(100), quiet(2000))
    onset = ms_to_samples(400)
    assert silent_after(recording, onset, len(recording), gap_ms=450) == onset


@given(st.lists(st.floats(0, 1e4), min_size=1), st.floats(1, 100))
def test_a_percentile_is_a_measured_value_that_so_many_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9


def test_nothing_measured_has_no_median() -> None:
    assert median([]) is None
    assert median([3.0, 1.0, 2.0]) == 2.0
