"""The bounds of utterances: by example, and by property over any sequence of probabilities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


def test_blocks_from_before_it_began_are_passed_over(segmenter: Segmenter) -> None:
    segmenter.begin(ms(1000))
    assert run(segmenter, (SPEECH, 1000), (QUIET, 500)) == []


def test_begin_drops_what_goes_on_but_does_not_take_its_sound(segmenter: Segmenter) -> None:
    run(segmenter, (SPEECH, 500))
    segmenter.begin(ms(500))
    assert run(segmenter, (QUIET, 40), (SPEECH, 60), start_ms=500) == [SpeechStarted(ms(500))]


def test_a_wait_that_was_dropped_takes_no_sound(segmenter: Segmenter) -> None:
    run(segmenter, (QUIET, 500))
    segmenter.finish(EndReason.RELEASED)
    segmenter.begin(ms(500))
    assert run(segmenter, (SPEECH, 60), start_ms=500) == [SpeechStarted(ms(300))]


# Properties: over any settings, any blocks and any patience.


@dataclass
class Story:
    """Settings, blocks of (probability, samples, new patience or None), and where listening begins."""

    settings: SegmenterSettings
    blocks: Sequence[tuple[float, int, int | None]]
    begin_sample: int
    listens_on: bool
    events: list[tuple[int, SpeechEvent]] = field(default_factory=list)
    """With the sample at which each was given."""

    def tell(self) -> Story:
        segmenter = Segmenter(self.settings)
        segmenter.begin(self.begin_sample)
        now = 0
        for probability, samples, patience in self.blocks:
            now += samples
            if patience is not None:
                segmenter.set_patience(patience)
            self._take(segmenter, now, segmenter.process(probability, now))
        self._take(segmenter, now, segmenter.finish(EndReason.END_OF_INPUT))
        return self

    def _take(self, segmenter: Segmenter, now: int, events: Iterable[SpeechEvent]) -> None:
        for event in events:
            self.events.append((now, event))
            if isinstance(event, SpeechEnded) and self.listens_on:
                segmenter.begin(now)

    def utterances(self) -> list[tuple[int, SpeechEnded]]:
        """The start and the end of each utterance."""
        found, start = [], None
        for _, event in self.events:
            if isinstance(event, SpeechStarted):
                start = event.start_sample
            elif isinstance(event, SpeechEnded) and start is not None:
                found.append((start, event))
                start = None
        return found


durations = st.integers(0, 60).map(lambda blocks: blocks * 20)
settings = st.builds(
    SegmenterSettings,
    start_probability=st.sampled_from((0.5, 0.6, 0.8)),
    stop_probability=st.sampled_from((0.2, 0.4, 0.5)),
    onset_ms=st.sampled_from((0, 20, 60, 100)),
    onset_window_ms=st.sampled_from((100, 200)),
    pre_roll_ms=durations,
    pause_ms=durations,
    patience_ms=durations,
    max_utterance_ms=st.integers(10, 200).map(lambda blocks: blocks * 20),
    no_speech_ms=durations,
)
stretches = st.lists(
    st.tuples(st.sampled_from((0.0, 0.1, 0.3, 0.5, 0.7, 1.0)), st.integers(1, 40)), max_size=30
)


def blocks_of(
    stretches: Sequence[tuple[float, int]], lengths: Sequence[int], patience: dict[int, int]
) -> list[tuple[float, int, int | None]]:
    probabilities = [probability for probability, count in stretches for _ in range(count)]
    return [
        (probability, lengths[number % len(lengths)], patience.get(number))
        for number, probability in enumerate(probabilities)
    ]


blocks = st.builds(
    blocks_of,
    stretches,
    st.lists(st.sampled_from((160, 320, 320, 320, 512, 1600)), min_size=1, max_size=3),
    st.dictionaries(st.integers(0, 300), durations, max_size=3),
)
stories = st.builds(Story, settings, blocks, st.sampled_from((0, 320, 5000)), st.booleans())

LETTERS: dict[type[SpeechEvent], str] = {
    SpeechStarted: "S",
    SpeechPaused: "P",
    SpeechResumed: "R",
    SpeechEnded: "E",
}


@given(stories)
@example(Story(SETTINGS, [(1.0, 320, None)] * 4 + [(0.0, 320, None)] * 40, 0, listens_on=True))
def test_events_come_in_a_legal_order(story: Story) -> None:
    word = "".join(LETTERS[type(event)] for _, event in story.tell().events)
    one = r"(S(PR)*P?)?E"
    # With `finish` at the end, every utterance that was asked for has ended.
    assert re.fullmatch(f"({one})+" if story.listens_on else one, word)


@given(stories)
def test_samples_never_run_backwards(story: Story) -> None:
    reached = 0
    for now, event in story.tell().events:
        if isinstance(event, SpeechStarted | SpeechResumed):
            sample = event.start_sample
        elif isinstance(event, SpeechPaused):
            sample = event.end_sample
        else:
            # After no speech, an utterance may begin in what was listened to in vain.
            in_vain = event.reason is EndReason.NO_SPEECH
            sample = reached if in_vain else event.speech_end_sample
            assert event.speech_end_sample <= event.decided_sample
            assert event.decided_sample in {now, story.begin_sample}
        assert reached <= sample <= max(now, story.begin_sample)
        reached = sample


@given(stories)
def test_utterances_do_not_overlap(story: Story) -> None:
    found = story.tell().utterances()
    for (_, ended), (start, _) in pairwise(found):
        assert ended.speech_end_sample <= start


@given(stories)
def test_no_certain_speech_is_lost(story: Story) -> None:
    story.listens_on = True
    found = story.tell().utterances()
    onset = ms_to_samples(max(story.settings.onset_ms, 1))
    covered = [(start, ended.decided_sample) for start, ended in found]
    for start, end in loud_runs(story, lambda p: p >= story.settings.start_probability):
        begin = max(start, story.begin_sample)
        # Where an utterance was cut, the rest of a run counts anew and may be too short for one.
        pieces = [(begin, end)]
        for _, cut in covered:
            pieces = [
                piece
                for a, b in pieces
                for piece in ((a, min(b, cut)), (max(a, cut), b))
                if piece[0] < piece[1]
            ]
        for a, b in pieces:
            if b - a >= onset:
                assert any(s <= a and b <= d for s, d in covered), (a, b, covered)


@given(stories)
def test_silence_ends_an_utterance_when_patience_is_over(story: Story) -> None:
    story.blocks = [(p, samples, None) for p, samples, _ in story.blocks]
    patience = ms_to_samples(story.settings.patience_ms)
    longest = max((samples for _, samples, _ in story.blocks), default=0)
    window = ms_to_samples(story.settings.onset_window_ms)
    for _, ended in story.tell().utterances():
        if ended.reason is EndReason.SILENCE:
            waited = ended.decided_sample - ended.speech_end_sample
            assert patience <= waited <= max(patience, longest) + longest + window


@given(stories)
def test_no_utterance_is_longer_than_allowed(story: Story) -> None:
    longest_block = max((samples for _, samples, _ in story.blocks), default=0)
    allowed = ms_to_samples(story.settings.max_utterance_ms)
    onset = ms_to_samples(story.settings.pre_roll_ms + story.settings.onset_window_ms)
    for start, ended in story.tell().utterances():
        assert ended.decided_sample - start <= max(allowed, onset + longest_block) + longest_block


@given(stories)
def test_the_same_story_has_the_same_events(story: Story) -> None:
    again = replace(story, events=[])
    assert story.tell().events == again.tell().events


def loud_runs(story: Story, is_loud: Callable[[float], bool]) -> list[tuple[int, int]]:
    """The stretches of consecutive blocks whose probability is loud, in samples."""
    runs: list[tuple[int, int]] = []
    now = 0
    for probability, samples, _ in story.blocks:
        if is_loud(probability):
            if runs and runs[-1][1] == now:
                runs[-1] = (runs[-1][0], now + samples)
            else:
                runs.append((now, now + samples))
        now += samples
    return runs
