"""Cutting a stream of samples into the pipeline's blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples


class Blocks:
    """Takes samples at 16 kHz in any portions and gives them back as consecutive blocks."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.int16)
        self._start_sample = 0

    def cut(self, samples: Samples) -> Iterator[AudioChunk]:
        """The blocks that `samples` complete; what is left over waits for more."""
        held = np.concatenate((self._rest, samples))
        whole = len(held) - len(held) % BLOCK_SAMPLES
        self._rest = held[whole:]
        for begin in range(0, whole, BLOCK_SAMPLES):
            yield self._next(held[begin : begin + BLOCK_SAMPLES])

    def finish(self) -> Iterator[AudioChunk]:
        """What is left over, filled up with silence to a whole block."""
        if len(self._rest):
            padded = np.zeros(BLOCK_SAMPLES, np.int16)
            padded[: len(self._rest)] = self._rest
            self._rest = self._rest[:0]
            yield self._next(padded)

    def _next(self, samples: Samples) -> AudioChunk:
        chunk = AudioChunk(samples, start_sample=self._start_sample)
        self._start_sample = chunk.end_sample
        return chunk
