"""What every wake-word detector must do, as tests: subclass `WakeContract` and give it an engine.

    class TestMine(WakeContract):
        recordings = ("rms_okay_nabu.wav",)

        def make_engine(self) -> WakeWordDetector:
            return mine.build(mine.Options(models=("okay_nabu",)), BuildContext(...))

`recordings` are files of `tests/data/wake` on which it must wake; `quiet`, `say` and `say_otherwise`
may be overridden by what a fake takes for silence, for the phrase and for other words.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from voiced.engines.contracts import WakeWordDetector
from voiced.errors import ModelError
from voiced.types import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    AudioChunk,
    Detection,
    Samples,
    ms_to_samples,
)

WAKE_DIR = Path(__file__).resolve().parent.parent / "data" / "wake"


class Files:
    """A `ModelLocator` that knows no names, only files."""

    def path(self, model: str) -> Path:
        if not Path(model).is_file():
            message = f"there is no file {model}"
            raise ModelError(message)
        return Path(model)


@dataclass(frozen=True)
class Spoken:
    """A recording: its sound, the wake word in it ("" if none), and where that ends in it."""

    samples: Samples
    phrase: str
    phrase_end_ms: int | None


def read_wav(path: Path) -> Samples:
    """The samples of a 16 kHz mono 16-bit WAV."""
    with wave.open(str(path), "rb") as reader:
        assert reader.getparams()[:3] == (1, 2, SAMPLE_RATE_HZ), path
        return np.frombuffer(reader.readframes(reader.getnframes()), dtype=np.int16)


def load_spoken(file: str) -> Spoken:
    """A recording of `tests/data/wake`."""
    for entry in json.loads((WAKE_DIR / "manifest.json").read_text(encoding="utf-8")):
        if entry["file"] == file:
            return Spoken(read_wav(WAKE_DIR / file), entry["phrase"], entry["phrase_end_ms"])
    raise LookupError(file)


def quiet(duration_ms: int) -> Samples:
    """What a microphone gives in a quiet room: white noise at -70 dBFS."""
    noise = np.random.default_rng(1).standard_normal(ms_to_samples(duration_ms))
    return (noise * 10).astype(np.int16)


def detections(
    engine: WakeWordDetector, sound: Sequence[Samples], start_sample: int = 0
) -> list[Detection]:
    """What the engine reports while it hears `sound`, which it must leave as it is."""
    samples = np.concatenate(sound)
    samples.flags.writeable = False
    found = []
    for at in range(0, len(samples) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        chunk = AudioChunk(samples[at : at + BLOCK_SAMPLES], start_sample=start_sample + at)
        detection = engine.detect(chunk)
        if detection is not None:
            assert detection.end_sample == chunk.end_sample
            found.append(detection)
    return found


class WakeContract:
    """The contract of `WakeWordDetector`."""

    phrase: ClassVar[str] = "okay nabu"
    recordings: ClassVar[tuple[str, ...]] = ()
    latest_ms: ClassVar[int] = 400
    """How long after the phrase's last sound it may be reported."""

    def make_engine(self) -> WakeWordDetector:
        raise NotImplementedError

    def quiet(self, duration_ms: int) -> Samples:
        return quiet(duration_ms)

    def say(self) -> list[Spoken]:
        return [load_spoken(file) for file in self.recordings]

    def say_otherwise(self) -> list[Samples]:
        entries = json.loads((WAKE_DIR / "manifest.json").read_text(encoding="utf-8"))
        return [
            read_wav(WAKE_DIR / entry["file"])
            for entry in entries
            if entry["phrase"] != self.phrase
        ]

    @pytest.fixture
    def engine(self) -> Iterator[WakeWordDetector]:
        engine = self.make_engine()
        yield engine
        engine.close()

    def test_says_what_it_listens_for(self, engine: WakeWordDetector) -> None:
        assert [phrase.lower() for phrase in engine.phrases] == [self.phrase]

    def test_reports_each_utterance_once_and_in_time(self, engine: WakeWordDetector) -> None:
        for spoken in self.say():
            engine.reset()
            found = detections(engine, (self.quiet(1000), spoken.samples, self.quiet(2000)))
            assert [detection.phrase.lower() for detection in found] == [self.phrase]
            assert 0 < found[0].score <= 1
            if spoken.phrase_end_ms is not None:
                end_sample = ms_to_samples(1000 + spoken.phrase_end_ms)
                assert found[0].end_sample > end_sample - ms_to_samples(200)
                assert found[0].end_sample <= end_sample + ms_to_samples(self.latest_ms)

    def test_reports_every_utterance(self, engine: WakeWordDetector) -> None:
        spoken = self.say()[0].samples
        sound = (
            self.quiet(1000),
            spoken,
            self.quiet(2000),
            spoken,
            self.quiet(2000),
            spoken,
            self.quiet(1000),
        )
        assert len(detections(engine, sound)) == 3

    def test_other_words_do_not_wake(self, engine: WakeWordDetector) -> None:
        for samples in self.say_otherwise():
            assert detections(engine, (self.quiet(500), samples, self.quiet(500))) == []

    def test_silence_and_noise_do_not_wake(self, engine: WakeWordDetector) -> None:
        loud = np.random.default_rng(2).integers(-20_000, 20_000, ms_to_samples(3000))
        nothing = np.zeros(ms_to_samples(3000), dtype=np.int16)
        assert detections(engine, (nothing, loud.astype(np.int16), nothing)) == []

    def test_counts_samples_from_the_sources_start(self, engine: WakeWordDetector) -> None:
        sound = (self.quiet(1000), self.say()[0].samples, self.quiet(1000))
        at_zero = detections(engine, sound)
        engine.reset()
        later = detections(engine, sound, start_sample=10_000_000)
        assert [found.end_sample - 10_000_000 for found in later] == [
            found.end_sample for found in at_zero
        ]

    def test_is_as_new_after_a_reset(self, engine: WakeWordDetector) -> None:
        spoken = self.say()[0].samples
        sound = (self.quiet(1000), spoken, self.quiet(1000))
        fresh = detections(engine, sound)
        assert fresh
        engine.reset()
        assert detections(engine, sound) == fresh

    def test_forgets_half_a_phrase_on_reset(self, engine: WakeWordDetector) -> None:
        spoken = self.say()[0].samples
        # Cut in the middle of the sound: neither half is the phrase.
        loud = np.flatnonzero(np.abs(spoken.astype(np.int32)) > 1000)
        middle = int(loud[0] + loud[-1]) // 2
        assert detections(engine, (self.quiet(1000), spoken[:middle])) == []
        engine.reset()
        assert detections(engine, (spoken[middle:], self.quiet(1000))) == []
