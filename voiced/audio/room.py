"""A simulated room: how a microphone hears the loudspeaker beside it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Samples, ms_to_samples

_DIRECT_TO_REVERBERANT_DB: Final = 3.0
"""How much louder the direct sound is than all that comes from the walls: a loudspeaker within a metre."""

_FIRST_REFLECTION_MS: Final = 1.5
"""When the walls begin to answer: from a table or a wall a quarter of a metre away."""

_Floats = npt.NDArray[np.float32]


class Room:
    """Streams the echo of what is played, block by block.

    The impulse response is a direct path and noise that decays exponentially behind it (Moorer, "About
    This Reverberation Business", 1979: the ear hears little difference to a concert hall).
    """

    def __init__(
        self,
        rt60_s: float,
        echo_db: float,
        delay_ms: float = 60.0,
        seed: int = 0,
        *,
        noise_dbfs: float | None = None,
    ) -> None:
        """`rt60_s`: how long it takes to decay by 60 dB; 0 has no walls.

        The echo is `echo_db` louder (negative: softer) than what is played, as energies, and comes
        `delay_ms` later, which is the devices' own delay and the way through the air. White noise
        of `noise_dbfs` is added where given. The same `seed` gives the same room and noise.
        """
        random = np.random.default_rng(seed)
        impulse = _impulse_response(rt60_s, random) * np.float32(10 ** (echo_db / 20))
        delay = ms_to_samples(delay_ms)
        self._size = 1 << (len(impulse) + BLOCK_SAMPLES - 1).bit_length()
        self._spectrum = np.fft.rfft(impulse, self._size)
        self._tail: _Floats = np.zeros(delay + self._size, np.float32)
        self._delay = delay
        self._random = random
        self._noise = 0.0 if noise_dbfs is None else 32_768 * 10 ** (noise_dbfs / 20)

    def echo(self, played: Samples) -> _Floats:
        """What the microphone hears while `played` (at most a block) is being played; not clipped.

        In units of 16-bit samples, as long as `played`.
        """
        if played.any():
            wet = np.fft.irfft(np.fft.rfft(played, self._size) * self._spectrum, self._size)
            self._tail[self._delay :] += wet.astype(np.float32)
        heard = self._tail[: len(played)].copy()
        self._tail[: -len(played)] = self._tail[len(played) :]
        self._tail[-len(played) :] = 0
        if self._noise:
            heard += self._random.standard_normal(len(played), np.float32) * np.float32(self._noise)
        return heard


def microphone(person: Samples, echo: _Floats) -> Samples:
    """What reaches a microphone that hears both, clipped to 16 bits."""
    heard: Samples = np.clip(np.rint(person + echo), -32_768, 32_767).astype(np.int16)
    return heard


def _impulse_response(rt60_s: float, random: np.random.Generator) -> _Floats:
    """From the direct sound on, of energy 1."""
    first = ms_to_samples(_FIRST_REFLECTION_MS)
    length = first + round(rt60_s * SAMPLE_RATE_HZ)
    decay = 10.0 ** (-3 * np.arange(length - first) / max(rt60_s * SAMPLE_RATE_HZ, 1))
    impulse = np.zeros(length)
    impulse[first:] = random.standard_normal(length - first) * decay
    if rt60_s:
        impulse *= 10 ** (-_DIRECT_TO_REVERBERANT_DB / 20) / np.sqrt((impulse**2).sum())
    impulse[0] = 1
    scaled: _Floats = (impulse / np.sqrt((impulse**2).sum())).astype(np.float32)
    return scaled
