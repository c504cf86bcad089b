"""From a recording to figures. Pure: nothing here knows how the recording came about.

A track is one channel of the simulated card's recording, 16 kHz. Sound is what is louder than
`AUDIBLE_DBFS` in a frame of 5 ms: in the assistant's channel there is nothing but what it said, so
the threshold only has to lie above the hiss of a voice and below its softest onset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from voiced.types import SAMPLE_RATE_HZ, Samples, ms_to_samples, samples_to_ms

AUDIBLE_DBFS: Final = -50.0

_FRAME_SAMPLES: Final = SAMPLE_RATE_HZ * 5 // 1000
_FULL_SCALE: Final = 32_768.0

_SPEECH_RANGE_DB: Final = 35.0
"""How far below its loudest frame speech is still speech: the last "s" or "f" of a sentence lies 25 to
35 dB below its vowels."""

_ABOVE_NOISE_DB: Final = 10.0
_LEAST_RANGE_DB: Final = 20.0
_QUIETEST_SHARE: Final = 5
"""The percentile of a recording's frames that is taken for its background."""

_ACTIVE_RANGE_DB: Final = 30.0


def levels_dbfs(track: Samples) -> npt.NDArray[np.float64]:
    """The RMS level of each frame of 5 ms, shape (frames,); -inf for digital silence."""
    frames = len(track) // _FRAME_SAMPLES
    wide = track[: frames * _FRAME_SAMPLES].astype(np.float64).reshape(frames, _FRAME_SAMPLES)
    rms = np.sqrt((wide**2).mean(axis=1)) / _FULL_SCALE
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(rms))


def speech_bounds(sound: Samples) -> tuple[int, int]:
    """Where speech begins and ends in a recording of one sentence, in samples; (0, 0) for silence.

    It is speech from the first to the last frame that is within 35 dB of the loudest one, and 10 dB above
    the background where a recording has any.
    """
    levels = levels_dbfs(sound)
    if len(levels) == 0 or not np.isfinite(levels.max()):
        return 0, 0
    loudest = float(levels.max())
    background = float(np.percentile(np.maximum(levels, -120), _QUIETEST_SHARE))
    # A recording that is cut to its speech has no background: its quietest frames are speech.
    noise = min(background + _ABOVE_NOISE_DB, loudest - _LEAST_RANGE_DB)
    is_speech = np.flatnonzero(levels >= max(loudest - _SPEECH_RANGE_DB, noise))
    return int(is_speech[0]) * _FRAME_SAMPLES, (int(is_speech[-1]) + 1) * _FRAME_SAMPLES


def active_dbfs(sound: Samples) -> float:
    """The level of the frames that are within 30 dB of the loudest: of the speech, not of its gaps."""
    levels = levels_dbfs(sound)
    active = levels[levels >= levels.max(initial=-np.inf) - _ACTIVE_RANGE_DB]
    active = active[np.isfinite(active)]
    return float(10 * np.log10(np.mean(10 ** (active / 10)))) if len(active) else -np.inf


def at_level(sound: Samples, level_dbfs: float) -> Samples:
    """`sound` made so loud that `active_dbfs` of it is `level_dbfs`; peaks are clipped."""
    factor = 10 ** ((level_dbfs - active_dbfs(sound)) / 20)
    louder: Samples = np.clip(np.rint(sound * factor), -_FULL_SCALE, _FULL_SCALE - 1).astype(
        np.int16
    )
    return louder


def first_sound(track: Samples, begin: int, end: int | None = None) -> int | None:
    """The sample at which the first sound in `track[begin:end]` begins; None where there is none."""
    loud = np.flatnonzero(levels_dbfs(track[begin:end]) > AUDIBLE_DBFS)
    return begin + int(loud[0]) * _FRAME_SAMPLES if len(loud) else None


def sounds(track: Samples, begin: int, end: int | None, *, gap_ms: float) -> list[tuple[int, int]]:
    """The stretches of sound in `track[begin:end]`; silences shorter than `gap_ms` belong to them."""
    loud = np.flatnonzero(levels_dbfs(track[begin:end]) > AUDIBLE_DBFS)
    if len(loud) == 0:
        return []
    gap_frames = ms_to_samples(gap_ms) // _FRAME_SAMPLES
    cuts = np.flatnonzero(np.diff(loud) > gap_frames)
    firsts = [loud[0], *loud[cuts + 1]]
    lasts = [*loud[cuts], loud[-1]]
    return [
        (begin + int(first) * _FRAME_SAMPLES, begin + (int(last) + 1) * _FRAME_SAMPLES)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def silent_after(track: Samples, onset: int, end: int, *, gap_ms: float) -> int | None:
    """Where the sound that goes on at `onset` stops for at least `gap_ms`, before `end`.

    `onset` itself where it is silent there for as long already; None where it does not stop.
    """
    going_on = sounds(track, onset, end, gap_ms=gap_ms)
    if not going_on or going_on[0][0] - onset > ms_to_samples(gap_ms):
        return onset
    last = going_on[0][1]
    return last if end - last >= ms_to_samples(gap_ms) else None


def audible_ms(track: Samples, begin: int, end: int | None = None) -> float:
    """How much of `track[begin:end]` is sound."""
    loud = int(np.count_nonzero(levels_dbfs(track[begin:end]) > AUDIBLE_DBFS))
    return samples_to_ms(loud * _FRAME_SAMPLES)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of `values` that at least `percent` of them do not exceed; None without values.

    The nearest-rank percentile: always a value that was measured.
    """
    if not values:
        return None
    return float(np.percentile(values, percent, method="inverted_cdf"))


def median(values: Sequence[float]) -> float | None:
    """`percentile` at 50."""
    return percentile(values, 50)
