"""How loud a block is."""

from __future__ import annotations

from typing import Final

import numpy as np

from voiced.types import Samples

FLOOR_DBFS: Final = -90.0
"""What silence is shown as: the level of the last bit of a 16-bit sample."""

_FULL_SCALE: Final = 32_768.0


def dbfs(samples: Samples) -> float:
    """The RMS level of `samples` in dB relative to full scale, from `FLOOR_DBFS` to 0.

    0 dB is a full-scale square wave; a full-scale sine is at -3.01.
    """
    if len(samples) == 0:
        return FLOOR_DBFS
    wide = samples.astype(np.float32)
    return _to_dbfs(float(np.sqrt(np.dot(wide, wide) / len(wide))))


def peak_dbfs(samples: Samples) -> float:
    """The largest sample of `samples` in dB relative to full scale, from `FLOOR_DBFS` to 0."""
    if len(samples) == 0:
        return FLOOR_DBFS
    return _to_dbfs(float(np.max(np.abs(samples.astype(np.float32)))))


def _to_dbfs(amplitude: float) -> float:
    if amplitude == 0:
        return FLOOR_DBFS
    return min(0.0, max(FLOOR_DBFS, 20 * float(np.log10(amplitude / _FULL_SCALE))))
