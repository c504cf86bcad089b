"""One turn's answer on its way to the speaker: its sound, how far it is, and what of it was heard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from voiced.audio.resample import StreamResampler
from voiced.errors import DeviceError
from voiced.types import AudioChunk, Samples, WordEnd, ms_to_samples

_AHEAD_MS: Final = 10_000
"""How far synthesis may run ahead of the speaker: enough to bridge a slow sentence, and bounded."""


@dataclass(slots=True)
class _Clause:
    """A stretch of the answer, in samples since its beginning; it ends where the next one begins."""

    text: str
    begin_sample: int
    end_sample: int
    word_ends: list[WordEnd] = field(default_factory=list)
    is_complete: bool = False

    def words_heard(self, until_sample: int) -> list[str]:
        """Its words whose greater part lies before `until_sample`."""
        words = self.text.split()
        if until_sample >= self.end_sample and self.is_complete:
            return words
        if until_sample <= self.begin_sample:
            return []
        if not self.word_ends:
            length = self.end_sample - self.begin_sample
            return words[: int(len(words) * (until_sample - self.begin_sample) / length)]
        heard, begin = 0, self.begin_sample
        for end in self.word_ends:
            if until_sample < (begin + end.end_sample) / 2:
                break
            heard, begin = end.words, end.end_sample
        return words[:heard]


class Playback:
    """Filled by a turn (`begin_clause`, `play`, `finish`), emptied by the `Player`.

    It may be filled before it is started: nothing is heard of it then.
    """

    def __init__(
        self,
        rate_hz: int,
        on_change: Callable[[], None],
        on_first_sound: Callable[[], None] = lambda: None,
    ) -> None:
        """For the player: `on_change` is told when there is something to play, or nothing more."""
        self.rate_hz = rate_hz
        self._on_change = on_change
        self._on_first_sound = on_first_sound
        self._resampler: StreamResampler | None = None
        self._is_clause_begun = False
        self._clauses: list[_Clause] = []
        # What may still be played, or played again: from the clause that is being played on.
        self._kept: deque[Samples] = deque()
        self._kept_from = 0
        self._queued_samples = 0
        self._position = 0
        self._heard_until = 0
        self._is_complete = False
        self.has_sounded = False
        self._moved = asyncio.Event()
        self.is_stopped = False
        self.is_done = asyncio.Event()
        self._failure: DeviceError | None = None

    # For the turn

    def begin_clause(self, text: str) -> None:
        """What is played from here on says `text`."""
        self._complete_clause()
        self._is_clause_begun = False
        self._clauses.append(_Clause(text, self._queued_samples, self._queued_samples))

    async def play(self, chunk: AudioChunk) -> None:
        """Queue sound; waits where enough is queued already. Raises `DeviceError` of a lost speaker."""
        resampler = self._resampler_from(chunk.rate_hz)
        if self._clauses:
            clause = self._clauses[-1]
            for word in chunk.word_ends:
                end = clause.begin_sample + word.end_sample * self.rate_hz // chunk.rate_hz
                clause.word_ends.append(WordEnd(word.words, end))
        self._is_clause_begun = True
        self._queue(resampler.process(chunk.samples))
        while self._ahead_samples > ms_to_samples(_AHEAD_MS, self.rate_hz) and not self.is_stopped:
            self._moved.clear()
            await self._moved.wait()
        self._raise_failure()

    async def finish(self) -> None:
        """No more comes: wait until the last of it has been played (or it was stopped).

        Raises `DeviceError` where the speaker was lost before.
        """
        self.end()
        await self.is_done.wait()
        self._raise_failure()

    def end(self) -> None:
        """No more comes."""
        if self._resampler is not None:
            self._queue(self._resampler.flush())
        self._complete_clause()
        self._is_complete = True
        self._on_change()

    def heard(self) -> str:
        """The words that were played so far."""
        until = max(self._heard_until, self._position)
        return " ".join(word for clause in self._clauses for word in clause.words_heard(until))

    @property
    def clause(self) -> str:
        """The text of the clause that is being played, "" before the first."""
        playing = self._playing_clause()
        return "" if playing is None else playing.text

    @property
    def queued_ms(self) -> float:
        """How much sound was made for it."""
        return self._queued_samples * 1000 / self.rate_hz

    @property
    def is_clause_begun(self) -> bool:
        """Whether there is sound of the clause that was begun last."""
        return self._is_clause_begun

    def _resampler_from(self, rate_hz: int) -> StreamResampler:
        """A new one where another voice goes on, at another rate."""
        before = self._resampler
        if before is not None and before.from_hz == rate_hz:
            return before
        if before is not None:
            self._queue(before.flush())
        self._resampler = StreamResampler(rate_hz, self.rate_hz)
        return self._resampler

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _complete_clause(self) -> None:
        if self._clauses:
            self._clauses[-1].is_complete = True

    def _queue(self, samples: Samples) -> None:
        if self.is_stopped or len(samples) == 0:
            return
        self._kept.append(samples)
        self._queued_samples += len(samples)
        if self._clauses:
            self._clauses[-1].end_sample = self._queued_samples
        self._on_change()

    # For the player

    @property
    def has_ended(self) -> bool:
        """Whether all of it has been taken."""
        return self._is_complete and self._ahead_samples == 0

    def take(self, samples: int) -> Samples | None:
        """The next sound, at most `samples` long; None where there is none yet."""
        block = self._next(samples)
        if len(block) == 0:
            return None
        self._position += len(block)
        self._forget_earlier_clauses()
        self._moved.set()
        if not self.has_sounded:
            self.has_sounded = True
            self._on_first_sound()
        return block

    def _next(self, samples: int) -> Samples:
        offset = self._position - self._kept_from
        for piece in self._kept:
            if offset < len(piece):
                return np.ascontiguousarray(piece[offset : offset + samples])
            offset -= len(piece)
        return np.zeros(0, np.int16)

    def give_back(self, samples: int) -> None:
        """The last so many samples that were taken were not heard."""
        self._position = max(self._kept_from, self._position - samples)

    def rewind_clause(self) -> None:
        """Go on from the beginning of the clause that was being played."""
        playing = self._playing_clause()
        self._heard_until = max(self._heard_until, self._position)
        if playing is not None:
            self._position = max(self._kept_from, playing.begin_sample)

    def stop(self) -> None:
        """Nothing more of it is heard."""
        self.is_stopped = True
        self._kept.clear()
        self._moved.set()
        self.is_done.set()
        self._on_change()

    def fail(self, failure: DeviceError) -> None:
        """The speaker is lost: whoever fills it is told, and nothing more of it is heard."""
        self._failure = failure
        self.stop()

    @property
    def _ahead_samples(self) -> int:
        return 0 if self.is_stopped else self._queued_samples - self._position

    def _playing_clause(self) -> _Clause | None:
        return self._clause_at(self._position) if self.has_sounded else None

    def _clause_at(self, sample: int) -> _Clause | None:
        begun = [clause for clause in self._clauses if clause.begin_sample < max(1, sample)]
        return begun[-1] if begun else None

    def _forget_earlier_clauses(self) -> None:
        """What the device holds may still be given back: the clause of a second ago is kept, too."""
        earlier = self._clause_at(self._position - self.rate_hz)
        needed_from = 0 if earlier is None else earlier.begin_sample
        while self._kept and self._kept_from + len(self._kept[0]) <= needed_from:
            self._kept_from += len(self._kept.popleft())
