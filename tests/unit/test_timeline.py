"""When things happened in a turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.timeline import Timeline
from voiced.types import EndReason, SpeechEnded, ms_to_samples


def ended(speech_end_ms: float, decided_ms: float) -> SpeechEnded:
    return SpeechEnded(ms_to_samples(speech_end_ms), ms_to_samples(decided_ms), EndReason.SILENCE)


def test_what_is_heard_and_what_is_computed_lie_on_one_line() -> None:
    line = Timeline()
    line.begin(heard_ms=1000, clock_s=50.0)
    line.mark("first_clause", clock_s=51.8)
    line.endpoint(ended(2500, 2700), clock_s=52.0)
    line.mark("first_audio", clock_s=52.02)
    assert line.timings_ms == {
        "speech_end": 2500,
        "first_clause": 2500,
        "endpoint": 2700,
        "first_audio": 2720,
    }


def test_until_the_endpoint_the_line_is_that_of_what_was_heard() -> None:
    line = Timeline()
    line.begin(heard_ms=1000, clock_s=50.0)
    assert line.at_ms(50.25) == 1250
    assert line.at_ms(49.5) == 500


def test_the_first_time_counts() -> None:
    line = Timeline()
    line.mark("first_token", 1.0)
    line.mark("first_token", 9.0)
    line.mark_all({"first_token": 0.5, "first_clause": 2.0})
    assert line.timings_ms == {"first_token": 1000, "first_clause": 2000}


@given(
    st.floats(0, 1e6),
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-5, 100), max_size=8),
)
def test_the_clock_s_own_origin_does_not_matter(origin_s: float, marks_s: dict[str, float]) -> None:
    def timings(origin_s: float) -> dict[str, float]:
        line = Timeline()
        line.endpoint(ended(6000, 6200), origin_s)
        line.mark_all({name: origin_s + clock_s for name, clock_s in marks_s.items()})
        return line.timings_ms

    assert timings(origin_s) == pytest.approx(timings(0.0), abs=0.2)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 100), max_size=8))
def test_the_earliest_comes_first(marks_s: dict[str, float]) -> None:
    line = Timeline()
    line.begin(0.0, 0.0)
    line.mark_all(marks_s)
    line.endpoint(ended(3000, 3700), 3.7)
    times_ms = list(line.timings_ms.values())
    assert times_ms == sorted(times_ms)
    assert len(times_ms) == len(marks_s) + 2


def test_a_file_that_is_read_fast_gives_the_times_of_a_microphone() -> None:
    def turn(speed: float) -> dict[str, float]:
        line = Timeline()
        line.begin(1000, 1.0 / speed)
        decided_s = 3.2 / speed
        line.endpoint(ended(3000, 3200), decided_s)
        # Computed in the same time, however fast the sound comes.
        line.mark("transcript", decided_s + 0.15)
        line.mark("first_audio", decided_s + 0.4)
        return line.timings_ms

    assert turn(1.0) == turn(20.0)
