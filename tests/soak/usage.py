"""What the process holds on to, and whether that grows."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import threading
from array import array
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Final, Self

WARM_UP: Final = 1 / 3
"""The share of looks at the beginning that does not count: caches fill, tables get their size."""

MOST_OBJECTS_A_TURN: Final = 0.1
MOST_BLOCKS_A_TURN: Final = 0.5
"""More is growth: whatever a turn leaves behind is at least one. Less than one is the conversation, which
grows and is cut back."""


@dataclass(frozen=True, slots=True)
class Usage:
    """At one moment, in rest: after `turns`, what there is of each.

    `objects` are those that the garbage collector knows, `blocks` all of Python's allocations.
    """

    turns: int
    tasks: int
    threads: int
    files: int
    objects: int
    blocks: int
    resident_kb: int

    @classmethod
    def now(cls, turns: int) -> Self:
        """Take it on the event loop."""
        # What was frozen at the last start or reload counts, too.
        gc.unfreeze()
        gc.collect()
        # Every match statement on a class looks "__match_args__" up by a new string, which this cache of
        # 4096 entries then holds (CPython 3.11): it would look like growth for days.
        clear = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
        clear()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(
            turns,
            len(asyncio.all_tasks()),
            threading.active_count(),
            len(os.listdir("/proc/self/fd")),
            len(gc.get_objects()),
            sys.getallocatedblocks(),
            pages * resource.getpagesize() // 1024,
        )


class Looks:
    """All looks, as plain numbers: what is kept of them must not look like growth itself."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def look(self, turns: int) -> None:
        """Take one."""
        self._numbers.extend(astuple(Usage.now(turns)))

    @property
    def all(self) -> list[Usage]:
        """From the first to the last."""
        width = len(fields(Usage))
        rows = range(0, len(self._numbers), width)
        return [Usage(*self._numbers[row : row + width]) for row in rows]

    @property
    def counted(self) -> list[Usage]:
        """Those after the warm-up."""
        return self.all[int(len(self.all) * WARM_UP) :]


def slope(points: Sequence[tuple[int, int]]) -> float:
    """By how much y grows with x: the median of the slopes of all pairs (Theil and Sen)."""
    pairs = combinations(points, 2)
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs if b[0] > a[0]]
    return median(slopes) if slopes else 0.0


def growth(looks: Looks) -> list[str]:
    """What grew though it should not, in words; nothing where all is well."""
    counted = looks.counted
    if len(counted) < 5:
        return ["there were too few looks to tell"]
    first, last = counted[0], counted[-1]
    found = [
        f"{name}: {before} to {after}"
        for name, before, after in (
            ("tasks", first.tasks, last.tasks),
            ("threads", first.threads, last.threads),
            ("files", first.files, last.files),
        )
        if after > before
    ]
    objects = slope([(look.turns, look.objects) for look in counted])
    if objects > MOST_OBJECTS_A_TURN:
        found.append(f"objects: {objects:.2f} more a turn")
    blocks = slope([(look.turns, look.blocks) for look in counted])
    if blocks > MOST_BLOCKS_A_TURN:
        found.append(f"allocations: {blocks:.2f} more a turn")
    return found
