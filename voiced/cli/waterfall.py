"""A turn's times as a picture: each step's bar begins where the one before it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.table import Table
from rich.text import Text

_STEPS: Final = (
    ("speech_end", "end of speech"),
    ("endpoint", "endpoint"),
    ("transcript", "transcript"),
    ("first_token", "first token"),
    ("first_audio", "first sound"),
)
_BAR_CELLS: Final = 36


def waterfall(timings_ms: Mapping[str, float]) -> Table:
    """A table of the steps that happened, in milliseconds after the end of speech."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", min_width=15)
    table.add_column(justify="right", min_width=8)
    table.add_column()
    happened = [(label, timings_ms[name]) for name, label in _STEPS if name in timings_ms]
    if not happened:
        return table
    origin_ms = happened[0][1]
    span_ms = max(1.0, happened[-1][1] - origin_ms)
    before_ms = origin_ms
    for label, at_ms in happened:
        begin = round((before_ms - origin_ms) / span_ms * _BAR_CELLS)
        end = round((at_ms - origin_ms) / span_ms * _BAR_CELLS)
        bar = Text(" " * begin)
        bar.append("█" * (end - begin) or "▏", style="cyan" if label != "first sound" else "green")
        table.add_row(label, f"{at_ms - origin_ms:.0f} ms", bar)
        before_ms = at_ms
    return table
