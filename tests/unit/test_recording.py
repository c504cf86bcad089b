"""Recordings: what is kept of a conversation where somebody asked for it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import wave
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_reports import REPORT
from voiced.channel import Channel
from voiced.config.settings import DebugSettings
from voiced.core.signals import Outcome
from voiced.errors import OutputError
from voiced.events import TurnEnded
from voiced.observe.recording import Limits, Recorder, recordings_folder
from voiced.types import AudioChunk, Samples, SpeechPaused, SpeechResumed

BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AMPLE = Limits(turns=100, megabytes=100, days=7)


@dataclass
class Spoken:
    """An utterance, as far as a recorder knows it."""

    parts: Channel[AudioChunk | SpeechPaused | SpeechResumed]


class Clock:
    def __init__(self) -> None:
        self.now = BEGUN

    def __call__(self) -> datetime:
        return self.now


def sound(samples: int, value: int) -> AudioChunk:
    return AudioChunk(np.full(samples, value, np.int16))


async def hear(recorder: Recorder, turn_id: int, *chunks: AudioChunk, outcome: Outcome) -> None:
    """An utterance of these chunks is received, and its turn ends."""
    spoken = Spoken(Channel(1))
    spoken.parts.send_nowait(chunks[0])
    recorder.tap(turn_id, spoken)
    received = [await anext(spoken.parts)]
    for chunk in chunks[1:]:
        spoken.parts.send_nowait(SpeechPaused(0))
        spoken.parts.send_nowait(chunk)
    received += spoken.parts.take_all()
    spoken.parts.close()
    assert [part async for part in spoken.parts] == []
    assert [part for part in received if isinstance(part, AudioChunk)] == list(chunks)
    recorder.observe(TurnEnded(replace(REPORT, turn_id=turn_id, outcome=outcome)))


def record(
    folder: Path,
    turns: int = 1,
    *,
    limits: Limits = AMPLE,
    clock: Clock | None = None,
    between: Callable[[Recorder], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """A session with so many turns of a second each, a minute apart."""
    time = clock or Clock()

    async def run() -> None:
        async with Recorder(folder, limits, time) as recorder:
            for turn_id in range(1, turns + 1):
                await hear(recorder, turn_id, sound(16_000, turn_id), outcome=Outcome.ANSWERED)
                time.now += timedelta(minutes=1)
                await recorder.written()
            if between is not None:
                await between(recorder)

    asyncio.run(run())


def recorded(wav: Path) -> Samples:
    with wave.open(str(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_a_turn_is_a_sound_and_what_became_of_it(tmp_path: Path) -> None:
    async def between(recorder: Recorder) -> None:
        chunks = sound(320, 1), sound(640, 2), sound(320, 3)
        await hear(recorder, 7, *chunks, outcome=Outcome.ANSWERED)

    folder = tmp_path / "state" / "recordings"
    record(folder, turns=0, between=between)
    wav, about = folder / "20260301T120000-turn-000007.wav", None
    about = json.loads(wav.with_suffix(".json").read_text())
    assert recorded(wav).tolist() == [1] * 320 + [2] * 640 + [3] * 320
    assert about["transcript"] == "why is the sky blue"
    assert about["duration_ms"] == 80.0
    assert about["begun_at"] == "2026-03-01T12:00:00+00:00"
    assert sorted(os.listdir(folder)) == sorted((wav.name, wav.with_suffix(".json").name))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_what_the_recogniser_never_came_to_is_there_too(tmp_path: Path) -> None:
    async def between(recorder: Recorder) -> None:
        spoken = Spoken(Channel(1))
        recorder.tap(1, spoken)
        spoken.parts.send_nowait(sound(320, 5))
        spoken.parts.send_nowait(SpeechPaused(320))
        recorder.observe(TurnEnded(replace(REPORT, turn_id=1, outcome=Outcome.CANCELLED)))

    record(tmp_path, turns=0, between=between)
    (wav,) = tmp_path.glob("*.wav")
    assert recorded(wav).tolist() == [5] * 320


def test_turns_that_nobody_spoke_for_leave_nothing(tmp_path: Path) -> None:
    async def between(recorder: Recorder) -> None:
        recorder.observe(TurnEnded(REPORT))

    record(tmp_path, turns=0, between=between)
    assert os.listdir(tmp_path) == []


def turns_in(folder: Path) -> list[int]:
    """The turns of which everything is there."""
    names = {file.stem for file in folder.glob("*.wav")}
    assert names == {file.stem for file in folder.glob("*.json")}
    return sorted(int(name[-6:]) for name in names)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(turns=3, megabytes=100, days=7), [4, 5, 6]),
        # A second of sound is 32 kB, and what became of it not one.
        (Limits(turns=100, megabytes=0.07, days=7), [5, 6]),
        (Limits(turns=100, megabytes=100, days=2.5 / 24 / 60), [5, 6]),
        (Limits(turns=100, megabytes=0.001, days=7), []),
    ],
)
def test_the_oldest_go_first(tmp_path: Path, limits: Limits, expected: list[int]) -> None:
    record(tmp_path, turns=6, limits=limits)
    assert turns_in(tmp_path) == expected


def test_limits_hold_from_the_start(tmp_path: Path) -> None:
    clock = Clock()
    record(tmp_path, turns=3, clock=clock)
    (tmp_path / ".20260301T120000-turn-000009.wav.part").touch()
    (tmp_path / "notes.txt").touch()
    clock.now += timedelta(days=7, minutes=-2)
    record(tmp_path, turns=0, clock=clock)
    assert turns_in(tmp_path) == [2, 3]
    others = [name for name in os.listdir(tmp_path) if "turn" not in name]
    assert others == ["notes.txt"], "what is not ours is left alone"


@settings(max_examples=25, deadline=None)
@given(turns=st.integers(1, 12), megabytes=st.floats(0.01, 0.4), made=st.integers(1, 12))
def test_no_limit_is_ever_passed(
    tmp_path_factory: pytest.TempPathFactory, turns: int, megabytes: float, made: int
) -> None:
    folder = tmp_path_factory.mktemp("recordings")
    record(folder, turns=made, limits=Limits(turns, megabytes, days=7))
    kept = turns_in(folder)
    assert kept == list(range(made - len(kept) + 1, made + 1)), "the newest are kept"
    assert len(kept) <= turns
    assert sum(file.stat().st_size for file in folder.iterdir()) <= megabytes * 1e6


def test_a_full_disk_is_said_once_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def between(recorder: Recorder) -> None:
        # Room for 10 kB a file; a write beyond is a signal by default.
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        for turn_id in (2, 3):
            await hear(recorder, turn_id, sound(16_000, 1), outcome=Outcome.ANSWERED)
            await recorder.written()
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
        await hear(recorder, 4, sound(16_000, 1), outcome=Outcome.ANSWERED)

    with caplog.at_level(logging.WARNING):
        record(tmp_path, turns=1, between=between)
    assert turns_in(tmp_path) == [1, 4]
    assert len(os.listdir(tmp_path)) == 4, "no half of a file stays"
    assert len(caplog.records) == 1
    assert "File too large" in caplog.text


def test_a_slow_disk_costs_recordings_and_not_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def between(recorder: Recorder) -> None:
        # Nothing is awaited between them, so none is known to be written.
        for turn_id in range(20):
            spoken = Spoken(Channel(1))
            recorder.tap(turn_id, spoken)
            recorder.observe(TurnEnded(replace(REPORT, turn_id=turn_id)))

    with caplog.at_level(logging.WARNING):
        record(tmp_path, turns=0, between=between)
    assert len(turns_in(tmp_path)) == 8
    assert caplog.messages == ["turns are not recorded: the disk is too slow"]


def test_utterances_whose_turns_never_end_are_forgotten(tmp_path: Path) -> None:
    async def between(recorder: Recorder) -> None:
        for turn_id in range(1, 11):
            recorder.tap(turn_id, Spoken(Channel(1)))
        for turn_id in range(1, 11):
            recorder.observe(TurnEnded(replace(REPORT, turn_id=turn_id)))

    record(tmp_path, turns=0, between=between)
    assert turns_in(tmp_path) == [7, 8, 9, 10]


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used for recordings"):
        record(tmp_path / "file" / "recordings")


def test_the_folder_is_the_units_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"STATE_DIRECTORY": "/var/lib/voiced:/var/lib/other"}
    assert recordings_folder(environ) == Path("/var/lib/voiced/recordings")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/user/state")
    assert recordings_folder({}) == Path("/home/user/state/voiced/recordings")


def test_the_limits_are_those_of_the_configuration() -> None:
    debug = DebugSettings(keep_turns=5, keep_mb=6, keep_days=7)
    assert Limits.of(debug) == Limits(turns=5, megabytes=6, days=7)
