"""Test tones, and what is in a recording of them."""

from __future__ import annotations

import numpy as np

from voiced.audio.levels import dbfs
from voiced.types import SAMPLE_RATE_HZ, Samples, ms_to_samples


def tone(
    pitch_hz: float, length_ms: float, rate_hz: int = SAMPLE_RATE_HZ, peak: float = 0.25
) -> Samples:
    """A sine; its level is 3 dB below its peak."""
    time_s = np.arange(ms_to_samples(length_ms, rate_hz)) / rate_hz
    wave = 32_767 * peak * np.sin(2 * np.pi * pitch_hz * time_s)
    return np.rint(wave).astype(np.int16)


def pitch_hz(samples: Samples, rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """The strongest frequency in `samples`, to the nearest bin."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


def loud_part(samples: Samples, floor_dbfs: float = -40.0) -> Samples:
    """The 10 ms stretches of `samples` (16 kHz) above `floor_dbfs`, joined."""
    step = ms_to_samples(10)
    parts = [samples[begin : begin + step] for begin in range(0, len(samples), step)]
    loud = [part for part in parts if dbfs(part) > floor_dbfs]
    return np.concatenate([np.zeros(0, np.int16), *loud])
