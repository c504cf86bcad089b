"""The short sounds that say "I listen", "done" and "something went wrong", synthesised.

Two notes each: rising invites, falling concludes, a low repetition apologises. Soft, because they
are heard many times a day and, by the microphone, too.
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
}
"""E5-A5, G5-C5, D4-B3: all under 200 ms, so that nobody waits for one."""


def earcon(name: Earcon, rate_hz: int) -> Samples:
    """The sound `name` at `rate_hz`: under 200 ms, peak at -20 dBFS, the same on every call."""
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
