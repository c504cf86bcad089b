"""What the speaker plays, on its way to the echo canceller.

The canceller can only take out of the microphone's sound what it was told is being played, so the tap
sits where samples are handed to the device, silence included.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

import numpy as np

from voiced.audio._drift import ClockDrift, Finding
from voiced.audio._fractional import FractionalResampler
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Samples, ms_to_samples

MEMORY_MS: Final = 5_000
"""How much is kept for a reader that is late: as much as a microphone's ring holds (`device.py`), so
that both catch up together and stay aligned."""

RESERVE_SAMPLES: Final = BLOCK_SAMPLES
"""So far behind what is put the reader begins, so that a speaker that asks a little late leaves no gap. What
is put is heard later than that: the device's own buffer is longer."""

_SPARE_SAMPLES: Final = 3 * BLOCK_SAMPLES
"""What may wait for ever: the two devices call at different times, and now and then in pairs. What always
waits beyond it at first is left out: the microphone lost sound while the devices were opened."""

_SHORT_TAKES: Final = 5
"""How often in two seconds the speaker may be late; what came too late is left out. If it is late more often
it lost sound, or always calls like that, and all is taken later from then on, with a new reserve."""

_FIRST_WINDOWS: Final = 15
"""So long (30 s) the place is left to itself: until it is known how the clocks drift it gets off by a little,
and to make that good would be one more drift."""

_TRIAL_WINDOWS: Final = 2
"""For how many windows (`_drift.py`) such a move is on trial: in that in which sound was lost nothing looks
unusual yet, in the next it does, and then the move is undone when it is sure how much was lost."""

_RETURN_S: Final = 30.0
"""In what time an error is made good."""


class FarEnd:
    """Carries what a speaker plays from the sink's thread to the ear's, at 16 kHz and the microphone's pace.

    A tape that one side writes and the other reads, at a place that moves as fast as the microphone
    hears. Neither waits for the other; the tape is twice as long as what a reader may get, so that
    what it copies is not being overwritten. Silence costs next to nothing, which is most of what an
    assistant plays.

    With a clock, what is taken stays as far behind what is played as it was after half a minute: where
    the clocks of the two devices drift apart, it is stretched (`_drift.py`, `_fractional.py`); where
    one of them lost sound, the place is moved after eight seconds at most.
    """

    def __init__(self, rate_hz: int, clock: Callable[[], float] | None = None) -> None:
        """`rate_hz` is the sink's; `clock` (in seconds, as `time.monotonic`) tells when it is called.

        Without a clock both sides count as one device's, as those of a simulated sound card are: what
        is taken is, at 16 kHz, bit by bit what was put.
        """
        self._rate_hz = rate_hz
        self._clock = clock
        self._resampler = FractionalResampler(rate_hz)
        self._limit = ms_to_samples(MEMORY_MS, rate_hz)
        self._tape: Samples = np.zeros(2 * self._limit, np.int16)
        self._written = 0
        self._put = (-inf, 0)
        self._begin()

    def _begin(self) -> None:
        """All that is the reader's."""
        self._is_begun = False
        self._place = 0
        self._step = self._resampler.step
        self._asked = 0
        self._short_takes = 0
        self._least_left = inf
        self._drift = ClockDrift()
        self._lag: float | None = None
        self._trial_windows = _FIRST_WINDOWS

    def put(self, samples: Samples) -> None:
        """For the sink: `samples` are handed to the device now. From any thread; never waits."""
        begin = self._written % len(self._tape)
        until_end = len(self._tape) - begin
        self._tape[begin : begin + len(samples)] = samples[:until_end]
        if len(samples) > until_end:
            self._tape[: len(samples) - until_end] = samples[until_end:]
        self._written += len(samples)
        if self._clock is not None:
            self._put = (self._clock(), self._written)

    def take(self, count: int) -> Samples:
        """What was played while the microphone heard `count` samples (16 kHz): as many.

        Silence stands for what the speaker has not asked for yet. The first call begins the stream and
        gives nothing.
        """
        unit, even = self._resampler.unit, self._resampler.step
        written = self._written
        if not self._is_begun:
            self._is_begun = True
            self._place = written * unit - RESERVE_SAMPLES * even
            return np.zeros(0, np.int16)
        oldest = (written - self._limit) * unit
        if self._place < oldest:
            self._move_to(oldest)
        end = (written - self._resampler.reach) * unit
        known = max(0, min(count, -((self._place - end) // self._step)))
        taken = self._copy(known)
        self._place += count * self._step
        self._asked += count
        self._least_left = min(self._least_left, (end - self._place) / even)
        if known < count:
            taken = np.concatenate((taken, np.zeros(count - known, np.int16)))
            self._short_takes += 1
            if self._lag is None:
                self._place = end
            elif self._short_takes > _SHORT_TAKES:
                self._move_to(end - RESERVE_SAMPLES * even)
        if self._clock is not None:
            self._keep_pace(self._clock())
        return taken

    def restart(self) -> None:
        """For the reader: the microphone was opened again. What waits is dropped.

        The next `take` begins anew, as the first one did.
        """
        self._begin()

    def _keep_pace(self, now_s: float) -> None:
        put_s, put = self._put
        finding = self._drift.observe(
            now_s, self._asked, put_s, put * SAMPLE_RATE_HZ / self._rate_hz
        )
        if finding is None:
            return
        self._short_takes = 0
        if finding is Finding.EARLY:
            self._least_left = inf
            return
        even = self._resampler.step
        # By how much it is behind what is played, but for a constant.
        lag = self._drift.ahead_samples + self._asked - self._place / even
        if self._lag is None:
            surplus = max(0.0, self._least_left - _SPARE_SAMPLES)
            self._place += round(surplus * even)
            self._lag = lag = lag - surplus
        correction = 0.0
        if finding is Finding.JUMPED:
            self._place += round((lag - self._lag) * even)
            self._trial_windows = 0
        elif finding is Finding.USUAL and self._trial_windows:
            self._trial_windows -= 1
            if not self._trial_windows:
                self._lag = lag
        elif finding is Finding.USUAL:
            correction = (lag - self._lag) / _RETURN_S
        drift = (self._drift.rate_samples_s + correction) / SAMPLE_RATE_HZ
        self._step = even + round(drift * even)

    def _move_to(self, place: int) -> None:
        """Nothing else can be done; whether it is right turns out later."""
        self._place = place
        self._trial_windows = _TRIAL_WINDOWS

    def _copy(self, count: int) -> Samples:
        """The next `count` samples."""
        if count == 0:
            return np.zeros(0, np.int16)
        first, place = divmod(self._place, self._resampler.unit)
        needed = self._resampler.needed_for(count, place, self._step)
        begin = (first - self._resampler.reach + 1) % len(self._tape)
        until_end = min(needed, len(self._tape) - begin)
        sound = np.concatenate(
            (self._tape[begin : begin + until_end], self._tape[: needed - until_end])
        )
        return self._resampler.resample(sound, count, place, self._step)
