"""Sounds that are no speech: the noise of a room, a cough, a door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.bench_turns.scoring import at_level
from voiced.types import SAMPLE_RATE_HZ, Samples, ms_to_samples

_ROUGH_DBFS: Final = -30.0
"""Far enough from full scale for any burst, before the level is set."""

_Floats = npt.NDArray[np.float64]

_SLOPE_FROM_HZ: Final = 60.0
"""Below it the noise of a room gets no louder: small loudspeakers and microphones have nothing there."""


def background(seconds: float, level_dbfs: float, seed: int = 0) -> Samples:
    """Pink noise (3 dB less an octave), like that of a ventilator or a street behind a window."""
    noise = _shaped(int(seconds * SAMPLE_RATE_HZ), lambda hz: 1 / np.sqrt(hz), seed)
    return _to_samples(noise, level_dbfs)


def _throat(hz: _Floats) -> _Floats:
    return np.where((hz > 300) & (hz < 4000), 1.0, 0.1)


def cough(seed: int = 0) -> Samples:
    """Two bursts of noise, each with a hard beginning; 0.4 s."""
    noise = _shaped(ms_to_samples(400), _throat, seed)
    time_s = np.arange(len(noise)) / SAMPLE_RATE_HZ
    second_s = np.maximum(time_s - 0.22, 0.0)
    envelope = np.exp(-time_s / 0.05) + 0.7 * np.where(time_s >= 0.22, np.exp(-second_s / 0.05), 0)
    return at_level(_to_samples(noise * envelope, _ROUGH_DBFS), -24.0)


def thump(seed: int = 0) -> Samples:
    """A door that falls shut: 80 Hz and a rumble that die away; 0.3 s."""
    rumble = _shaped(ms_to_samples(300), lambda hz: np.where(hz < 250, 1.0, 0.02), seed)
    time_s = np.arange(len(rumble)) / SAMPLE_RATE_HZ
    hit = np.exp(-time_s / 0.06) * (np.sin(2 * np.pi * 80 * time_s) + rumble)
    return at_level(_to_samples(hit, _ROUGH_DBFS), -20.0)


def hum(pitch_hz: float = 120.0) -> Samples:
    """What a listener says for "yes", "mm-hm": a hum, a breath, a higher hum; 0.45 s.

    Made of harmonics, because text-to-speech engines spell the letters.
    """
    low, breath, high = ms_to_samples(160), ms_to_samples(70), ms_to_samples(220)
    air = _shaped(breath, lambda hz: np.where(hz > 500, 0.05, 0.01), 0)
    parts = [_nasal(low, pitch_hz, 0.95 * pitch_hz), air * np.hanning(breath)]
    parts.append(_nasal(high, 1.1 * pitch_hz, 1.25 * pitch_hz))
    return at_level(_to_samples(np.concatenate(parts), _ROUGH_DBFS), -32.0)


def _nasal(count: int, from_hz: float, to_hz: float) -> _Floats:
    """A voice through the nose: little above its resonance at 250 Hz."""
    phase = 2 * np.pi * np.cumsum(np.linspace(from_hz, to_hz, count)) / SAMPLE_RATE_HZ
    sound = np.zeros(count)
    for harmonic in range(1, 20):
        hz = harmonic * from_hz
        sound += np.sin(harmonic * phase) / (1 + ((hz - 250) / 150) ** 2)
    return np.asarray(sound * np.sqrt(np.hanning(count)))


def _shaped(count: int, gain: Callable[[_Floats], _Floats], seed: int) -> _Floats:
    """Noise of level 1 whose amplitude at each frequency, in hertz, is `gain`."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ), _SLOPE_FROM_HZ)
    shaped = np.fft.irfft(spectrum * gain(hz), count)
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2)))


def _to_samples(sound: _Floats, level_dbfs: float) -> Samples:
    samples: Samples = np.rint(sound * 32_768 * 10 ** (level_dbfs / 20)).astype(np.int16)
    return samples
