"""WebRTC's audio processing: that the echo goes, speech stays, and it fails as voiced does."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from tests.contract.wake_contract import WAKE_DIR, read_wav
from voiced.audio.far_end import FarEnd
from voiced.audio.front_end import FrontEnd
from voiced.audio.levels import dbfs
from voiced.audio.room import Room, microphone
from voiced.core.barge_in import EchoLevels
from voiced.errors import EngineError
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples

NOTHING: Samples = np.zeros(0, np.int16)
SILENCE: Samples = np.zeros(BLOCK_SAMPLES, np.int16)


@pytest.fixture
def front_end() -> Iterator[FrontEnd]:
    made = FrontEnd()
    yield made
    made.close()


def spoken(seconds: int) -> Samples:
    """Somebody talks for so long."""
    files = sorted(WAKE_DIR.glob("*.wav"))
    speech = np.concatenate([read_wav(file) for file in files])
    return np.resize(speech, seconds * 16_000)


def blocks(samples: Samples) -> Iterator[AudioChunk]:
    for at in range(0, len(samples) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        yield AudioChunk(samples[at : at + BLOCK_SAMPLES], start_sample=at)


def through(front_end: FrontEnd, room: Room, played: Samples, said: Samples) -> list[Samples]:
    """What comes out while a speaker plays and a person talks in a room, block by block."""
    far_end = FarEnd(16_000)
    far_end.take(BLOCK_SAMPLES)
    cleaned = []
    for block, person in zip(blocks(played), blocks(said), strict=True):
        far_end.put(block.samples)
        heard = AudioChunk(
            microphone(person.samples, room.echo(block.samples)), start_sample=block.start_sample
        )
        clean = front_end.process(heard, far_end.take(BLOCK_SAMPLES))
        assert (clean.start_sample, len(clean.samples)) == (block.start_sample, BLOCK_SAMPLES)
        cleaned.append(clean.samples)
    return cleaned


@pytest.mark.parametrize("echo_db", [-20, 0])
def test_the_echo_is_removed(front_end: FrontEnd, echo_db: float) -> None:
    played = spoken(9)
    quiet = np.zeros_like(played)
    clean = through(front_end, Room(0.3, echo_db, 60, noise_dbfs=-80), played, quiet)
    left_dbfs = dbfs(np.concatenate(clean[6 * 50 :]))
    assert dbfs(played) + echo_db - left_dbfs > 25


def test_the_levels_say_what_the_filter_found(front_end: FrontEnd) -> None:
    assert front_end.levels == EchoLevels()
    played = spoken(9)
    through(front_end, Room(0.2, -6, 40, noise_dbfs=-80), played, np.zeros_like(played))
    levels = front_end.levels
    assert levels.echo_dbfs == pytest.approx(levels.heard_dbfs, abs=2)
    assert levels.rest_dbfs < levels.heard_dbfs - 10


def test_a_person_as_loud_as_the_echo_is_not_muted(front_end: FrontEnd) -> None:
    """WebRTC's canceller alone mutes 16 % of these blocks."""
    played = spoken(12)
    said = np.zeros_like(played)
    # Another part of the same speech, so that both are as loud.
    said[-48_000:] = played[-96_000:-48_000]
    clean = through(front_end, Room(0.2, 0, 40, noise_dbfs=-80), played, said)
    person = [dbfs(block.samples) for block in blocks(said)]
    muted = [
        said_dbfs - dbfs(block) > 15
        for said_dbfs, block in zip(person, clean, strict=True)
        if said_dbfs > -35
    ]
    assert np.mean(muted) < 0.05


def test_a_person_is_heard_as_before_while_nothing_is_played(front_end: FrontEnd) -> None:
    said = spoken(5)
    before = [next(blocks(said))] * 10
    for block in before:
        front_end.process(block, block.samples)
    heard = np.concatenate([front_end.process(b, SILENCE).samples for b in blocks(said)])
    # 8 ms later. Compared above 1 kHz: the high-pass that belongs to echo cancellation turns phases.
    one, other = np.fft.rfft(said[: len(heard) - 128]), np.fft.rfft(heard[128:])
    one[: len(one) // 8] = other[: len(one) // 8] = 0
    alike = np.vdot(one, other).real / np.linalg.norm(one) / np.linalg.norm(other)
    assert alike > 0.9
    assert dbfs(heard) == pytest.approx(dbfs(said), abs=1)


def test_while_nothing_is_played_it_sleeps(front_end: FrontEnd) -> None:
    said = spoken(12)
    played = np.zeros_like(said)
    played[:8_000] = said[:8_000]
    clean = through(front_end, Room(0.2, -20, 40), played, said)
    # 10 s after the last sound that was played.
    assert np.array_equal(np.concatenate(clean[530:]), said[530 * BLOCK_SAMPLES :])
    assert not np.array_equal(clean[520], said[520 * BLOCK_SAMPLES :][:BLOCK_SAMPLES])


@pytest.mark.parametrize("lengths", [(0,), (319, 320), (321, 320), (640, 0), (0, 640)])
def test_any_length_of_the_far_end_is_taken(front_end: FrontEnd, lengths: tuple[int, ...]) -> None:
    played = spoken(1)
    for number, block in enumerate(blocks(played)):
        length = lengths[number % len(lengths)]
        clean = front_end.process(block, np.resize(block.samples, length))
        assert len(clean.samples) == BLOCK_SAMPLES


def test_without_any_processing_nothing_changes() -> None:
    front_end = FrontEnd(echo_cancellation=False)
    for block in blocks(spoken(1)):
        assert np.array_equal(front_end.process(block, block.samples).samples, block.samples)
    front_end.close()


def test_noise_is_reduced_on_request() -> None:
    front_end = FrontEnd(echo_cancellation=False, noise_suppression=True)
    noise = (np.random.default_rng(1).standard_normal(5 * 16_000) * 300).astype(np.int16)
    heard = np.concatenate([front_end.process(block, NOTHING).samples for block in blocks(noise)])
    front_end.close()
    assert dbfs(heard[-16_000:]) < dbfs(noise) - 6


def test_a_block_is_not_changed_in_place(front_end: FrontEnd) -> None:
    block = next(blocks(spoken(1)))
    block.samples.flags.writeable = False
    before = block.samples.copy()
    front_end.process(block, SILENCE)
    assert np.array_equal(block.samples, before)


@pytest.mark.parametrize(
    "chunk", [AudioChunk(np.zeros(100, np.int16)), AudioChunk(SILENCE, rate_hz=48_000)]
)
def test_what_would_end_the_process_is_an_error(front_end: FrontEnd, chunk: AudioChunk) -> None:
    with pytest.raises(EngineError, match="20 ms at 16 kHz"):
        front_end.process(chunk, NOTHING)


def test_after_close_it_says_so(front_end: FrontEnd) -> None:
    front_end.close()
    front_end.close()
    with pytest.raises(EngineError, match="closed"):
        front_end.process(AudioChunk(SILENCE), NOTHING)


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit.rtc.apm", None)
    with pytest.raises(EngineError, match="make setup"):
        FrontEnd()
