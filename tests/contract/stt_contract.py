"""What every speech-to-text engine must do, as tests: subclass `SttContract` and give it an engine.

    class TestMine(SttContract):
        texts = ("what time is it",)

        @classmethod
        def make_engine(cls, cache_dir: Path) -> SpeechToText:
            return mine.build(mine.Options(), BuildContext(...))

`texts` are sentences of `tests/data/speech/manifest.json` that the engine is expected to understand word
for word in `voice`; `has_partials` says whether `partial` grows, or is always "". `cache_dir` is the same
folder for all tests of a class.
"""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from voiced.engines.contracts import SpeechToText, SttSession
from voiced.types import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    AudioChunk,
    Samples,
    Transcript,
    ms_to_samples,
)

SPEECH_DIR = Path(__file__).resolve().parent.parent / "data" / "speech"


@dataclass(frozen=True)
class Spoken:
    """A recording of the test data and its words."""

    text: str
    voice: str
    samples: Samples


def load_spoken(text: str, voice: str) -> Spoken:
    """The recording of `text` in `voice`, from the test data."""
    for entry in json.loads((SPEECH_DIR / "manifest.json").read_text(encoding="utf-8")):
        if entry["text"] == text and entry["voice"] == voice:
            return Spoken(text, voice, read_wav(SPEECH_DIR / entry["file"]))
    raise LookupError(f"no recording of {text!r} in {voice}")


def read_wav(path: Path) -> Samples:
    """The samples of a 16 kHz mono 16-bit WAV."""
    with wave.open(str(path), "rb") as reader:
        assert reader.getparams()[:3] == (1, 2, SAMPLE_RATE_HZ), path
        return np.frombuffer(reader.readframes(reader.getnframes()), dtype=np.int16)


def words(text: str) -> list[str]:
    """The words of `text` without case and punctuation, so that engines' spellings compare."""
    return re.sub(r"[^a-z0-9' ]+", " ", text.lower()).split()


def feed(session: SttSession, samples: Samples, sizes: tuple[int, ...] = (BLOCK_SAMPLES,)) -> None:
    """Feed `samples` in chunks whose lengths go round through `sizes`."""
    start = 0
    turn = 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        session.feed(AudioChunk(samples[start : start + size], start_sample=start))
        start += size
        turn += 1


def transcribe(
    engine: SpeechToText, samples: Samples, sizes: tuple[int, ...] = (BLOCK_SAMPLES,)
) -> Transcript:
    """One whole utterance."""
    session = engine.open()
    try:
        feed(session, samples, sizes)
        return session.transcript()
    finally:
        session.close()


def native_threads() -> int:
    """How many threads the process has, those of native libraries included (Linux)."""
    return len(list(Path("/proc/self/task").iterdir()))


def check_ranges(transcript: Transcript) -> None:
    assert transcript.text == transcript.text.strip()
    assert 0.0 <= transcript.confidence <= 1.0
    assert 0.0 <= transcript.no_speech_probability <= 1.0
    assert transcript.log_probability is None or transcript.log_probability <= 0.0


class SttContract:
    """The tests. Not collected by itself: its name does not begin with `Test`."""

    voice: ClassVar[str] = "slt"
    texts: ClassVar[tuple[str, ...]] = ("what time is it",)
    has_partials: ClassVar[bool] = True

    @classmethod
    def make_engine(cls, cache_dir: Path) -> SpeechToText:
        raise AssertionError("a subclass makes its engine")

    @pytest.fixture(scope="class")
    @classmethod
    def cache_dir(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("stt-cache")

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, cache_dir: Path) -> Iterator[SpeechToText]:
        engine = cls.make_engine(cache_dir)
        yield engine
        engine.close()

    @pytest.fixture(scope="class")
    @classmethod
    def spoken(cls) -> Spoken:
        return cls.load(cls.texts[0])

    @classmethod
    def load(cls, text: str) -> Spoken:
        """The recording of `text`; an engine that hears something else than speech brings its own."""
        return load_spoken(text, cls.voice)

    def test_understands_every_sentence(self, engine: SpeechToText) -> None:
        for text in self.texts:
            heard = transcribe(engine, self.load(text).samples)
            check_ranges(heard)
            assert words(heard.text) == words(text)

    def test_is_more_confident_of_speech_than_of_noise(
        self, engine: SpeechToText, spoken: Spoken
    ) -> None:
        noise = np.random.default_rng(1).normal(0, 800, 2 * SAMPLE_RATE_HZ).astype(np.int16)
        understood = transcribe(engine, spoken.samples)
        misheard = transcribe(engine, noise)
        check_ranges(misheard)
        assert misheard.text == "" or misheard.confidence < understood.confidence

    @pytest.mark.parametrize("looks_ms", [(500,), (700, 720, 1000), tuple(range(200, 2000, 160))])
    def test_going_on_after_a_look_hears_the_same(
        self, engine: SpeechToText, spoken: Spoken, looks_ms: tuple[int, ...]
    ) -> None:
        session = engine.open()
        start = 0
        for end in (min(ms_to_samples(look), len(spoken.samples)) for look in looks_ms):
            feed(session, spoken.samples[start:end])
            check_ranges(session.transcript())
            start = end
        feed(session, spoken.samples[start:])
        heard = session.transcript()
        session.close()
        assert words(heard.text) == words(spoken.text)

    def test_a_second_look_gives_the_same(self, engine: SpeechToText, spoken: Spoken) -> None:
        session = engine.open()
        for half in np.array_split(spoken.samples, 2):
            feed(session, half)
            assert session.transcript() == session.transcript()
        session.close()

    def test_a_pause_and_more(self, engine: SpeechToText, spoken: Spoken) -> None:
        hush = np.random.default_rng(3).normal(0, 5, SAMPLE_RATE_HZ // 5).astype(np.int16)
        session = engine.open()
        feed(session, np.concatenate([spoken.samples, hush]))
        assert words(session.transcript().text) == words(spoken.text)
        feed(session, hush)
        assert words(session.transcript().text) == words(spoken.text)
        session.close()

    def test_partial_grows(self, engine: SpeechToText, spoken: Spoken) -> None:
        session = engine.open()
        heard = [session.partial()]
        for start in range(0, len(spoken.samples), BLOCK_SAMPLES * 5):
            feed(session, spoken.samples[start : start + BLOCK_SAMPLES * 5])
            heard.append(session.partial())
            assert session.partial() == heard[-1]
        whole = session.transcript()
        session.close()
        assert words(whole.text) == words(spoken.text)
        assert heard[0] == ""
        if self.has_partials:
            assert len(set(heard)) > 2
        else:
            assert set(heard) == {""}

    @pytest.mark.parametrize("sizes", [(1, 319, 321, 7, 1601), (479,), (10_000_000,)])
    def test_any_chunk_length(
        self, engine: SpeechToText, spoken: Spoken, sizes: tuple[int, ...]
    ) -> None:
        assert words(transcribe(engine, spoken.samples, sizes).text) == words(spoken.text)

    def test_empty_chunks_and_read_only_samples(self, engine: SpeechToText, spoken: Spoken) -> None:
        frozen = spoken.samples.copy()
        frozen.setflags(write=False)
        session = engine.open()
        session.feed(AudioChunk(np.zeros(0, dtype=np.int16)))
        feed(session, frozen)
        session.feed(AudioChunk(np.zeros(0, dtype=np.int16)))
        assert words(session.transcript().text) == words(spoken.text)
        session.close()

    def test_strided_samples(self, engine: SpeechToText, spoken: Spoken) -> None:
        stereo = np.repeat(spoken.samples[:, None], 2, axis=1)
        assert words(transcribe(engine, stereo[:, 0]).text) == words(spoken.text)

    def test_nothing_fed(self, engine: SpeechToText) -> None:
        session = engine.open()
        assert session.partial() == ""
        empty = session.transcript()
        session.close()
        check_ranges(empty)
        assert empty.text == ""

    @pytest.mark.parametrize("length", [1, 100, 400, 1600])
    def test_a_scrap_of_sound(self, engine: SpeechToText, spoken: Spoken, length: int) -> None:
        check_ranges(transcribe(engine, spoken.samples[:length]))

    def test_silence_is_no_words(self, engine: SpeechToText) -> None:
        heard = transcribe(engine, np.zeros(3 * SAMPLE_RATE_HZ, dtype=np.int16))
        check_ranges(heard)
        assert heard.text == "" or heard.confidence < 0.5

    def test_loudest_possible_sound(self, engine: SpeechToText) -> None:
        signs = np.random.default_rng(2).integers(0, 2, SAMPLE_RATE_HZ)
        check_ranges(transcribe(engine, (signs * 65535 - 32768).astype(np.int16)))

    def test_several_sessions_in_a_row_hear_the_same(
        self, engine: SpeechToText, spoken: Spoken
    ) -> None:
        for _ in range(3):
            assert words(transcribe(engine, spoken.samples).text) == words(spoken.text)

    def test_abandoned_session_leaves_no_trace(self, engine: SpeechToText, spoken: Spoken) -> None:
        engine.open().close()
        session = engine.open()
        feed(session, spoken.samples[: len(spoken.samples) // 2])
        session.transcript()
        session.close()
        session.close()
        assert words(transcribe(engine, spoken.samples).text) == words(spoken.text)

    def test_close_frees(self, cache_dir: Path) -> None:
        self.make_engine(cache_dir).close()
        before = native_threads()
        for _ in range(2):
            self.make_engine(cache_dir).close()
        assert native_threads() <= before

    def test_close_with_an_open_session(self, cache_dir: Path, spoken: Spoken) -> None:
        engine = self.make_engine(cache_dir)
        session = engine.open()
        feed(session, spoken.samples)
        session.close()
        engine.close()
