"""What scripts get of a turn."""

from __future__ import annotations

import json
import logging
import resource
import signal
from pathlib import Path

import pytest

from voiced.cli.reports import as_json
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.core.trace import Fate, Revision, Trace
from voiced.errors import OutputError
from voiced.events import PhaseChanged, TurnEnded, TurnReport
from voiced.observe.trace_file import TraceFile
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
    for _ in range(2):
        with TraceFile(file) as trace:
            trace.observe(PhaseChanged(Phase.IDLE))
            trace.observe(TurnEnded(REPORT))
    assert transcripts(file) == ["why is the sky blue"] * 2
    assert file.stat().st_mode & 0o777 == 0o600


def transcripts(file: Path) -> list[str]:
    return [json.loads(line)["transcript"] for line in file.read_text().splitlines()]


def test_a_trace_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        TraceFile(tmp_path / "missing" / "file")


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_file_that_was_rotated_away_is_begun_anew(tmp_path: Path, *, is_removed: bool) -> None:
    file = tmp_path / "turns.jsonl"
    with TraceFile(file) as trace:
        trace.observe(TurnEnded(REPORT))
        if is_removed:
            file.unlink()
        else:
            # As logrotate does it with `create`.
            file.rename(tmp_path / "turns.jsonl.1")
            file.touch(0o640)
        for _ in range(2):
            trace.observe(TurnEnded(REPORT))
    assert len(transcripts(file)) == 2
    assert is_removed or len(transcripts(tmp_path / "turns.jsonl.1")) == 1


def test_a_full_disk_ends_the_trace_and_not_the_conversation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), TraceFile(Path("/dev/full")) as trace:
        for _ in range(3):
            trace.observe(TurnEnded(REPORT))
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text


def test_a_disk_that_fills_up_leaves_no_half_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "turns.jsonl"
    with TraceFile(file) as trace:
        trace.observe(TurnEnded(REPORT))
        size = file.stat().st_size
        # Half of the next line has room, then nothing; a write beyond the limit is a signal by default.
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + size // 2, limits[1]))
        trace.observe(TurnEnded(REPORT))
        trace.observe(TurnEnded(REPORT))
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
        assert file.stat().st_size == size
        trace.observe(TurnEnded(REPORT))
    assert len(transcripts(file)) == 2
    assert ["misses turns" in caplog.messages[0], "written again" in caplog.messages[1]] == [
        True
    ] * 2
    assert len(caplog.records) == 2
