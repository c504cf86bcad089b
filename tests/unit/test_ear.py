"""What every block goes through."""

from __future__ import annotations

import numpy as np

from tests.support.coded_speech import Codebook, silence
from tests.support.fakes import FakeVad, FakeWake
from voiced.audio.far_end import FarEnd
from voiced.audio.front_end import FrontEnd
from voiced.ear import Ear, HeardBlock
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, AudioChunk, Samples


def hear(ear: Ear, sound: Samples, far_end: FarEnd | None = None) -> list[HeardBlock]:
    begins = range(0, len(sound) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    return [
        ear.hear(AudioChunk(sound[begin : begin + BLOCK_SAMPLES], start_sample=begin), far_end)
        for begin in begins
    ]


def test_without_a_far_end_sound_passes_as_it_is_and_any_voice_is_a_person() -> None:
    codebook = Codebook()
    sound = np.concatenate([silence(200), codebook.say("okay nabu"), silence(100)])
    heard = hear(Ear(FakeVad(), FakeWake(codebook)), sound)
    assert np.array_equal(np.concatenate([block.chunk.samples for block in heard]), sound)
    (person,) = [b.person_since for b in heard if b.person_since is not None][:1]
    assert abs(person - len(silence(200))) <= BLOCK_SAMPLES
    assert [block.detection.phrase for block in heard if block.detection] == ["okay nabu"]


def test_silence_is_nobody() -> None:
    assert all(b.person_since is None for b in hear(Ear(FakeVad(), None), silence(1000)))


def test_with_a_far_end_what_is_played_is_taken_out() -> None:
    random = np.random.default_rng(0)
    played = (random.normal(0, 2000, SAMPLE_RATE_HZ * 3)).astype(np.int16)
    far_end = FarEnd(SAMPLE_RATE_HZ)
    far_end.take(0)
    ear = Ear(FakeVad(), None, FrontEnd())
    heard = []
    for begin in range(0, len(played) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        block = played[begin : begin + BLOCK_SAMPLES]
        far_end.put(block)
        heard.append(ear.hear(AudioChunk(block // 2, start_sample=begin), far_end))
    ear.close()
    left = np.concatenate([block.chunk.samples for block in heard[-50:]]).astype(np.float64)
    assert np.sqrt(np.mean(left**2)) < 100, "of an echo of 1,000"
    assert heard[-1].level_dbfs > -35, "the level is the microphone's own"
