"""What every voice activity detector must do, as tests: subclass `VadContract` and give it an engine.

    class TestMine(VadContract):
        def make_engine(self) -> VoiceActivityDetector:
            return mine.build(mine.Options(), BuildContext(...))

`speech` may be overridden by what a fake takes for speech: about a second or more, with no pause in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from tests.contract.wake_contract import WAKE_DIR, read_wav
from voiced.engines.contracts import VoiceActivityDetector
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples, ms_to_samples

RECORDING = "awb_turn_off_the_kitchen_lights.wav"
"""Speech from 0.20 to 1.88 s, says the synthesiser."""


def silence(duration_ms: int) -> Samples:
    return np.zeros(ms_to_samples(duration_ms), dtype=np.int16)


def hiss(duration_ms: int, seed: int = 0) -> Samples:
    """What a microphone gives in a quiet room: white noise at -60 dBFS."""
    noise = np.random.default_rng(seed).standard_normal(ms_to_samples(duration_ms))
    return (noise * 32).astype(np.int16)


def listen(engine: VoiceActivityDetector, samples: Samples) -> npt.NDArray[np.float64]:
    """The probability of each whole block of `samples`, which the engine must leave as they are."""
    frozen = samples.copy()
    frozen.flags.writeable = False
    starts = range(0, len(frozen) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    chunks = (AudioChunk(frozen[at : at + BLOCK_SAMPLES], start_sample=at) for at in starts)
    return np.array([engine.probability(chunk) for chunk in chunks])


def blocks(duration_ms: int) -> int:
    return ms_to_samples(duration_ms) // BLOCK_SAMPLES


class VadContract:
    """The contract of `VoiceActivityDetector`."""

    def make_engine(self) -> VoiceActivityDetector:
        raise NotImplementedError

    def speech(self) -> Samples:
        start, end = ms_to_samples(220), ms_to_samples(1880)
        return read_wav(WAKE_DIR / RECORDING)[start:end]

    @pytest.fixture
    def engine(self) -> Iterator[VoiceActivityDetector]:
        engine = self.make_engine()
        yield engine
        engine.close()

    @pytest.mark.parametrize("level", [0, 1, 1000, 32767])
    def test_answers_with_a_probability_at_every_level(
        self, engine: VoiceActivityDetector, level: int
    ) -> None:
        square = np.where(np.arange(ms_to_samples(1000)) // 20 % 2, level, -level)
        answers = listen(engine, square.astype(np.int16))
        assert np.isfinite(answers).all()
        assert answers.min() >= 0
        assert answers.max() <= 1

    def test_silence_is_no_speech(self, engine: VoiceActivityDetector) -> None:
        assert listen(engine, silence(3000)).max() < 0.3

    def test_hears_most_of_what_is_said(self, engine: VoiceActivityDetector) -> None:
        listen(engine, silence(500))
        answers = listen(engine, self.speech())
        assert (answers >= 0.6).mean() > 0.8

    def test_hears_speech_within_a_syllable(self, engine: VoiceActivityDetector) -> None:
        listen(engine, silence(1000))
        answers = listen(engine, self.speech())
        assert np.flatnonzero(answers >= 0.6)[0] < blocks(200)

    def test_hears_speech_that_begins_at_once(self, engine: VoiceActivityDetector) -> None:
        answers = listen(engine, self.speech())
        assert np.flatnonzero(answers >= 0.6)[0] < blocks(300)

    def test_hears_speech_after_a_long_silence(self, engine: VoiceActivityDetector) -> None:
        listen(engine, hiss(30_000))
        answers = listen(engine, self.speech())
        assert (answers >= 0.6).mean() > 0.8

    def test_notices_that_speech_has_ended(self, engine: VoiceActivityDetector) -> None:
        listen(engine, self.speech())
        answers = listen(engine, silence(1000))
        assert answers[blocks(300) :].max() < 0.45

    def test_is_as_new_after_a_reset(self, engine: VoiceActivityDetector) -> None:
        sound = np.concatenate((silence(210), self.speech(), silence(210)))
        fresh = listen(engine, sound)
        # Not a whole number of blocks or windows: what is left over must be forgotten as well.
        engine.reset()
        listen(engine, sound[: ms_to_samples(900)])
        engine.reset()
        assert np.array_equal(listen(engine, sound), fresh)

    def test_two_engines_answer_alike(self, engine: VoiceActivityDetector) -> None:
        other = self.make_engine()
        try:
            sound = self.speech()
            assert np.array_equal(listen(engine, sound), listen(other, sound))
        finally:
            other.close()

    def test_two_engines_do_not_disturb_each_other(self, engine: VoiceActivityDetector) -> None:
        alone = listen(engine, self.speech())
        engine.reset()
        other = self.make_engine()
        try:
            half = len(self.speech()) // 2 // BLOCK_SAMPLES * BLOCK_SAMPLES
            first = listen(engine, self.speech()[:half])
            listen(other, hiss(500))
            second = listen(engine, self.speech()[half:])
        finally:
            other.close()
        assert np.array_equal(np.concatenate((first, second)), alone)
