"""The bounds of utterances, by example."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.types import (
    BLOCK_SAMPLES,
    EndReason,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    ms_to_samples,
)

SETTINGS = SegmenterSettings(
    start_probability=0.6,
    stop_probability=0.4,
    onset_ms=60,
    onset_window_ms=120,
    pre_roll_ms=200,
    pause_ms=160,
    patience_ms=400,
    max_utterance_ms=5000,
    no_speech_ms=2000,
)

SPEECH, DOUBT, QUIET = 0.9, 0.5, 0.1


def ms(duration_ms: int) -> int:
    return ms_to_samples(duration_ms)


def run(
    segmenter: Segmenter, *stretches: tuple[float, int], start_ms: int = 0
) -> list[SpeechEvent]:
    """The events of stretches of (probability, length in ms), in blocks of 20 ms."""
    events: list[SpeechEvent] = []
    now = ms(start_ms)
    for probability, length_ms in stretches:
        end = now + ms(length_ms)
        while now < end:
            now += BLOCK_SAMPLES
            events += segmenter.process(probability, now)
    return events


@pytest.fixture
def segmenter() -> Segmenter:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(0)
    return segmenter


def test_an_utterance_with_a_pause(segmenter: Segmenter) -> None:
    events = run(segmenter, (QUIET, 500), (SPEECH, 600), (QUIET, 300), (SPEECH, 400), (QUIET, 600))
    assert events == [
        SpeechStarted(ms(300)),
        SpeechPaused(ms(1100)),
        SpeechResumed(ms(1400)),
        SpeechPaused(ms(1800)),
        SpeechEnded(ms(1800), ms(2200), EndReason.SILENCE),
    ]
    assert not segmenter.is_listening


def test_started_as_soon_as_it_is_certain(segmenter: Segmenter) -> None:
    assert run(segmenter, (QUIET, 500), (SPEECH, 40)) == []
    assert run(segmenter, (SPEECH, 20), start_ms=540) == [SpeechStarted(ms(300))]


def test_idle_until_begun() -> None:
    segmenter = Segmenter(SETTINGS)
    assert not segmenter.is_listening
    assert run(segmenter, (SPEECH, 1000), (QUIET, 1000)) == []
    assert segmenter.finish(EndReason.END_OF_INPUT) == []


@pytest.mark.parametrize("clicks", [1, 2])
def test_clicks_are_no_speech(segmenter: Segmenter, clicks: int) -> None:
    stretches = [(SPEECH, 20 * clicks), (QUIET, 120)] * 10
    assert run(segmenter, *stretches) == []


def test_speech_with_gaps_is_speech(segmenter: Segmenter) -> None:
    events = run(segmenter, (QUIET, 400), (SPEECH, 20), (QUIET, 20), (SPEECH, 40))
    assert events == [SpeechStarted(ms(200))]


def test_the_onset_window_includes_its_first_block(segmenter: Segmenter) -> None:
    within = ((SPEECH, 20), (QUIET, 40), (SPEECH, 20), (QUIET, 20), (SPEECH, 20))
    assert run(segmenter, *within) == [SpeechStarted(0)]
    segmenter.begin(0)
    assert run(segmenter, *within[:3], (QUIET, 40), *within[4:]) == []


def test_a_window_that_is_no_whole_number_of_blocks() -> None:
    segmenter = Segmenter(replace(SETTINGS, onset_ms=90, onset_window_ms=90))
    segmenter.begin(0)
    assert run(segmenter, (SPEECH, 80)) == []
    assert run(segmenter, (SPEECH, 20), start_ms=80) == [SpeechStarted(0)]


def test_only_what_lies_in_the_window_counts() -> None:
    segmenter = Segmenter(replace(SETTINGS, onset_ms=90, onset_window_ms=100))
    segmenter.begin(0)
    assert run(segmenter, (SPEECH, 40), (QUIET, 20), (SPEECH, 60)) == []


def test_a_click_from_before_the_window_is_forgotten(segmenter: Segmenter) -> None:
    events = run(segmenter, (SPEECH, 20), (QUIET, 280), (SPEECH, 60))
    assert events == [SpeechStarted(ms(100))]


def test_speech_begins_with_its_first_block_however_long_they_are() -> None:
    segmenter = Segmenter(replace(SETTINGS, onset_ms=120, pre_roll_ms=0))
    segmenter.begin(ms(20))
    assert segmenter.process(SPEECH, ms(120)) == []
    assert segmenter.process(SPEECH, ms(240)) == [SpeechStarted(ms(20))]


def test_what_began_speech_does_not_resume_it() -> None:
    segmenter = Segmenter(replace(SETTINGS, pause_ms=20))
    segmenter.begin(0)
    events = run(segmenter, (SPEECH, 60), (QUIET, 20), (SPEECH, 20))
    assert events == [SpeechStarted(0), SpeechPaused(ms(60))]


def test_a_click_in_a_pause_does_not_resume(segmenter: Segmenter) -> None:
    events = run(segmenter, (SPEECH, 500), (QUIET, 200), (SPEECH, 40), (QUIET, 400))
    assert events == [
        SpeechStarted(0),
        SpeechPaused(ms(500)),
        SpeechEnded(ms(500), ms(900), EndReason.SILENCE),
    ]


def test_doubt_keeps_speech_up_but_neither_starts_nor_resumes_it(segmenter: Segmenter) -> None:
    assert run(segmenter, (DOUBT, 500)) == []
    events = run(segmenter, (SPEECH, 200), (DOUBT, 500), (QUIET, 160), start_ms=500)
    assert events == [SpeechStarted(ms(300)), SpeechPaused(ms(1200))]
    events = run(segmenter, (DOUBT, 240), start_ms=1360)
    assert events == [SpeechEnded(ms(1200), ms(1600), EndReason.SILENCE)]


def test_speech_that_is_about_to_resume_holds_the_end_back(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500), (QUIET, 380))
    # The person goes on in the very block in which patience runs out.
    events = run(segmenter, (SPEECH, 60), start_ms=880)
    assert events == [SpeechResumed(ms(880))]


def test_a_click_holds_the_end_back_no_longer_than_it_lasts(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500), (QUIET, 380))
    events = run(segmenter, (SPEECH, 40), (QUIET, 20), start_ms=880)
    assert events == [SpeechEnded(ms(500), ms(940), EndReason.SILENCE)]


def test_patience_can_be_shortened_during_a_pause(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500), (QUIET, 200))
    segmenter.set_patience(200)
    events = run(segmenter, (QUIET, 20), start_ms=700)
    assert events == [SpeechEnded(ms(500), ms(720), EndReason.SILENCE)]


def test_patience_can_be_lengthened_during_a_pause(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500), (QUIET, 200))
    segmenter.set_patience(1000)
    assert run(segmenter, (QUIET, 780), start_ms=700) == []
    events = run(segmenter, (QUIET, 20), start_ms=1480)
    assert events == [SpeechEnded(ms(500), ms(1500), EndReason.SILENCE)]


def test_patience_shorter_than_a_pause_still_pauses_first(segmenter: Segmenter) -> None:
    segmenter.set_patience(60)
    assert run(segmenter, (SPEECH, 500), (QUIET, 100)) == [
        SpeechStarted(0),
        SpeechPaused(ms(500)),
        SpeechEnded(ms(500), ms(560), EndReason.SILENCE),
    ]


def test_endless_patience(segmenter: Segmenter) -> None:
    segmenter.set_patience(None)
    events = run(segmenter, (SPEECH, 500), (QUIET, 4000))
    assert events == [SpeechStarted(0), SpeechPaused(ms(500))]
    ended = segmenter.finish(EndReason.RELEASED)
    assert ended == [SpeechEnded(ms(500), ms(4500), EndReason.RELEASED)]


def test_each_utterance_begins_with_the_patience_of_the_settings(segmenter: Segmenter) -> None:
    segmenter.set_patience(None)
    segmenter.begin(0)
    assert run(segmenter, (SPEECH, 500), (QUIET, 400))[-1] == SpeechEnded(
        ms(500), ms(900), EndReason.SILENCE
    )


def test_the_longest_utterance(segmenter: Segmenter) -> None:
    events = run(segmenter, (SPEECH, 6000))
    assert events == [
        SpeechStarted(0),
        SpeechEnded(ms(5000), ms(5000), EndReason.MAX_LENGTH),
    ]
    # What follows directly loses nothing and repeats nothing, pre-roll or not.
    segmenter.begin(ms(5000))
    assert run(segmenter, (SPEECH, 100), start_ms=5000) == [SpeechStarted(ms(5000))]


def test_nobody_speaks(segmenter: Segmenter) -> None:
    events = run(segmenter, (QUIET, 3000))
    assert events == [SpeechEnded(0, ms(2000), EndReason.NO_SPEECH)]


def test_nobody_speaks_again(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500), (QUIET, 500))
    segmenter.begin(ms(1000))
    events = run(segmenter, (QUIET, 2000), start_ms=1000)
    assert events == [SpeechEnded(ms(1000), ms(3000), EndReason.NO_SPEECH)]


def test_somebody_begins_to_speak_at_the_last_moment(segmenter: Segmenter) -> None:
    events = run(segmenter, (QUIET, 1960), (SPEECH, 60))
    assert events == [SpeechStarted(ms(1760))]


def test_waiting_for_ever() -> None:
    segmenter = Segmenter(replace(SETTINGS, no_speech_ms=0))
    segmenter.begin(0)
    assert run(segmenter, (QUIET, 60_000)) == []


@pytest.mark.parametrize("reason", [EndReason.RELEASED, EndReason.END_OF_INPUT])
def test_finish_while_speaking(segmenter: Segmenter, reason: EndReason) -> None:
    run(segmenter, (SPEECH, 500), (QUIET, 40))
    assert segmenter.finish(reason) == [SpeechEnded(ms(500), ms(540), reason)]
    assert segmenter.finish(reason) == []


def test_finish_before_speech(segmenter: Segmenter) -> None:
    run(segmenter, (QUIET, 500))
    expected = [SpeechEnded(0, ms(500), EndReason.NO_SPEECH)]
    assert segmenter.finish(EndReason.RELEASED) == expected


def test_pre_roll_stops_at_the_source_s_first_sample(segmenter: Segmenter) -> None:
    assert run(segmenter, (QUIET, 60), (SPEECH, 60)) == [SpeechStarted(0)]


def test_pre_roll_reaches_back_before_listening_began() -> None:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(ms(1000))
    assert run(segmenter, (SPEECH, 60), start_ms=1000) == [SpeechStarted(ms(800))]


def test_pre_roll_stops_at_the_wake_word() -> None:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(ms(1000), earliest_sample=ms(900))
    assert run(segmenter, (SPEECH, 60), start_ms=1000) == [SpeechStarted(ms(900))]


def test_speech_from_before_a_wake_word_s_end_is_not_cut() -> None:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(ms(1000), earliest_sample=ms(1200))
    assert run(segmenter, (SPEECH, 60), start_ms=1000) == [SpeechStarted(ms(1000))]


def test_pre_roll_stops_at_the_utterance_before(segmenter: Segmenter) -> None:
    segmenter.set_patience(100)
    run(segmenter, (SPEECH, 500), (QUIET, 100))
    segmenter.begin(ms(600))
    assert run(segmenter, (SPEECH, 60), start_ms=600) == [SpeechStarted(ms(500))]


def test_begin_in_the_past_takes_up_the_blocks_since() -> None:
    live, late = Segmenter(SETTINGS), Segmenter(SETTINGS)
    stretches = ((QUIET, 500), (SPEECH, 500), (QUIET, 500))
    live.begin(ms(300))
    # Known only now, at 800 ms: the remembered blocks are fed again, from the oldest on.
    assert run(late, *stretches[:1]) == []
    late.begin(ms(300))
    assert run(late, *stretches) == run(live, *stretches)


def test_an_utterance_is_not_heard_twice(segmenter: Segmenter) -> None:
    segmenter.set_patience(100)
    run(segmenter, (SPEECH, 500), (QUIET, 100))
    segmenter.begin(ms(300))
    assert run(segmenter, (SPEECH, 200), (QUIET, 1000), start_ms=300) == []


def test_blocks_from_before_it_began_are_passed_over(segmenter: Segmenter) -> None:
    segmenter.begin(ms(1000))
    assert run(segmenter, (SPEECH, 1000), (QUIET, 500)) == []


def test_begin_drops_what_goes_on_but_does_not_take_its_sound(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500))
    segmenter.begin(ms(500))
    assert run(segmenter, (QUIET, 40), (SPEECH, 60), start_ms=500) == [SpeechStarted(ms(500))]


def test_a_wait_that_was_dropped_takes_no_sound(segmenter: Segmenter) -> None:
    segmenter.begin(ms(400))
    run(segmenter, (QUIET, 500))
    segmenter.finish(EndReason.RELEASED)
    segmenter.begin(ms(500))
    assert run(segmenter, (SPEECH, 60), start_ms=500) == [SpeechStarted(ms(300))]


def test_an_utterance_that_somebody_else_heard_begin() -> None:
    segmenter = Segmenter(SETTINGS)
    started = segmenter.begin(ms(1000), earliest_sample=ms(700), has_begun=True)
    assert started == [SpeechStarted(ms(800))]
    events = run(segmenter, (SPEECH, 400), (QUIET, 160), (QUIET, 240), start_ms=1000)
    assert events == [
        SpeechPaused(ms(1400)),
        SpeechEnded(ms(1400), ms(1800), EndReason.SILENCE),
    ]


def test_its_pre_roll_stops_at_the_earliest_sample_too() -> None:
    segmenter = Segmenter(SETTINGS)
    started = segmenter.begin(ms(1000), earliest_sample=ms(950), has_begun=True)
    assert started == [SpeechStarted(ms(950))]
    # Nor does it reach into the utterance before.
    run(segmenter, (SPEECH, 400), (QUIET, 400), start_ms=1000)
    assert segmenter.begin(ms(1500), has_begun=True) == [SpeechStarted(ms(1400))]


def test_it_began_but_nothing_follows() -> None:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(ms(1000), has_begun=True)
    events = run(segmenter, (QUIET, 2000), start_ms=1000)
    # A cough was heard: an utterance like any other, not one that nobody said.
    assert events == [
        SpeechPaused(ms(1000)),
        SpeechEnded(ms(1000), ms(1400), EndReason.SILENCE),
    ]
    assert not segmenter.is_listening


def test_it_began_in_the_past_and_takes_up_the_blocks_since() -> None:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(ms(600), has_begun=True)
    stretches = ((QUIET, 600), (SPEECH, 300), (QUIET, 300), (SPEECH, 100), (QUIET, 400))
    assert run(segmenter, *stretches) == [
        SpeechPaused(ms(900)),
        SpeechResumed(ms(1200)),
        SpeechPaused(ms(1300)),
        SpeechEnded(ms(1300), ms(1700), EndReason.SILENCE),
    ]


def test_it_began_and_is_released_at_once() -> None:
    segmenter = Segmenter(SETTINGS)
    segmenter.begin(ms(1000), has_begun=True)
    released = segmenter.finish(EndReason.RELEASED)
    assert released == [SpeechEnded(ms(1000), ms(1000), EndReason.RELEASED)]


@pytest.mark.parametrize("no_speech_ms", [500, 2000, 5000])
def test_a_wait_of_another_length(segmenter: Segmenter, no_speech_ms: int) -> None:
    segmenter.begin(ms(1000), no_speech_ms=no_speech_ms)
    end_ms = 1000 + no_speech_ms
    assert run(segmenter, (QUIET, no_speech_ms - 20), start_ms=1000) == []
    assert run(segmenter, (QUIET, 20), start_ms=end_ms - 20) == [
        SpeechEnded(ms(1000), ms(end_ms), EndReason.NO_SPEECH)
    ]


def test_a_wait_for_ever_for_once(segmenter: Segmenter) -> None:
    segmenter.begin(0, no_speech_ms=0)
    assert run(segmenter, (QUIET, 60_000)) == []
    # The next one is as long as ever.
    segmenter.begin(ms(60_000))
    assert run(segmenter, (QUIET, 2000), start_ms=60_000) == [
        SpeechEnded(ms(60_000), ms(62_000), EndReason.NO_SPEECH)
    ]


def test_a_wait_of_another_length_changes_nothing_once_speech_has_begun() -> None:
    longer, usual = Segmenter(SETTINGS), Segmenter(SETTINGS)
    longer.begin(0, no_speech_ms=300)
    usual.begin(0)
    stretches = ((QUIET, 200), (SPEECH, 2500), (QUIET, 380), (SPEECH, 200), (QUIET, 400))
    assert run(longer, *stretches) == run(usual, *stretches) != []
