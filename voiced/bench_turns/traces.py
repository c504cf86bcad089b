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


def wasted_tokens(report: TurnReport) -> int:
    """The tokens that were evaluated for these."""
    dropped = report.trace.revisions[:-1]
    return sum(revision.context_tokens - revision.reused_tokens for revision in dropped)


def wasted_speech_ms(report: TurnReport) -> float:
    """The speech that was made for these."""
    return sum(revision.speech_ms for revision in report.trace.revisions[:-1])
