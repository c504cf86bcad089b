"""`voiced bench`: how fast each stage is on this machine. The others are in files of their own."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from voiced.cli import bench_turns, bench_understanding
from voiced.cli.common import add_command, print_json, settings_from

if TYPE_CHECKING:
    from voiced.bench import Row

_EPILOG = """\
examples:
  voiced bench
  voiced --set stt.engine=faster_whisper --set stt.faster_whisper.model=whisper-base.en bench
  voiced bench turns --quick
  voiced bench understanding
  voiced bench --json | jq '.[] | select(.figure == "real-time factor")'

A real-time factor is seconds of work for a second of sound: 0.05 leaves 95 % of a core idle, above 1
it cannot keep up. Memory is what loading and using an engine added to the process, libraries included.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "bench", "measure each stage on this machine", _EPILOG)
    parser.add_argument(
        "--json", action="store_true", help="a list of objects: stage, engine, figure, value, unit"
    )
    parser.set_defaults(run=run)
    others = parser.add_subparsers(metavar="turns|understanding", title="of the whole")
    bench_turns.add_parser(others)
    bench_understanding.add_parser(others)


def run(args: argparse.Namespace) -> int:
    """Measure, and print the figures."""
    from rich.console import Console

    from voiced.bench import measure

    rows: list[Row] = []
    with Console(stderr=True).status("measuring, some seconds a stage") as status:
        for row in measure(settings_from(args)):
            rows.append(row)
            status.update(f"measured {row.stage} ({row.engine})")
    if args.json:
        print_json([asdict(row) for row in rows])
    else:
        _print(rows)
    return 0


def _print(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("stage", "engine", "figure"):
        table.add_column(title)
    table.add_column("value", justify="right")
    table.add_column("")
    before = ""
    for row in rows:
        stage = "" if row.stage == before else row.stage
        table.add_row(stage, row.engine if stage else "", row.figure, f"{row.value:.4g}", row.unit)
        before = row.stage
    Console(highlight=False).print(table)
