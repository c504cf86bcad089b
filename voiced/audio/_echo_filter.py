"""The linear half of echo cancellation: learns the way from the speaker to the microphone and subtracts.

WebRTC's canceller mutes what it is not sure of, and with it a person who is as loud as the echo. Behind
this filter it has little left to mute.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.types import BLOCK_SAMPLES, Samples

_PARTITIONS: Final = 20
"""Blocks of the impulse response: 400 ms, of which devices use up 60 to 200 before the first sound."""

_FORGETTING: Final = 0.9995
"""How much of what was learned holds a block later: a person walks through the room within seconds."""

_FIRST_UNCERTAINTY: Final = 0.1
"""The variance of the first partition before anything is known: with more, an echo 20 dB softer than the
speaker is overestimated for seconds, with less one as loud is learned too slowly."""

_UNCERTAINTY_DECAY_DB: Final = 0.5
"""How much less is expected of each partition than of the one before: echoes die away. (Measured: 1 to 3 dB
more are removed in the first two seconds.)"""

_NOISE_SMOOTHING: Final = 0.5
"""How slowly what is not echo is followed, block by block; slower tears the filter at a person's onset."""

Floats = npt.NDArray[np.float32]


class EchoFilter:
    """A Kalman filter for each frequency and each block of the impulse response.

    From Enzner and Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free
    telephones" (Signal Processing 86, 2006), with the response in partitions. The step size
    follows from how uncertain it is and how loud everything else is: a person who speaks does not
    mislead it. Measured here: 130 us a block of 20 ms; 10 dB of echo removed after two seconds of
    speech, 25 to 33 dB after twelve.
    """

    def __init__(self) -> None:
        """Begin knowing nothing of the room."""
        shape = (_PARTITIONS, BLOCK_SAMPLES + 1)
        self._far = np.zeros(shape, np.complex64)
        self._response = np.zeros(shape, np.complex64)
        decay = 10 ** (-_UNCERTAINTY_DECAY_DB / 10 * np.arange(_PARTITIONS))
        self._uncertainty = np.empty(shape, np.float32)
        self._uncertainty[:] = _FIRST_UNCERTAINTY * decay[:, np.newaxis]
        self._rest_power = np.full(BLOCK_SAMPLES + 1, 1e3, np.float32)
        self._before: Floats = np.zeros(BLOCK_SAMPLES, np.float32)

    def process(self, heard: Samples, played: Samples) -> tuple[Floats, Floats]:
        """A block without its echo, and the echo as estimated; both in units of 16-bit samples.

        `heard` and `played` are blocks of `BLOCK_SAMPLES`; what is played now may be heard up to 380
        ms later, and not earlier.
        """
        now = played.astype(np.float32)
        if not now.any() and not self._far.any():
            return heard.astype(np.float32), np.zeros(BLOCK_SAMPLES, np.float32)
        self._far[1:] = self._far[:-1]
        self._far[0] = _spectrum(np.concatenate((self._before, now)))
        self._before = now
        echo: Floats = _samples((self._far * self._response).sum(0))[BLOCK_SAMPLES:]
        rest = heard - echo
        self._learn(_spectrum(np.concatenate((np.zeros_like(echo), rest))))
        return rest, echo

    def _learn(self, rest: npt.NDArray[np.complex64]) -> None:
        far_power = np.square(self._far.real) + np.square(self._far.imag)
        rest_power = np.square(rest.real) + np.square(rest.imag)
        self._rest_power += np.float32(1 - _NOISE_SMOOTHING) * (rest_power - self._rest_power)
        # Half of each transform is zeros, which halves what it tells of the response.
        expected = (self._uncertainty * far_power).sum(0) / 2 + 2 * self._rest_power
        gain = self._uncertainty / (expected + np.float32(1e-3))
        step = np.fft.irfft(gain * np.conj(self._far) * rest, axis=1)
        step[:, BLOCK_SAMPLES:] = 0
        response_power = np.square(self._response.real) + np.square(self._response.imag)
        keep = np.float32(_FORGETTING)
        self._uncertainty *= keep**2 * (1 - gain * far_power / 2)
        self._uncertainty += (1 - keep**2) * response_power + np.float32(1e-10)
        self._response += np.fft.rfft(step, axis=1)
        self._response *= keep


def _spectrum(samples: Floats) -> npt.NDArray[np.complex64]:
    return np.fft.rfft(samples, norm="ortho").astype(np.complex64, copy=False)


def _samples(spectrum: npt.NDArray[np.complex64]) -> Floats:
    return np.fft.irfft(spectrum, norm="ortho").astype(np.float32, copy=False)
