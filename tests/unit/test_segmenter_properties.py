"""The bounds of utterances, by property: over any settings, any blocks and any patience."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.types import (
    EndReason,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    ms_to_samples,
)


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
@example(
    Story(SegmenterSettings(), [(1.0, 320, None)] * 4 + [(0.0, 320, None)] * 40, 0, listens_on=True)
)
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
