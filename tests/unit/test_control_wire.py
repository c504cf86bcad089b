"""Events and turns as JSON."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from tests.support.fake_remote import TURN
from voiced.control.wire import event_to_json, turn_from_json, turn_to_json
from voiced.core.state import Phase
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    ReplyGrew,
    SoundLost,
    SpeakerChanged,
    TranscriptGrew,
    TurnEnded,
    Understood,
    Woken,
)
from voiced.types import Transcript

EVENTS: list[tuple[AssistantEvent, dict[str, object]]] = [
    (PhaseChanged(Phase.FOLLOW_UP), {"kind": "phase", "phase": "follow-up"}),
    (Heard(-30.5, 0.25), {"kind": "level", "level_dbfs": -30.5, "speech_probability": 0.25}),
    (Woken("okay nabu", 0.9), {"kind": "woken", "phrase": "okay nabu", "score": 0.9}),
    (TranscriptGrew(3, "why"), {"kind": "transcript-grew", "turn": 3, "text": "why"}),
    (
        Understood(3, Transcript("why is", 0.8)),
        {"kind": "understood", "turn": 3, "text": "why is", "confidence": 0.8},
    ),
    (ReplyGrew(3, "Because."), {"kind": "reply-grew", "turn": 3, "clause": "Because."}),
    (TurnEnded(TURN), {"kind": "turn-ended", **turn_to_json(TURN)}),
    (
        MicrophoneChanged(MicrophoneState.AWAY, "gone"),
        {"kind": "microphone", "state": "away", "reason": "gone"},
    ),
    (SpeakerChanged(is_there=True), {"kind": "speaker", "is_there": True, "reason": ""}),
    (SoundLost(overflows=2), {"kind": "sound-lost", "overflows": 2, "underflows": 0}),
    (EngineFailed("stt", "hung"), {"kind": "engine-failed", "name": "stt", "reason": "hung"}),
    (EngineRecovered("stt", 1.5), {"kind": "engine-recovered", "name": "stt", "after_ms": 1.5}),
]


def test_no_event_is_missing_here() -> None:
    assert {type(event) for event, _ in EVENTS} == set(get_args(AssistantEvent))


@pytest.mark.parametrize(("event", "wire"), EVENTS)
def test_an_event_is_a_flat_object(event: AssistantEvent, wire: dict[str, object]) -> None:
    assert json.loads(json.dumps(event_to_json(event))) == json.loads(json.dumps(wire))


def test_a_turn_comes_back_as_it_was() -> None:
    assert turn_from_json(json.loads(json.dumps(turn_to_json(TURN)))) == TURN
