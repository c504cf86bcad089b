"""Where words end, from what espeak-ng says while it speaks."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voiced.core.spoken_text import SpokenWord
from voiced.types import AudioChunk, WordEnd, ms_to_samples


@dataclass(frozen=True, slots=True)
class WordBegins:
    """The word at `character` (0, 1, ...) of the text begins at `at_ms`."""

    character: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class PhonemeBegins:
    """A sound or, where `is_pause`, silence begins at `at_ms`."""

    is_pause: bool
    at_ms: int


class WordClock:
    """Turns the events of one clause into the word ends of its chunks.

    A word ends where the next one begins, or where silence began before that. Words that espeak-ng
    runs together ("of the") have one beginning: they share the time by their letters. So a chunk can be
    told its word ends only when the word that sounds in it is over; it waits here, which costs the
    time to synthesise one more word (0.3 ms).
    """

    def __init__(self, words: Sequence[SpokenWord], rate_hz: int) -> None:
        self._words = words
        self._rate_hz = rate_hz
        self._starts = [0]
        for word in words[:-1]:
            self._starts.append(self._starts[-1] + len(word.text) + 1)
        self._word = 0
        self._begun_sample = 0
        self._silent_since: int | None = None
        self._last_end = WordEnd(0, 0)
        self._ends: deque[WordEnd] = deque()
        self._waiting: deque[AudioChunk] = deque()

    def hear(self, event: WordBegins | PhonemeBegins) -> None:
        """Take the next event of the clause."""
        sample = ms_to_samples(event.at_ms, self._rate_hz)
        if isinstance(event, WordBegins):
            # A number is several words to espeak-ng, all within one word of the text.
            word = bisect_right(self._starts, event.character) - 1
            if word > self._word:
                self._end_words(word, sample)
        elif not event.is_pause:
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = sample

    def add(self, chunk: AudioChunk) -> list[AudioChunk]:
        """The chunks that are complete when `chunk` follows them, with their word ends."""
        self._waiting.append(chunk)
        complete: list[AudioChunk] = []
        while self._waiting and self._waiting[0].end_sample <= self._begun_sample:
            complete.append(self._marked(self._waiting.popleft()))
        return complete

    def finish(self) -> list[AudioChunk]:
        """The chunks that are left, when the clause is over."""
        if self._waiting:
            self._end_words(len(self._words), self._waiting[-1].end_sample)
        left = [self._marked(chunk) for chunk in self._waiting]
        self._waiting.clear()
        return left

    def _end_words(self, next_word: int, next_sample: int) -> None:
        end_sample = next_sample if self._silent_since is None else self._silent_since
        ended = self._words[self._word : next_word]
        letters = sum(len(word.text) for word in ended)
        passed = 0
        for word in ended:
            passed += len(word.text)
            length = (end_sample - self._begun_sample) * passed // letters
            self._note(word.words_done, self._begun_sample + length)
        self._word, self._begun_sample = next_word, next_sample
        if self._silent_since is not None:
            self._silent_since = next_sample

    def _note(self, words: int, end_sample: int) -> None:
        last = self._last_end
        if words > last.words:
            self._last_end = WordEnd(words, max(end_sample, last.end_sample + 1))
            self._ends.append(self._last_end)

    def _marked(self, chunk: AudioChunk) -> AudioChunk:
        ends: list[WordEnd] = []
        while self._ends and self._ends[0].end_sample <= chunk.end_sample:
            ends.append(self._ends.popleft())
        return replace(chunk, word_ends=tuple(ends))
