"""Speech that a test can read back: each word is a tone of its own constant level.

What goes into the microphone and what comes out of the speaker are made and read by the same code, so a
test can say exactly which words were heard, and by whom.
"""

from __future__ import annotations

import numpy as np

from voiced.types import SAMPLE_RATE_HZ, Samples, ms_to_samples

WORD_MS = 200
GAP_MS = 20

_LOWEST = 3000
_STEP = 7
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789'"


class Codebook:
    """Words and the levels that stand for them; a word gets its level when it is first said."""

    def __init__(self) -> None:
        self._levels: dict[str, int] = {}

    def say(self, text: str, rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
        """`text` as sound: 200 ms a word and a gap of 20 ms after each."""
        parts = []
        for word in words(text):
            level = self._levels.setdefault(word, _LOWEST + _STEP * len(self._levels))
            parts.append(np.full(ms_to_samples(WORD_MS, rate_hz), level, np.int16))
            parts.append(np.zeros(ms_to_samples(GAP_MS, rate_hz), np.int16))
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def read(self, samples: Samples, rate_hz: int = SAMPLE_RATE_HZ) -> str:
        """The words in `samples`; one of which less than half is there is not read."""
        by_level = {level: word for word, level in self._levels.items()}
        edges = np.flatnonzero(np.diff(samples)) + 1
        read = []
        for run in np.split(samples, edges):
            is_heard = len(run) >= ms_to_samples(WORD_MS, rate_hz) // 2
            if is_heard and int(run[0]) in by_level:
                read.append(by_level[int(run[0])])
        return " ".join(read)


def silence(duration_ms: float) -> Samples:
    """So much of nothing, at 16 kHz."""
    return np.zeros(ms_to_samples(duration_ms), np.int16)


def words(text: str) -> list[str]:
    """The words of `text`, lower case, without punctuation."""
    plain = "".join(c if c in _LETTERS else " " for c in text.lower())
    return plain.split()
