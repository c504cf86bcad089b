"""The short sounds that say "ready", "I listen", "done", "something went wrong" and the like, synthesised.

Two notes each: rising invites, falling concludes, a low repetition apologises; the microphone goes with a
fall and comes back with the same rise. Soft, because they
are heard many times a day and, by the microphone, too. "Ready", heard once, is a breath of noise: from a
second of all frequencies the echo canceller learns the room before the first answer (measured: of
people who interrupt in its first three seconds 62 of 64 are noticed, not 49, and it no longer takes itself
for one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.types import Earcon, Samples, ms_to_samples

_PEAK: Final = 0.1
"""-20 dBFS: below a voice's usual level by some 6 dB of RMS."""

_OVERTONES: Final = ((1, 1.0), (2, 0.25), (3, 0.06))
"""Multiples of the note and their strengths: a soft chime; a bare sine is heard as a test tone."""

_ATTACK_MS: Final = 8
"""No shorter: a note that begins at once begins with a click."""


@dataclass(frozen=True, slots=True)
class _Note:
    begin_ms: int
    length_ms: int
    pitch_hz: float


_SCORES: Final = {
    Earcon.LISTENING: (_Note(0, 90, 659.26), _Note(60, 100, 880.0)),
    Earcon.DONE: (_Note(0, 90, 783.99), _Note(60, 110, 523.25)),
    Earcon.ERROR: (_Note(0, 80, 293.66), _Note(100, 95, 246.94)),
    Earcon.DEAF: (_Note(0, 90, 440.0), _Note(60, 110, 329.63)),
    Earcon.HEARING: (_Note(0, 90, 329.63), _Note(60, 110, 440.0)),
    Earcon.RING: (_Note(0, 80, 1046.5), _Note(90, 100, 1046.5)),
}
"""E5-A5, G5-C5, D4-B3, A4-E4 and back, C6 twice: all under 200 ms, so that nobody waits for one."""


_BREATH_MS: Final = 1_000
_BREATH_DBFS: Final = -26.0
_BREATH_HZ: Final = (80.0, 7_500.0)
"""The level of its middle, and what it holds: all that a voice does."""


def earcon(name: Earcon, rate_hz: int) -> Samples:
    """The sound `name` at `rate_hz`, the same on every call.

    Notes last under 200 ms and peak at -20 dBFS; "ready" lasts a second and is about as loud.
    """
    if name is Earcon.READY:
        return _breath(rate_hz)
    score = _SCORES[name]
    length_ms = max(note.begin_ms + note.length_ms for note in score)
    mix = np.zeros(ms_to_samples(length_ms, rate_hz))
    for note in score:
        sound = _play(note, rate_hz)
        begin = ms_to_samples(note.begin_ms, rate_hz)
        sound = sound[: len(mix) - begin]
        mix[begin : begin + len(sound)] += sound
    mix *= _PEAK / np.max(np.abs(mix))
    return np.rint(mix * 32_767).astype(np.int16)


def _play(note: _Note, rate_hz: int) -> npt.NDArray[np.float64]:
    count = ms_to_samples(note.length_ms, rate_hz)
    time_s = np.arange(count) / rate_hz
    sound: npt.NDArray[np.float64] = np.zeros(count)
    for multiple, strength in _OVERTONES:
        pitch_hz = note.pitch_hz * multiple
        if pitch_hz < rate_hz / 2:
            sound += strength * np.sin(2 * np.pi * pitch_hz * time_s)
    attack = np.minimum(1, np.arange(count) / ms_to_samples(_ATTACK_MS, rate_hz))
    # From full to nothing along half a cosine: an exponential decay would be cut off at its end.
    decay = 0.5 + 0.5 * np.cos(np.pi * np.arange(count) / max(1, count - 1))
    sound *= np.sin(attack * np.pi / 2) ** 2 * decay
    return sound


def _breath(rate_hz: int) -> Samples:
    """Noise that swells and fades: even power at all frequencies of a voice."""
    count = ms_to_samples(_BREATH_MS, rate_hz)
    frequencies_hz = np.fft.rfftfreq(count, 1 / rate_hz)
    low_hz, high_hz = _BREATH_HZ
    band = (frequencies_hz >= low_hz) & (frequencies_hz <= high_hz)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, len(frequencies_hz))
    sound = np.fft.irfft(np.where(band, np.exp(1j * phases), 0), count)
    sound *= 10 ** (_BREATH_DBFS / 20) / np.sqrt(np.mean(sound**2))
    swell = np.sin(np.linspace(0, np.pi, count)) ** 0.5
    return np.rint(np.clip(sound * swell, -1, 1) * 32_767).astype(np.int16)
