"""`make faults`: every fault in every phase, as a table; fails where something is worse than it may be."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from itertools import product

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.faults.matrix import FAULTS, Cell, When, play


def main() -> int:
    """Play, and report."""
    args = _arguments()
    logging.disable(logging.CRITICAL)
    faults = [fault for fault in FAULTS if args.only in fault.name]
    progress = Console(stderr=True)
    cells = [
        play(fault, when)
        for fault, when in track(
            list(product(faults, When)),
            "breaking",
            console=progress,
            disable=not progress.is_terminal,
        )
    ]
    if args.json:
        print(json.dumps([_row(cell) for cell in cells], indent=2))  # noqa: T201
    else:
        _print(cells)
    return 1 if any(cell.worse for cell in cells) else 0


def _row(cell: Cell) -> dict[str, object]:
    return {
        "fault": cell.fault.name,
        "when": cell.when.value,
        "back_ms": round(cell.back_ms),
        "exchange_ms": round(cell.exchange_ms),
        "turn": cell.struck,
        "turns_lost": cell.turns_lost,
        "worse": cell.worse,
    }


def _print(cells: list[Cell]) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False)
    for title in ("fault", "while", "back after", "the turn", "turns lost"):
        table.add_column(
            title, justify="right" if title in ("back after", "turns lost") else "left"
        )
    for cell in cells:
        name = cell.fault.name if cell.when is When.IDLE else ""
        row = (name, cell.when.value, f"{cell.back_ms:.0f} ms", cell.struck, str(cell.turns_lost))
        table.add_row(*row, style="bold red" if cell.worse else None)
    console.print(table)
    for cell in cells:
        for line in cell.worse:
            console.print(f"{cell.fault.name}, {cell.when.value}: {line}", markup=False)
    bad = sum(1 for cell in cells if cell.worse)
    console.print(f"{len(cells)} cells, {bad} worse than they may be")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="What breaks while the assistant idles, listens, thinks or speaks, and what that costs.",
        epilog="Pipeline, reconnecting devices and supervision are the real ones; engines and sound "
        "card are fake, and time is virtual. It takes about a minute and a half.",
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="faults with TEXT in their names"
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
