"""The values of `events.py` as JSON takes them, and reports of turns back again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from voiced.core.signals import Outcome
from voiced.core.trace import Fate, Revision, Trace
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    PhaseChanged,
    ReplyGrew,
    SoundLost,
    SpeakerChanged,
    TranscriptGrew,
    TurnEnded,
    TurnReport,
    Understood,
    Woken,
)
from voiced.types import EndReason, ReplyPath, Transcript

_KINDS: Final[dict[type[AssistantEvent], str]] = {
    PhaseChanged: "phase",
    Heard: "level",
    Woken: "woken",
    TranscriptGrew: "transcript-grew",
    Understood: "understood",
    ReplyGrew: "reply-grew",
    TurnEnded: "turn-ended",
    MicrophoneChanged: "microphone",
    SpeakerChanged: "speaker",
    SoundLost: "sound-lost",
    EngineFailed: "engine-failed",
    EngineRecovered: "engine-recovered",
}


def event_to_json(event: AssistantEvent) -> dict[str, Any]:
    """An event as one flat object; `kind` says which."""
    kind = {"kind": _KINDS[type(event)]}
    match event:
        case TurnEnded(report):
            return kind | turn_to_json(report)
        case Understood(turn_id, transcript):
            confidence = round(transcript.confidence, 3)
            return kind | {"turn": turn_id, "text": transcript.text, "confidence": confidence}
        case TranscriptGrew(turn_id, text):
            return kind | {"turn": turn_id, "text": text}
        case ReplyGrew(turn_id, clause):
            return kind | {"turn": turn_id, "clause": clause}
        case _:
            return kind | dataclasses.asdict(event)


def turn_to_json(report: TurnReport) -> dict[str, Any]:
    """A turn from end to end."""
    return {
        "turn": report.turn_id,
        "outcome": report.outcome.value,
        "end_reason": report.end_reason.value,
        "transcript": report.transcript.text,
        "confidence": round(report.transcript.confidence, 3),
        "reply": report.reply,
        "path": report.path.value,
        "timings_ms": report.timings_ms,
        "revisions": [dataclasses.asdict(revision) for revision in report.trace.revisions],
        "wasted_tokens": report.trace.wasted_tokens,
        "wasted_speech_ms": report.trace.wasted_speech_ms,
        "error": report.error,
    }


def turn_from_json(turn: Mapping[str, Any]) -> TurnReport:
    """What `turn_to_json` was given. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    revisions = (
        Revision(**{**each, "path": ReplyPath(each["path"]), "fate": Fate(each["fate"])})
        for each in turn["revisions"]
    )
    return TurnReport(
        turn_id=turn["turn"],
        outcome=Outcome(turn["outcome"]),
        transcript=Transcript(turn["transcript"], turn["confidence"]),
        reply=turn["reply"],
        path=ReplyPath(turn["path"]),
        end_reason=EndReason(turn["end_reason"]),
        timings_ms=turn["timings_ms"],
        trace=Trace(tuple(revisions)),
        error=turn["error"],
    )
