"""Leaves out long silence, which the recogniser's running cepstral mean must not hear.

The acoustic model was trained on utterances with little silence around them, less their mean. With
300 ms before and 600 ms of quiet after recorded commands the word error rate goes from 0.11 to 0.23
(measured, 73 commands); with all quiet beyond 300 ms left out it stays at 0.11.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from voiced.types import Samples, ms_to_samples

_FRAME_SAMPLES: Final = ms_to_samples(10)
_KEPT_FRAMES: Final = 30
_QUIET_DB: Final = 25.0
"""This far below the loudest frame so far a frame counts as silence."""


class Trimmer:
    """One utterance, less its silence beyond 300 ms at a stretch."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, dtype=np.int16)
        self._loudest_db = 0.0
        self._quiet: list[Samples] = []
        self._quiet_frames = 0

    def trim(self, samples: Samples) -> Samples:
        """What of `samples` and of what was held back before is to be decoded now."""
        whole = np.concatenate([self._rest, samples])
        cut = len(whole) // _FRAME_SAMPLES * _FRAME_SAMPLES
        self._rest = whole[cut:]
        passed: list[Samples] = []
        for frame in whole[:cut].reshape(-1, _FRAME_SAMPLES):
            self._take(frame, passed)
        return np.concatenate(passed) if passed else np.zeros(0, dtype=np.int16)

    @property
    def quiet_frames(self) -> int:
        """How many frames of 10 ms it has been quiet for."""
        return self._quiet_frames

    def _take(self, frame: Samples, passed: list[Samples]) -> None:
        level_db = 10 * float(np.log10(np.mean(np.square(frame, dtype=np.float64)) + 1))
        self._loudest_db = max(self._loudest_db, level_db)
        if level_db >= self._loudest_db - _QUIET_DB and level_db > 0:
            passed.extend(self._quiet)
            self._quiet.clear()
            self._quiet_frames = 0
            passed.append(frame)
            return
        self._quiet_frames += 1
        if self._quiet_frames <= _KEPT_FRAMES // 2:
            passed.append(frame)
            return
        # The end of a long silence belongs to the word after it, so the newest frames are kept.
        self._quiet.append(frame)
        if len(self._quiet) > _KEPT_FRAMES // 2:
            del self._quiet[0]
