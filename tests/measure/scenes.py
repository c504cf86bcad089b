"""Recordings as a microphone might hear them, and which of their samples are speech."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from voiced.types import SAMPLE_RATE_HZ, Samples

Sound = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FRAME: Final = 160
"""10 ms: the grid on which speech is labelled."""

BEFORE: Final = SAMPLE_RATE_HZ
AFTER: Final = SAMPLE_RATE_HZ * 3 // 2
"""The silence around each utterance, in samples."""

SPEECH_DBFS: Final = -26


def load(path: Path) -> Sound:
    sound, rate_hz = soundfile.read(path, dtype="float64")
    assert rate_hz == SAMPLE_RATE_HZ, path
    return np.asarray(sound)


def to_int16(sound: Sound) -> Samples:
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def runs(flags: Flags) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def level_db(sound: Sound) -> Sound:
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    smooth = np.convolve(10 * np.log10((frames**2).mean(1) + 1e-10), (0.25, 0.5, 0.25), "same")
    return np.asarray(smooth)


def speech_frames(sound: Sound) -> Flags | None:
    """Which frames of 10 ms are speech; None where the recording is too noisy to say."""
    level = level_db(sound)
    floor, peak = np.percentile(level, 10), np.percentile(level, 98)
    if peak - floor < 28:
        return None
    speech: Flags = level > max(floor + 12, peak - 32)
    for start, end in runs(speech):
        speech[start:end] = end - start >= 5
    for start, end in runs(~speech):
        speech[start:end] = start > 0 and end < len(speech) and end - start < 20
    for start, end in runs(speech):
        # A breath or a click of the lips, far below the speech, is none.
        speech[start:end] = level[start:end].max() >= peak - 18
    return speech if speech.any() else None


@dataclass
class Scene:
    """All utterances one after the other; `spans` are the samples from first to last speech."""

    sound: Sound
    speech: Flags
    spans: list[tuple[int, int]]


def make_scene(files: Iterable[Path]) -> Scene:
    sounds, flags, spans, now = [], [], [], 0
    for file in files:
        sound = load(file)
        if file.parent.name == "commands" and not file.name.startswith("person"):
            # The synthesiser begins with a burst that is no speech.
            sound[:800] *= np.linspace(0, 1, 800) ** 4
        speech = speech_frames(sound)
        if speech is None:
            continue
        sound = sound[: len(speech) * FRAME]
        active = np.sqrt((sound[np.repeat(speech, FRAME)] ** 2).mean())
        sounds += [np.zeros(BEFORE), sound * 10 ** (SPEECH_DBFS / 20) / active, np.zeros(AFTER)]
        flags += [np.zeros(BEFORE // FRAME), speech, np.zeros(AFTER // FRAME)]
        where = np.flatnonzero(speech)
        now += BEFORE
        spans.append((now + int(where[0]) * FRAME, now + int(where[-1] + 1) * FRAME))
        now += len(sound) + AFTER
    return Scene(np.concatenate(sounds), np.concatenate(flags).astype(bool), spans)


def convolved(sound: Sound, impulse: Sound) -> Sound:
    """`sound` in a room, aligned to the direct sound."""
    length = len(sound) + len(impulse)
    size = 1 << (length - 1).bit_length()
    impulse = impulse / np.sqrt((impulse**2).sum())
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(impulse, size), size)
    return np.asarray(wet[int(np.abs(impulse).argmax()) :][: len(sound)])


def heard(sound: Sound, folder: Path, snr_db: int | None, impulse: str) -> Samples:
    """`sound`, whose speech is at `SPEECH_DBFS`, as a microphone hears it."""
    if impulse:
        sound = convolved(sound, load(folder / "room" / impulse))
    if snr_db is None:
        noise = np.random.default_rng(1).standard_normal(len(sound))
        return to_int16(sound + noise * 10 ** (-70 / 20))
    noise = np.resize(load(folder / "room" / "kitchen_noise.flac"), len(sound))
    gain = 10 ** ((SPEECH_DBFS - snr_db) / 20) / np.sqrt((noise**2).mean())
    return to_int16(sound + noise * gain)
