"""Speech probabilities in, the bounds of utterances out. Pure: time is a count of samples.

An utterance goes through these events, and no others:

    SpeechStarted (SpeechPaused SpeechResumed)* [SpeechPaused] SpeechEnded

or through a `SpeechEnded` alone, where nobody spoke. It is asked for with `Segmenter.begin`, and
gets exactly one `SpeechEnded` unless another `begin` drops it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from voiced.types import (
    EndReason,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    ms_to_samples,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterSettings:
    """How speech is told from what is not; the numbers are measured (`tests/measure/vad_wake.py`).

    A block counts as speech from `start_probability` on, and while speech goes on, from
    `stop_probability` on. Speech begins, or resumes, once `onset_ms` of such blocks lie within
    `onset_window_ms`; a click is shorter. The `pre_roll_ms` before it belong to the utterance.
    After `pause_ms` of silence speech has paused, after `patience_ms` it has ended.
    """

    start_probability: float = 0.6
    stop_probability: float = 0.45
    onset_ms: int = 80
    onset_window_ms: int = 160
    pre_roll_ms: int = 300
    pause_ms: int = 120
    patience_ms: int = 700
    max_utterance_ms: int = 30_000
    no_speech_ms: int = 6_000
    """How long to wait for speech to begin; 0 waits for ever."""


class _State(Enum):
    IDLE = auto()
    WAITING = auto()
    SPEAKING = auto()
    PAUSED = auto()


class Segmenter:
    """Finds the utterances of one source, one each time it is asked with `begin`."""

    def __init__(self, settings: SegmenterSettings) -> None:
        """Start idle: until `begin`, blocks pass unheeded."""
        self._settings = settings
        self._onset_samples = ms_to_samples(settings.onset_ms)
        self._onset_window_samples = ms_to_samples(settings.onset_window_ms)
        self._pre_roll_samples = ms_to_samples(settings.pre_roll_ms)
        self._pause_samples = ms_to_samples(settings.pause_ms)
        self._max_samples = ms_to_samples(settings.max_utterance_ms)
        self._no_speech_samples = 0
        self._patience_samples: int | None = None
        self._state = _State.IDLE
        self._now_sample = 0
        self._began_sample = 0
        self._earliest_sample = 0
        self._start_sample = 0
        self._speech_end_sample = 0
        self._candidates: deque[tuple[int, int]] = deque()

    @property
    def is_listening(self) -> bool:
        """Whether an utterance is awaited or going on."""
        return self._state is not _State.IDLE

    def begin(
        self,
        at_sample: int,
        *,
        earliest_sample: int = 0,
        has_begun: bool = False,
        no_speech_ms: int | None = None,
    ) -> list[SpeechEvent]:
        """Wait for an utterance from `at_sample` on; one that goes on is dropped without an event.

        Its pre-roll may reach back before `at_sample`, but not before `earliest_sample` (where a
        wake word ended) or the end of the utterance before. `at_sample` may lie in the past: feed
        the blocks since then again. With `has_begun` somebody else found its onset there: the
        `SpeechStarted` is what this returns. `no_speech_ms` takes the place of the settings' own.
        """
        if self._state in (_State.SPEAKING, _State.PAUSED):
            self._earliest_sample = self._speech_end_sample
        self._began_sample = max(at_sample, self._earliest_sample)
        self._earliest_sample = max(self._earliest_sample, earliest_sample)
        self._now_sample = self._began_sample
        self._patience_samples = ms_to_samples(self._settings.patience_ms)
        wait_ms = self._settings.no_speech_ms if no_speech_ms is None else no_speech_ms
        self._no_speech_samples = ms_to_samples(wait_ms)
        self._candidates.clear()
        self._state = _State.WAITING
        return [self._start(self._began_sample)] if has_begun else []

    def set_patience(self, patience_ms: int | None) -> None:
        """From the next block on, end this utterance after so much silence; None never does."""
        self._patience_samples = None if patience_ms is None else ms_to_samples(patience_ms)

    def process(self, probability: float, end_sample: int) -> list[SpeechEvent]:
        """Take the next block, which reaches to `end_sample`, and say what is certain with it.

        `probability` (0..1) is that of speech in it. Blocks that end before `begin`'s `at_sample`
        are passed over.
        """
        if self._state is _State.IDLE or end_sample <= self._now_sample:
            return []
        block = (self._now_sample, end_sample)
        self._now_sample = end_sample
        events: list[SpeechEvent] = []
        if self._state is _State.SPEAKING:
            if probability >= self._settings.stop_probability:
                self._speech_end_sample = end_sample
            elif self._silence_samples >= min(self._pause_samples, self._patience_or(end_sample)):
                self._state = _State.PAUSED
                events.append(SpeechPaused(self._speech_end_sample))
        elif self._is_onset(block, probability):
            events.append(self._start_or_resume())
        # A block of speech that is no onset yet holds the end back until it is one, or is not.
        is_quiet = probability < self._settings.start_probability
        if reason := self._end_reason(is_quiet=is_quiet):
            events += self._end(reason)
        return events

    def finish(self, reason: EndReason) -> list[SpeechEvent]:
        """End the utterance now: the input is over, or the key was released.

        The `SpeechEnded` says `NO_SPEECH` instead where speech never began.
        """
        if self._state is _State.IDLE:
            return []
        return self._end(EndReason.NO_SPEECH if self._state is _State.WAITING else reason)

    @property
    def _silence_samples(self) -> int:
        return self._now_sample - self._speech_end_sample

    def _patience_or(self, samples: int) -> int:
        return samples if self._patience_samples is None else self._patience_samples

    def _is_onset(self, block: tuple[int, int], probability: float) -> bool:
        if probability < self._settings.start_probability:
            return False
        if self._candidates and self._candidates[-1][1] == block[0]:
            block = (self._candidates.pop()[0], block[1])
        self._candidates.append(block)
        window_start = block[1] - self._onset_window_samples
        while self._candidates[0][1] <= window_start:
            self._candidates.popleft()
        # A stretch may begin before the window does: only what lies in it counts.
        speech = sum(end - max(start, window_start) for start, end in self._candidates)
        return speech >= self._onset_samples

    def _start_or_resume(self) -> SpeechStarted | SpeechResumed:
        onset_sample = self._candidates[0][0]
        self._candidates.clear()
        if self._state is _State.WAITING:
            return self._start(onset_sample)
        self._state = _State.SPEAKING
        self._speech_end_sample = self._now_sample
        return SpeechResumed(onset_sample)

    def _start(self, onset_sample: int) -> SpeechStarted:
        self._state = _State.SPEAKING
        self._speech_end_sample = self._now_sample
        reach = max(onset_sample - self._pre_roll_samples, self._earliest_sample)
        self._start_sample = min(reach, onset_sample)
        return SpeechStarted(self._start_sample)

    def _end_reason(self, *, is_quiet: bool) -> EndReason | None:
        if self._state is _State.WAITING:
            waited_samples = self._now_sample - self._began_sample
            is_late = 0 < self._no_speech_samples <= waited_samples
            return EndReason.NO_SPEECH if is_late and is_quiet else None
        if self._now_sample - self._start_sample >= self._max_samples:
            return EndReason.MAX_LENGTH
        if self._state is _State.PAUSED and is_quiet:
            patience_samples = self._patience_samples
            if patience_samples is not None and self._silence_samples >= patience_samples:
                return EndReason.SILENCE
        return None

    def _end(self, reason: EndReason) -> list[SpeechEvent]:
        if self._state is _State.WAITING:
            self._speech_end_sample = self._began_sample
        else:
            self._earliest_sample = self._speech_end_sample
        self._state = _State.IDLE
        return [SpeechEnded(self._speech_end_sample, self._now_sample, reason)]
