"""What every block of the microphone goes through: echo cancellation, voice activity, wake word.

They share a thread: together they take a few per cent of a core, and each needs what the one before made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from voiced.audio.far_end import FarEnd
from voiced.audio.front_end import FrontEnd
from voiced.audio.levels import FLOOR_DBFS, dbfs
from voiced.core.barge_in import BargeIn, EchoLevels
from voiced.engines.contracts import VoiceActivityDetector, WakeWordDetector
from voiced.types import AudioChunk, Detection

_NOTHING: Final = np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True)
class HeardBlock:
    """One block, and what was found in it.

    `chunk` is what the person said, without the echo of what is played; `probability` (0..1) that of
    speech in it; `level_dbfs` the microphone's. `person_since` is the sample where a person began to
    speak, in the block in which that became certain whatever voiced itself is saying.
    """

    chunk: AudioChunk
    probability: float
    level_dbfs: float
    detection: Detection | None = None
    person_since: int | None = None


class Ear:
    """The detectors that hear every block, and the front end before them."""

    def __init__(
        self,
        vad: VoiceActivityDetector,
        wake: WakeWordDetector | None,
        front_end: FrontEnd | None = None,
    ) -> None:
        self._vad = vad
        self._wake = wake
        self._front_end = front_end
        self._barge_in = BargeIn()

    @property
    def phrases(self) -> tuple[str, ...]:
        """The wake words."""
        return self._wake.phrases if self._wake else ()

    def hear(
        self, chunk: AudioChunk, far_end: FarEnd | None = None, *, is_resumed: bool = False
    ) -> HeardBlock:
        """Take the next block of the microphone; `far_end` has what was played meanwhile, where known.

        `is_resumed` where the microphone was away before it: what was played by then is no part of it.
        """
        if is_resumed and far_end is not None:
            far_end.restart()
        level_dbfs = dbfs(chunk.samples)
        # Without a far end nothing that is heard is an echo.
        levels = EchoLevels(level_dbfs, rest_dbfs=level_dbfs, over_db=level_dbfs - FLOOR_DBFS)
        if self._front_end is not None:
            played = _NOTHING if far_end is None else far_end.take(len(chunk.samples))
            chunk = self._front_end.process(chunk, played)
            levels = levels if far_end is None else self._front_end.levels
        probability = self._vad.probability(chunk)
        return HeardBlock(
            chunk,
            probability,
            level_dbfs,
            self._wake.detect(chunk) if self._wake else None,
            self._barge_in.process(probability, levels, chunk.end_sample),
        )

    def hear_all(
        self,
        chunks: Sequence[AudioChunk],
        far_end: FarEnd | None = None,
        *,
        is_resumed: bool = False,
    ) -> list[HeardBlock]:
        """As `hear`, for blocks that follow each other."""
        return [
            self.hear(chunk, far_end, is_resumed=is_resumed and number == 0)
            for number, chunk in enumerate(chunks)
        ]

    def close(self) -> None:
        self._vad.close()
        if self._wake:
            self._wake.close()
        if self._front_end:
            self._front_end.close()
