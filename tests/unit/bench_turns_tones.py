"""Sound of a known level."""

from __future__ import annotations

import numpy as np

from voiced.types import SAMPLE_RATE_HZ, Samples, ms_to_samples


def tone(duration_ms: float, level_dbfs: float = -20.0) -> Samples:
    """A sine, louder than nothing from its first 5 ms to its last."""
    time_s = np.arange(ms_to_samples(duration_ms)) / SAMPLE_RATE_HZ
    amplitude = 32_768 * np.sqrt(2) * 10 ** (level_dbfs / 20)
    return np.rint(amplitude * np.sin(2 * np.pi * 400 * time_s)).astype(np.int16)
