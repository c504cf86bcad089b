"""What scripts get of a turn."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from voiced.cli.reports import as_json, traced
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.core.trace import Fate, Revision, Trace
from voiced.errors import OutputError
from voiced.events import AssistantEvent, PhaseChanged, TurnEnded, TurnReport
from voiced.types import EndReason, ReplyPath, Transcript

DROPPED = Revision("set a timer", 0.9, ReplyPath.SKILL, 900.0, 1030.0, 500, speech_ms=800.0)
ANSWERED = Revision(
    "why is the sky blue", 0.8, ReplyPath.MODEL, 2000.0, 2150.0, 180, fate=Fate.COMMITTED
)
REPORT = TurnReport(
    turn_id=3,
    outcome=Outcome.ANSWERED,
    transcript=Transcript("why is the sky blue", 0.8),
    reply="Because of the air.",
    path=ReplyPath.MODEL,
    end_reason=EndReason.SILENCE,
    timings_ms={
        "speech_end": 2000.0,
        "endpoint": 2200.0,
        "commit": 2200.0,
        "first_token": 2210.0,
        "first_clause": 2290.0,
        "first_audio": 2295.0,
    },
    trace=Trace((DROPPED, ANSWERED)),
)


def test_a_report_is_one_object_with_everything_in_it() -> None:
    found = json.loads(json.dumps(as_json(REPORT)))
    assert found["turn"] == 3
    assert found["path"] == "model"
    assert [revision["fate"] for revision in found["revisions"]] == ["dropped", "committed"]
    assert found["wasted_speech_ms"] == 800.0


def test_where_nobody_spoke_the_keys_are_there_all_the_same() -> None:
    assert set(as_json(None)) <= set(as_json(REPORT))


def test_a_span_begins_where_what_it_waits_for_ended() -> None:
    spans = {span.name: (span.begin_ms, span.end_ms) for span in REPORT.spans}
    assert spans["recognition"] == (2000.0, 2150.0)
    assert spans["thinking"] == (2150.0, 2210.0)
    assert spans["first sound"] == (2200.0, 2295.0)


def test_a_trace_is_a_line_a_turn_that_others_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "turns.jsonl"
    seen: list[AssistantEvent] = []
    for _ in range(2):
        with traced(file, seen.append) as observe:
            observe(PhaseChanged(Phase.IDLE))
            observe(TurnEnded(REPORT))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["transcript"] for line in lines] == ["why is the sky blue"] * 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(seen) == 4, "whoever watched before still does"


def test_no_trace_costs_nothing() -> None:
    seen: list[AssistantEvent] = []
    with traced(None, seen.append) as observe:
        observe(TurnEnded(REPORT))
    assert len(seen) == 1


def test_a_trace_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="cannot be written"),
        traced(tmp_path / "missing" / "file", lambda _: None),
    ):
        pass


def test_a_full_disk_ends_the_trace_and_not_the_conversation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[AssistantEvent] = []
    with (
        caplog.at_level(logging.WARNING),
        traced(Path("/dev/full"), seen.append) as observe,
    ):
        for _ in range(3):
            observe(TurnEnded(REPORT))
    assert len(seen) == 3
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text
