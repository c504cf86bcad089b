"""What happened in a turn, for scripts: one object, one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voiced.events import AssistantEvent, Observer, TurnReport


def as_json(report: TurnReport | None) -> dict[str, Any]:
    """A report as JSON takes it; None, where nobody spoke, has the same keys."""
    from voiced.control.wire import turn_to_json

    if report is None:
        return {
            "transcript": "",
            "confidence": 0.0,
            "reply": "",
            "path": "none",
            "timings_ms": {},
            "revisions": [],
        }
    return turn_to_json(report)


@contextmanager
def traced(path: Path | None, observe: Observer, configured: str = "") -> Iterator[Observer]:
    """`observe`, and besides a JSON line for each turn in the file `path`, and in the one that the
    configuration names (`debug.trace_file`); see `TraceFile`. None and nothing: nowhere.

    Raises `OutputError` where one cannot be opened.
    """
    from voiced.observe.trace_file import TraceFile

    named = [each for each in (path, Path(configured) if configured else None) if each is not None]
    paths = {each.expanduser().absolute() for each in named}
    with ExitStack() as files:
        observers = [observe, *(files.enter_context(TraceFile(each)).observe for each in paths)]

        def observe_all(event: AssistantEvent) -> None:
            for each in observers:
                each(event)

        yield observe_all
