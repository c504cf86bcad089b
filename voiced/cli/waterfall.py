"""A turn's time as a picture: what was done when, after the last sound of the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from voiced.core.trace import Fate

if TYPE_CHECKING:
    from voiced.events import TurnReport

_BAR_CELLS: Final = 36
_STYLES: Final = {"waiting": "bright_black", "first sound": "green"}


def waterfall(report: TurnReport) -> Table:
    """A bar for each span, in milliseconds after the end of speech; above them what was read and dropped."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", min_width=11)
    table.add_column(justify="right", min_width=14)
    table.add_column()
    for revision in report.trace.revisions:
        if revision.fate is Fate.DROPPED and revision.text:
            table.add_row("dropped", "", Text(f"{revision.text} …", style="dim italic"))
    spans = report.spans
    if not spans:
        return table
    origin_ms = spans[0].begin_ms
    span_ms = max(1.0, max(span.end_ms for span in spans) - origin_ms)
    for span in spans:
        begin_ms, end_ms = span.begin_ms - origin_ms, span.end_ms - origin_ms
        begin = round(begin_ms / span_ms * _BAR_CELLS)
        end = round(end_ms / span_ms * _BAR_CELLS)
        bar = Text(" " * begin)
        bar.append("█" * (end - begin) or "▏", style=_STYLES.get(span.name, "cyan"))
        table.add_row(span.name, f"{begin_ms:.0f} to {end_ms:.0f} ms", bar)
    return table
