"""The people who talk to the assistant: synthetic voices, or recordings that a user brings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np
import platformdirs

from voiced.audio.resample import StreamResampler
from voiced.audio.wavfile import SoundReader
from voiced.bench_turns.lines import Line
from voiced.bench_turns.scoring import at_level, speech_bounds
from voiced.engines import registry
from voiced.engines.contracts import BuildContext, TextToSpeech
from voiced.errors import InputError, InputMissingError
from voiced.models import ModelStore
from voiced.types import SAMPLE_RATE_HZ, Samples

SPEECH_DBFS: Final = -26.0
"""How loud a person's speech is at the microphone: what ITU-T P.56 calls the nominal active level."""

_SUFFIXES: Final = (".wav", ".flac")


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A line as it was said: 16 kHz, from its first sound to its last (`speech_bounds`)."""

    text: str
    voice: str
    parts: tuple[Samples, ...]
    """The sound; where the person hesitates, between the parts."""

    @property
    def samples(self) -> Samples:
        """The sound without hesitation."""
        return np.concatenate(self.parts)


class Cast:
    """Speaks lines in the script's voices; each voice is loaded when it is first needed.

    It closes them when it is left.
    """

    def __init__(self, voices: Mapping[str, Mapping[str, Any]], language: str) -> None:
        """`voices` as in `Script`."""
        self._descriptions = voices
        self._voices: dict[str, TextToSpeech] = {}
        self._context = BuildContext(
            ModelStore(), platformdirs.user_cache_path("voiced"), language, threads=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for voice in self._voices.values():
            voice.close()
        self._voices.clear()

    def say(self, line: Line) -> Spoken:
        """Raises `ModelError` where a voice is missing."""
        parts = [self._cut(line.voice, part) for part in line.parts]
        levelled = at_level(np.concatenate(parts), SPEECH_DBFS)
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return Spoken(line.text, line.voice, tuple(np.split(levelled, ends)))

    def _cut(self, name: str, text: str) -> Samples:
        sound = synthesised(self._voice(name), text)
        begin, end = speech_bounds(sound)
        return sound[begin:end]

    def _voice(self, name: str) -> TextToSpeech:
        if name not in self._voices:
            options = dict(self._descriptions[name])
            engine = options.pop("engine")
            typed = msgspec.convert(options, registry.options_type("tts", engine))
            self._voices[name] = registry.build("tts", engine, typed, self._context)
        return self._voices[name]


def synthesised(voice: TextToSpeech, text: str) -> Samples:
    """The sound of `text` at 16 kHz."""
    sound = np.concatenate([chunk.samples for chunk in voice.synthesize(text)])
    resampler = StreamResampler(voice.rate_hz, SAMPLE_RATE_HZ, low_delay=False)
    return np.concatenate([resampler.process(sound), resampler.flush()])


def recorded(folder: Path) -> list[Spoken]:
    """The recordings in `folder` (WAV or FLAC), each with its text in a `.txt` of the same name.

    They keep their own loudness. Raises `InputMissingError` or `InputError` where there is no such
    folder, no recording in it, or no text beside one.
    """
    if not folder.is_dir():
        raise InputMissingError(f"there is no folder {folder}")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(f"there is no .wav or .flac file in {folder}")
    return [_recording(path) for path in files]


def _recording(path: Path) -> Spoken:
    beside = path.with_suffix(".txt")
    try:
        text = " ".join(beside.read_text(encoding="utf-8").split())
    except FileNotFoundError as error:
        raise InputMissingError(f"{path} needs {beside.name} beside it, with its text") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {beside}: {error}") from error
    with closing(SoundReader(path)) as reader:
        sound = np.concatenate(list(reader.pieces()))
    begin, end = speech_bounds(sound)
    if begin == end:
        raise InputError(f"{path} is silent")
    return Spoken(text, path.stem, (sound[begin:end],))
