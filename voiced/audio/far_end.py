"""What the speaker plays, on its way to the echo canceller.

The canceller can only take out of the microphone's sound what it was told is being played, so the tap
sits where samples are handed to the device, silence included.
"""

from __future__ import annotations

from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Samples, ms_to_samples

MEMORY_MS: Final = 5_000
"""How much is kept for a reader that is late: as much as a microphone's ring holds (`device.py`), so
that both catch up together and stay aligned."""

_WATCHED_TAKES: Final = MEMORY_MS * SAMPLE_RATE_HZ // 1000 // BLOCK_SAMPLES
"""How long more must have waited than was asked for before the rest counts as drift: longer than it takes to
catch up with a full memory."""

RESERVE_SAMPLES: Final = BLOCK_SAMPLES
"""The silence with which the stream begins, so that a speaker that asks a little late leaves no gap. What is
played is heard later than that: the device's own buffer is longer."""

_SPARE_SAMPLES: Final = 3 * BLOCK_SAMPLES
"""What may wait for ever: the two devices call at different times, and now and then in pairs."""

_GAP_SAMPLES: Final = ms_to_samples(100)
"""What waits beyond this is no drift: the microphone lost sound."""

_ZERO_CROSSINGS: Final = 12
"""Half the length of the low-pass, in samples at the lower of both rates."""

_PASS_BAND: Final = 0.9
"""Its cut-off as a part of the lower Nyquist frequency."""

_KAISER_BETA: Final = 7.0
"""Sidelobes 70 dB down: far below what an echo canceller removes."""

_Floats = npt.NDArray[np.float32]


class FarEnd:
    """Carries what a speaker plays from the sink's thread to the ear's, at 16 kHz.

    Neither waits for the other. The memory is twice as long as what a reader may get, so that what
    it copies is not being overwritten. Until the first `take` nothing is kept. Silence costs next
    to nothing, which is most of what an assistant plays.
    """

    def __init__(self, rate_hz: int) -> None:
        """`rate_hz` is the sink's."""
        self._limit = ms_to_samples(MEMORY_MS, rate_hz)
        self._ring: Samples = np.zeros(2 * self._limit, np.int16)
        self._written = 0
        self._read = 0
        self._is_wanted = False
        self._converter = _Converter(rate_hz)
        self._least_left = 0
        self._excess = 0
        self._takes = 0

    def put(self, samples: Samples) -> None:
        """For the sink: `samples` are handed to the device now. From any thread; never waits."""
        if not self._is_wanted:
            return
        begin = self._written % len(self._ring)
        until_end = len(self._ring) - begin
        self._ring[begin : begin + len(samples)] = samples[:until_end]
        if len(samples) > until_end:
            self._ring[: len(samples) - until_end] = samples[until_end:]
        self._written += len(samples)

    def take(self, count: int) -> Samples:
        """What was played while the microphone heard `count` samples (16 kHz): about as many.

        Fewer where the speaker has not asked for as many yet. More where what waits is not needed:
        one sample where its clock is the faster one, so that the echo's delay moves gently; all at
        once where the microphone lost sound. The first call begins the stream, with a reserve of
        silence, and gives nothing.
        """
        if not self._is_wanted:
            # The ring is silent yet, and the sink's thread, the only other writer, waits for the flag.
            self._written = self._converter.needed_for(RESERVE_SAMPLES)
            self._is_wanted = True
            return np.zeros(0, np.int16)
        waiting = self._written - self._read
        if waiting > self._limit:
            self._read += waiting - self._limit
        left = self._converter.given_by(self._written - self._read) - count
        count += self._surplus(left)
        needed = min(self._converter.needed_for(count), self._written - self._read)
        return self._converter.convert(self._copy(needed))

    def _surplus(self, left: int) -> int:
        """How many samples to give beyond those asked for, if these leave `left`."""
        self._least_left = min(self._least_left, left) if self._takes else left
        self._takes += 1
        if self._takes >= _WATCHED_TAKES:
            self._takes = 0
            self._excess = self._least_left - _SPARE_SAMPLES
        if self._excess <= 0:
            return 0
        given = self._excess if self._excess > _GAP_SAMPLES else 1
        self._excess -= given
        return given

    def _copy(self, count: int) -> Samples:
        begin = self._read % len(self._ring)
        until_end = min(count, len(self._ring) - begin)
        copied = np.concatenate(
            (self._ring[begin : begin + until_end], self._ring[: count - until_end])
        )
        self._read += count
        return copied


class _Converter:
    """Changes the rate to 16 kHz, 0.8 ms late, with a windowed sinc for each phase.

    Not soxr: it keeps back 11 to 15 ms, for which the canceller would have to wait, and works on
    silence as hard as on sound. Measured, a block of 20 ms from 22.05 kHz: 60 us, silence 4 us.
    """

    def __init__(self, from_hz: int) -> None:
        common = gcd(from_hz, SAMPLE_RATE_HZ)
        self._up = SAMPLE_RATE_HZ // common
        self._down = from_hz // common
        ratio = min(1.0, SAMPLE_RATE_HZ / from_hz)
        half = int(np.ceil(_ZERO_CROSSINGS / ratio))
        self._taps = 1 if from_hz == SAMPLE_RATE_HZ else 2 * half
        self._filters = _sinc_filters(self._up, half, ratio)
        self._held: _Floats = np.zeros(self._taps - 1, np.float32)
        self._phase = 0
        """Where the next sample given lies after the last one taken whole, in `up`ths of an input sample."""

    def given_by(self, samples: int) -> int:
        """How many samples `convert` gives for `samples`."""
        return max(0, -((self._phase - samples * self._up) // self._down))

    def needed_for(self, count: int) -> int:
        """The fewest samples for which `convert` gives `count`."""
        return ((count - 1) * self._down + self._phase) // self._up + 1 if count else 0

    def convert(self, samples: Samples) -> Samples:
        """The next samples at 16 kHz."""
        count = self.given_by(len(samples))
        places = self._phase + self._down * np.arange(count)
        self._phase += self._down * count - self._up * len(samples)
        if self._taps == 1:
            return samples
        held = np.concatenate((self._held, samples.astype(np.float32)))
        self._held = held[len(samples) :]
        if count == 0 or not held.any():
            return np.zeros(count, np.int16)
        windows = np.lib.stride_tricks.sliding_window_view(held, self._taps)
        sound = np.einsum("ij,ij->i", windows[places // self._up], self._filters[places % self._up])
        converted: Samples = np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16)
        return converted


def _sinc_filters(phases: int, half: int, ratio: float) -> _Floats:
    """The low-pass of each phase, shape (phases, 2 * half), each with a gain of 1."""
    tap = np.arange(1 - half, half + 1)
    distance = tap[np.newaxis, :] - np.arange(phases)[:, np.newaxis] / phases
    inside = np.clip(1 - (distance / half) ** 2, 0, None)
    filters = np.sinc(distance * ratio * _PASS_BAND) * np.i0(_KAISER_BETA * np.sqrt(inside))
    scaled: _Floats = (filters / filters.sum(1, keepdims=True)).astype(np.float32)
    return scaled
