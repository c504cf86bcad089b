"""What happened in a turn, for scripts: one object, one line."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiced.errors import OutputError

if TYPE_CHECKING:
    from voiced.events import AssistantEvent, Observer, TurnReport

_log = logging.getLogger(__name__)


def as_json(report: TurnReport | None) -> dict[str, Any]:
    """A report as JSON takes it; None, where nobody spoke, has the same keys."""
    if report is None:
        return {
            "transcript": "",
            "confidence": 0.0,
            "reply": "",
            "path": "none",
            "timings_ms": {},
            "revisions": [],
        }
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


@contextmanager
def traced(path: Path | None, observe: Observer) -> Iterator[Observer]:
    """`observe`, and besides a JSON line for each turn appended to the file `path` (None: nowhere).

    A file that it makes is readable for its owner alone, since it has what was said. Raises `OutputError`
    where it cannot be opened; where it cannot be written to later (a full disk), says so once and goes on
    without.
    """
    if path is None:
        yield observe
        return
    try:
        file = FileIO(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    with file:
        trace = _Trace(file, observe)
        yield trace.observe


class _Trace:
    def __init__(self, file: FileIO, observe: Observer) -> None:
        self._file: FileIO | None = file
        self._observe = observe

    def observe(self, event: AssistantEvent) -> None:
        from voiced.events import TurnEnded

        self._observe(event)
        if self._file is None or not isinstance(event, TurnEnded):
            return
        try:
            self._file.write(json.dumps(as_json(event.report)).encode() + b"\n")
        except OSError as error:
            _log.warning("the trace cannot be written any more: %s", error.strerror)
            self._file = None
