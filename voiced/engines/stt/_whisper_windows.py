"""How Whisper's sound is cut and padded, and when its answer is not believed. No model in here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.types import SAMPLE_RATE_HZ, Samples, Transcript

FULL_WINDOW_SAMPLES: Final = 30 * SAMPLE_RATE_HZ
"""What Whisper was trained on, and the most that it takes at once."""

PAD_SAMPLES: Final = SAMPLE_RATE_HZ
"""The silence kept behind the speech. Whisper learned the end of speech from the zeros behind it:
where they are missing it goes on inventing words."""

MIN_WINDOW_SAMPLES: Final = 4 * SAMPLE_RATE_HZ
"""A one-word answer gets this much: it costs the `base` encoder 23 ms on two cores (measured), and
the shorter the window, the further it is from anything Whisper was trained on."""

WINDOW_STEP_SAMPLES: Final = SAMPLE_RATE_HZ // 2
"""Windows are rounded up to it: the first run of every new length costs CTranslate2 a third more
(measured)."""

MAX_PIECE_SAMPLES: Final = FULL_WINDOW_SAMPLES - PAD_SAMPLES
"""The longest stretch of speech in one window; more is cut in pieces."""

_CUT_FROM_SAMPLES: Final = 20 * SAMPLE_RATE_HZ
_CUT_FRAME_SAMPLES: Final = SAMPLE_RATE_HZ // 10

MAX_TOKENS: Final = 224
"""Half of Whisper's text context: the most it writes for a window, as in OpenAI's own decoding."""

_TOKENS_BASE: Final = 16
_TOKENS_PER_SECOND: Final = 10
"""Fast English is 5 words a second at 1.3 tokens each. Scripts that need more tokens a word reach
the limit, and the full window, which has `MAX_TOKENS`, answers."""

MAX_COMPRESSION_RATIO: Final = 2.4
MIN_LOG_PROBABILITY: Final = -1.0
NO_SPEECH_PROBABILITY: Final = 0.6
"""The three thresholds of OpenAI's transcribe(): beyond them it decodes again, and where the last
two agree that nobody spoke it drops the window."""

_SILENCE_PEAK: Final = 16
"""Peaks below this (-66 dBFS) hold no speech of any microphone: the model would invent words."""

_CALIBRATION_MIDDLE: Final = -0.42
_CALIBRATION_SLOPE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one window gave. `is_cut_off`: the token limit ended it, not the model."""

    text: str
    tokens: int
    log_probability: float
    no_speech_probability: float
    compression_ratio: float
    is_cut_off: bool

    @property
    def is_silence(self) -> bool:
        """Whether nobody spoke, by OpenAI's rule."""
        return (
            self.no_speech_probability > NO_SPEECH_PROBABILITY
            and self.log_probability < MIN_LOG_PROBABILITY
        )

    @property
    def is_doubtful(self) -> bool:
        """Whether a short window may have gone wrong, so that the full one has to be asked."""
        if self.is_silence:
            return False
        return (
            self.is_cut_off
            or self.tokens == 0
            or self.compression_ratio > MAX_COMPRESSION_RATIO
            or self.log_probability < MIN_LOG_PROBABILITY
        )

    @property
    def confidence(self) -> float:
        """The probability that no word is wrong, 0..1.

        A logistic curve over the mean log-probability of a token, fitted with the test model
        `whisper-mini-synthetic` to 60 recordings (20 sentences of its grammar in 3 flite voices);
        on 300 that are mostly outside its grammar the fit is steeper (14 around -0.27). With
        OpenAI's models it is not measured. Sound that may not be speech is believed that much
        less, and text that ran away not at all.
        """
        if self.is_silence:
            return self.no_speech_probability
        if self.is_cut_off or self.compression_ratio > MAX_COMPRESSION_RATIO:
            return 0.0
        logit = _CALIBRATION_SLOPE * (self.log_probability - _CALIBRATION_MIDDLE)
        return (1.0 - self.no_speech_probability) / (1.0 + math.exp(-logit))


SILENCE: Final = Decoded("", 0, MIN_LOG_PROBABILITY * 2, 1.0, 0.0, is_cut_off=False)
"""What digital silence gives without asking the model."""


def better(short: Decoded, full: Decoded) -> Decoded:
    """The answer to keep where the short window's was doubtful: the one that looks better."""
    return short if _rank(short) > _rank(full) else full


def _rank(decoded: Decoded) -> tuple[bool, float]:
    ran_away = decoded.is_cut_off or decoded.compression_ratio > MAX_COMPRESSION_RATIO
    return (not ran_away and decoded.tokens > 0, decoded.log_probability)


def is_silent(samples: Samples) -> bool:
    """Whether `samples` are too quiet to hold speech at all."""
    if not len(samples):
        return True
    # In int32: the absolute value of -32768 does not fit into int16.
    return bool(np.abs(samples.astype(np.int32)).max() < _SILENCE_PEAK)


def window_samples(speech_samples: int) -> int:
    """How long a window `speech_samples` of speech need, padding included, at most the full one."""
    needed = max(speech_samples + PAD_SAMPLES, MIN_WINDOW_SAMPLES)
    steps = -(-needed // WINDOW_STEP_SAMPLES)
    return min(steps * WINDOW_STEP_SAMPLES, FULL_WINDOW_SAMPLES)


def token_limit(speech_samples: int) -> int:
    """The most tokens that `speech_samples` of speech can be."""
    limit = _TOKENS_BASE + _TOKENS_PER_SECOND * speech_samples // SAMPLE_RATE_HZ
    return min(limit, MAX_TOKENS)


def padded(samples: Samples, window: int) -> npt.NDArray[np.float32]:
    """`samples` as floats in -1..1, followed by zeros up to `window` samples."""
    sound = np.zeros(window, dtype=np.float32)
    sound[: len(samples)] = samples.astype(np.float32) / 32768.0
    return sound


def cut_point(samples: Samples) -> int:
    """Where to end the first piece of speech that is longer than `MAX_PIECE_SAMPLES`.

    The middle of the quietest 100 ms in the last third of a window, so that no word is cut in two.
    Depends on nothing behind `MAX_PIECE_SAMPLES`: a piece stays the same however long speech gets.
    """
    stretch = samples[_CUT_FROM_SAMPLES:MAX_PIECE_SAMPLES].astype(np.float64)
    frames = stretch[: len(stretch) // _CUT_FRAME_SAMPLES * _CUT_FRAME_SAMPLES]
    energies = np.square(frames.reshape(-1, _CUT_FRAME_SAMPLES)).sum(axis=1)
    return _CUT_FROM_SAMPLES + int(energies.argmin()) * _CUT_FRAME_SAMPLES + _CUT_FRAME_SAMPLES // 2


def joined(pieces: Sequence[Decoded]) -> Transcript:
    """The transcript of an utterance that was decoded in `pieces`."""
    spoken = [piece for piece in pieces if not piece.is_silence]
    if not spoken:
        quiet = min((piece.no_speech_probability for piece in pieces), default=1.0)
        return Transcript("", quiet, None, quiet)
    tokens = sum(piece.tokens + 1 for piece in spoken)
    return Transcript(
        text=" ".join(piece.text for piece in spoken if piece.text),
        confidence=math.prod(piece.confidence for piece in spoken),
        log_probability=sum(p.log_probability * (p.tokens + 1) for p in spoken) / tokens,
        no_speech_probability=min(piece.no_speech_probability for piece in spoken),
    )
