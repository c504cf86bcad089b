"""The picture of a median turn: when what happened, voiced above, the reference below. SVG, by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from voiced.bench_turns.scenes.latency import Reply

_WIDTH: Final = 900
_LEFT: Final = 170
_RIGHT: Final = 70
_ROW: Final = 26
_HEAD: Final = 64
_GAP: Final = 34
_TICKS: Final = (50, 100, 200, 250, 500, 1000, 2000, 5000)

_MOST_TICKS: Final = 10

_STEPS: Final = (
    ("endpoint", "end of turn decided", "#8a6fb0"),
    ("transcript", "transcript", "#4f86c6"),
    ("first_token", "first word", "#3a9d8f"),
    ("first_clause", "first clause spoken", "#6aa84f"),
    ("sound", "first sound", "#d9822b"),
)
"""First how long it waits, then what it does, each step after the one before: the reference when the turn
has ended, voiced while it waits.
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """A turn to be drawn: its title, and its marks in milliseconds after the person's last sound."""

    title: str
    marks_ms: Mapping[str, float]


def median_turn(title: str, replies: Sequence[Reply]) -> Lane | None:
    """The turn in the middle of `replies` by its latency; None where none was answered."""
    timed = [(r.voice_to_voice_ms, r) for r in replies if r.voice_to_voice_ms is not None]
    if not timed:
        return None
    timed.sort(key=lambda pair: pair[0])
    latency_ms, reply = timed[(len(timed) - 1) // 2]
    marks_ms = {**reply.timings_ms, "sound": latency_ms}
    if "read" in marks_ms:
        # The turn's own mark is when it became the final one.
        marks_ms["transcript"] = marks_ms["read"]
    return Lane(f"{title}: “{reply.text}”, {latency_ms:.0f} ms", marks_ms)


def waterfall_svg(lanes: Sequence[Lane]) -> str:
    """The lanes below each other on one scale of time, whose zero is the person's last sound."""
    rows = [[step for step in _STEPS if step[0] in lane.marks_ms] for lane in lanes]
    marks = [
        lane.marks_ms[step[0]] for lane, steps in zip(lanes, rows, strict=True) for step in steps
    ]
    first_ms, last_ms = min([0.0, *marks]), max([1.0, *marks])
    height = _HEAD + sum(_ROW * (len(steps) + 1) + _GAP for steps in rows)
    scale = (_WIDTH - _LEFT - _RIGHT) / (last_ms - first_ms)

    def x(at_ms: float) -> float:
        return round(_LEFT + (at_ms - first_ms) * scale, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}">',
        '<g font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(
            12, 24, "From the person’s last sound to the assistant’s first", style='font-size="16"'
        ),
        *_axis(x, first_ms, last_ms, height),
    ]
    y = _HEAD
    for lane, steps in zip(lanes, rows, strict=True):
        parts.append(_text(12, y + 17, lane.title, style='font-weight="bold"'))
        y += _ROW
        for (name, label, colour), begin_ms in zip(steps, _begins_ms(lane, steps), strict=True):
            at_ms = lane.marks_ms[name]
            width = max(2.0, x(at_ms) - x(begin_ms))
            parts += [
                _text(_LEFT - 8, y + 17, label, style='text-anchor="end"'),
                _bar(x(at_ms) - width, y + 4, width, colour),
                _text(x(at_ms) + 6, y + 17, f"{at_ms:.0f} ms"),
            ]
            y += _ROW
        y += _GAP
    return "\n".join([*parts, "</g></svg>", ""])


def _begins_ms(lane: Lane, steps: Sequence[tuple[str, str, str]]) -> list[float]:
    """When each step begins: where the one before has ended, and the first sound after the turn has."""
    marks_ms = lane.marks_ms
    endpoint_ms = marks_ms.get("endpoint", 0.0)
    before_ms = 0.0 if marks_ms.get("transcript", 0.0) < endpoint_ms else endpoint_ms
    begins_ms = []
    for name, _, _ in steps:
        if name == "endpoint":
            begins_ms.append(0.0)
            continue
        begins_ms.append(max(before_ms, endpoint_ms) if name == "sound" else before_ms)
        before_ms = marks_ms[name]
    return begins_ms


def _axis(x: Callable[[float], float], first_ms: float, last_ms: float, height: int) -> list[str]:
    step_ms = next((t for t in _TICKS if (last_ms - first_ms) / t <= _MOST_TICKS), _TICKS[-1])
    parts = []
    for tick in range(math.ceil(first_ms / step_ms), math.floor(last_ms / step_ms) + 1):
        at = x(tick * step_ms)
        colour = "#888888" if tick == 0 else "#dddddd"
        parts += [
            f'<line x1="{at}" y1="{_HEAD - 14}" x2="{at}" y2="{height - 8}" stroke="{colour}"/>',
            _text(at, _HEAD - 20, f"{tick * step_ms} ms", style='text-anchor="middle"'),
        ]
    return parts


def _bar(x: float, y: float, width: float, colour: str) -> str:
    size = f'width="{width:.1f}" height="{_ROW - 8}"'
    return f'<rect x="{x}" y="{y}" {size} rx="3" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" fill="#222222" {style}>{escape(text)}</text>'
