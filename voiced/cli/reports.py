"""What happened in a turn, for scripts: one object, one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voiced.events import TurnReport


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
