"""What the turns' own traces add to the recordings: the work that nobody wanted."""

from __future__ import annotations

from voiced.events import TurnReport


def was_ready(report: TurnReport) -> bool:
    """Whether the answer's first sound had been made when the end of the turn was decided."""
    revisions, endpoint_ms = report.trace.revisions, report.timings_ms.get("endpoint")
    if not revisions or endpoint_ms is None:
        return False
    ready_ms = revisions[-1].ready_ms
    return ready_ms is not None and ready_ms <= endpoint_ms


def dropped_revisions(report: TurnReport) -> int:
    """How many readings were followed by another one; the last one was answered (or stopped by the bench)."""
    return max(0, len(report.trace.revisions) - 1)
