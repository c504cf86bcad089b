"""A sound card for days: it keeps no recording, and tells which words its speaker plays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tests.support.coded_speech import WORD_MS, Codebook
from voiced.audio.simulated import SimulatedDuplex
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples, ms_to_samples


class Words:
    """The words in coded speech that comes block by block; one of which half is missing is none."""

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._listeners: list[list[str]] = []
        self._level = 0
        self._length = 0

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """The words from now on, as long as the context lasts."""
        words: list[str] = []
        self._listeners.append(words)
        try:
            yield words
        finally:
            self._listeners = [each for each in self._listeners if each is not words]

    def take(self, block: Samples) -> None:
        """The next block of the sound."""
        if not self._level and not block.any():
            return
        for run in np.split(block, np.flatnonzero(np.diff(block)) + 1):
            level = int(run[0])
            if level != self._level:
                self._end_run()
            self._level = level
            self._length += len(run)

    def _end_run(self) -> None:
        length, self._length = self._length, 0
        if length >= ms_to_samples(WORD_MS) // 2:
            word = self._codebook.read(np.full(length, self._level, np.int16))
            for words in self._listeners if word else ():
                words.append(word)


class EndlessDuplex(SimulatedDuplex):
    """A simulated sound card whose two sides may run for weeks."""

    def __init__(self, codebook: Codebook) -> None:
        super().__init__()
        self.spoken = Words(codebook)

    def _record(self, spoken: AudioChunk | None, played: Samples) -> None:
        self.spoken.take(played)
        self._position += BLOCK_SAMPLES
