"""How fast the speaker's clock runs beside the microphone's; pure.

Two devices have two crystals, 20 to 100 millionths apart: up to 1.6 samples a second, 9 seconds a day. How
much waits between them tells it only when a whole block has added up, which takes minutes. When each side
delivered tells it at once: a block may be delivered late, because a program was busy, but never early, so
the least late of two seconds is as good as a clock.
"""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from typing import Final

from voiced.types import SAMPLE_RATE_HZ

_WINDOW_S: Final = 2.0
"""How long the least late block is looked for: several times as long as the beat of two block lengths."""

_EARLY_WINDOWS: Final = 1
"""Devices fill their buffers when they are opened, and deliver what waited: that is no measure."""

_NOISE_SAMPLES: Final = 8.0
"""How much the least late block differs from window to window: 0.5 ms. Measured, with two threads and an
event loop in between: 0.05 ms, also with four other processes on two cores; 1.5 ms beside a thread that never
leaves Python."""

_FIRST_RATE_SAMPLES_S: Final = 150e-6 * SAMPLE_RATE_HZ
"""What the clocks may differ by before anything is known."""

_WANDER: Final = 4e-7
"""How much the rate changes, in (samples/s)^2 a second: by 1 ppm in ten minutes, as crystals do that get
warm. With the noise above it makes for a memory of about two minutes, and an error of 0.5 ppm."""

_JUMP_SAMPLES: Final = 10e-3 * SAMPLE_RATE_HZ
"""Beyond this it is no lateness any more, but lost sound (devices lose whole buffers) ..."""

_JUMP_WINDOWS: Final = 3
"""... where so many windows in a row say so: longer than it takes to catch up with a full memory ..."""

_JUMP_SPREAD: Final = 0.25
"""... and each differs from the one before by so much of it at most: lateness varies, a loss does not."""


class Finding(Enum):
    """What a window says, beside what was expected of it."""

    EARLY = auto()
    """Nothing: there is no estimate yet."""
    USUAL = auto()
    """The same, more or less."""
    DOUBTFUL = auto()
    """Something else altogether, and the estimate has not followed."""
    JUMPED = auto()
    """Something else for the third time: one of the two lost sound. The estimate has followed."""


class ClockDrift:
    """A Kalman filter of two values: how far the speaker is ahead, and how fast it gets further.

    Give it what is seen with each block that the microphone delivered. Everything is in samples of 16
    kHz as the microphone counts them, and seconds of any clock that both sides were timed with.
    """

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self.ahead_samples = 0.0
        """How far the speaker is ahead of the microphone, from an unknown place."""
        self.rate_samples_s = 0.0
        """By how much that grows in a second."""
        self._windows = 0
        self._variance = (_NOISE_SAMPLES**2, 0.0, _FIRST_RATE_SAMPLES_S**2)
        self._deviating = 0
        self._last_deviation = 0.0
        self._begun_s = -inf
        self._heard_late_s = self._put_late_s = inf

    def observe(self, now_s: float, heard: int, put_s: float, put: float) -> Finding | None:
        """The microphone has delivered `heard` in all, at `now_s`; the speaker took `put` by `put_s`.

        With the last block of a window there is a finding, and the estimate is of `now_s`; else None.
        """
        if self._begun_s == -inf:
            self._begun_s = now_s
        self._heard_late_s = min(self._heard_late_s, now_s - heard / SAMPLE_RATE_HZ)
        if put_s >= self._begun_s:
            self._put_late_s = min(self._put_late_s, put_s - put / SAMPLE_RATE_HZ)
        passed_s = now_s - self._begun_s
        if passed_s < _WINDOW_S or self._put_late_s == inf:
            return None
        seen = (self._heard_late_s - self._put_late_s) * SAMPLE_RATE_HZ
        self._begun_s = now_s
        self._heard_late_s = self._put_late_s = inf
        self._windows += 1
        if self._windows <= _EARLY_WINDOWS:
            return Finding.EARLY
        if self._windows == _EARLY_WINDOWS + 1:
            self.ahead_samples = seen
            return Finding.USUAL
        return self._learn(seen, passed_s)

    def _learn(self, seen: float, passed_s: float) -> Finding:
        self.ahead_samples += self.rate_samples_s * passed_s
        place, both, rate = self._variance
        place += passed_s * (2 * both + passed_s * rate) + _WANDER * passed_s**3 / 3
        both += passed_s * rate + _WANDER * passed_s**2 / 2
        rate += _WANDER * passed_s
        self._variance = (place, both, rate)
        surprise = seen - self.ahead_samples
        if abs(surprise) > _JUMP_SAMPLES:
            return self._doubt(surprise)
        self._deviating = 0
        gain, rate_gain = (part / (place + _NOISE_SAMPLES**2) for part in (place, both))
        self.ahead_samples += gain * surprise
        self.rate_samples_s += rate_gain * surprise
        self._variance = ((1 - gain) * place, (1 - gain) * both, rate - rate_gain * both)
        return Finding.USUAL

    def _doubt(self, surprise: float) -> Finding:
        differs = abs(surprise - self._last_deviation)
        is_same = self._deviating and differs < _JUMP_SPREAD * abs(surprise)
        self._deviating = self._deviating + 1 if is_same else 1
        self._last_deviation = surprise
        if self._deviating < _JUMP_WINDOWS:
            return Finding.DOUBTFUL
        self._deviating = 0
        self.ahead_samples += surprise
        # How far it is ahead is known from this window alone, how fast it runs from all before.
        self._variance = (_NOISE_SAMPLES**2, 0.0, self._variance[2])
        return Finding.JUMPED
