"""What `voiced status` shows, gathered from events."""

from __future__ import annotations

import json

from tests.unit.test_reports import REPORT
from voiced.core.state import Phase
from voiced.events import (
    EngineFailed,
    EngineRecovered,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    SoundLost,
    SpeakerChanged,
    TurnEnded,
)
from voiced.observe.board import Board


def test_it_shows_the_latest_of_everything() -> None:
    board = Board()
    for event in (
        PhaseChanged(Phase.SPEAKING),
        MicrophoneChanged(MicrophoneState.AWAY, "unplugged"),
        SpeakerChanged(is_there=False, reason="gone"),
        EngineFailed("stt", "it raised"),
        EngineFailed("tts", "it hangs"),
        EngineRecovered("stt", 12.0),
        SoundLost(2, 1),
        SoundLost(1, 0),
    ):
        board.observe(event)
    found = json.loads(json.dumps(board.as_dict()))
    assert found["phase"] == "speaking"
    assert found["microphone"] == {"state": "away", "reason": "unplugged"}
    assert found["speaker"] == {"is_there": False, "reason": "gone"}
    assert found["engines_failing"] == {"tts": "it hangs"}
    assert (found["overflows"], found["underflows"], found["reconnects"]) == (3, 1, 0)


def test_what_comes_back_is_a_reconnect_and_what_is_unmuted_is_none() -> None:
    board = Board()
    for event in (
        MicrophoneChanged(MicrophoneState.MUTED),
        MicrophoneChanged(MicrophoneState.OPEN),
        MicrophoneChanged(MicrophoneState.AWAY, "x"),
        MicrophoneChanged(MicrophoneState.OPEN),
        SpeakerChanged(is_there=False, reason="x"),
        SpeakerChanged(is_there=True),
    ):
        board.observe(event)
    assert board.as_dict()["reconnects"] == 2


def test_it_keeps_some_turns_and_counts_all() -> None:
    board = Board()
    for _ in range(100):
        board.observe(TurnEnded(REPORT))
    found = board.as_dict()
    assert found["turns"] == {"answered": 100}
    assert 0 < len(found["last_turns"]) < 10
