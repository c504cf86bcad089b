"""The command: lives for days, prints the counts, and fails where something was lost or grew."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tests.soak.life import Lived, live
from tests.soak.tally import Tally
from tests.soak.usage import growth, slope
from tests.support.virtual_time import run_virtual

_EPILOG: Final = """\
Three days take about half an hour. Without --real nothing is real but the pipeline: the engines are fake, the
sound card is simulated, and time is virtual. With it, the engines of the preset "embedded" answer synthetic
voices in real time.

exit status: 0 where nothing was lost and nothing grew, else 1.
"""


def main() -> int:
    """Live, and report."""
    args = _arguments()
    logging.disable(logging.ERROR)
    seconds = 60.0 * args.real if args.real else 86_400.0 * args.days
    begin_s = time.monotonic()
    with _progress(seconds) as on_progress:
        if args.real:
            lived = asyncio.run(_real(args.seed, seconds, on_progress))
        else:
            lived = run_virtual(live(args.seed, seconds, on_progress))
    found = figures(lived, args.seed, time.monotonic() - begin_s)
    if args.json:
        Console().print_json(data=found)
    else:
        _print(found)
    return 0 if found["is_clean"] else 1


def figures(lived: Lived, seed: int, real_s: float) -> dict[str, Any]:
    """All that there is to tell."""
    tally, looks = lived.tally, lived.looks
    counted = looks.counted
    grown = growth(looks)
    return {
        "seed": seed,
        "is_clean": tally.is_clean and not grown,
        "simulated_h": lived.simulated_s / 3600,
        "real_s": real_s,
        "times_real_time": lived.simulated_s / real_s,
        "asked": tally.asked,
        "answered": tally.answered,
        "interrupted": tally.interrupted,
        "lost": tally.lost,
        "amiss": tally.amiss,
        "turns": {outcome.value: count for outcome, count in lived.outcomes.items()},
        "reminders": lived.reminders,
        "sessions": lived.sessions,
        "acts": dict(tally.acts.most_common()),
        "first": asdict(counted[0]) if counted else {},
        "last": asdict(counted[-1]) if counted else {},
        "objects_a_turn": slope([(look.turns, look.objects) for look in counted]),
        "blocks_a_turn": slope([(look.turns, look.blocks) for look in counted]),
        "grown": grown,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="simulated days through the real pipeline",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--days", type=float, default=3.0, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which life (default: %(default)s)")
    parser.add_argument("--real", type=float, metavar="MINUTES", help="with real engines instead")
    parser.add_argument("--json", action="store_true", help="print one object with all counts")
    return parser.parse_args()


async def _real(seed: int, seconds: float, on_progress: Callable[[float, Tally], None]) -> Lived:
    from tests.soak.real import live_really
    from voiced.config import load_settings
    from voiced.engines import registry
    from voiced.models import Catalog

    presets = Catalog.load().preset_settings()
    settings = load_settings(
        engines=registry, presets=presets, overrides=["preset=embedded"], environ={}
    )
    return await live_really(settings, seed, seconds, on_progress)


@contextmanager
def _progress(seconds: float) -> Iterator[Callable[[float, Tally], None]]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("living", total=seconds, counts="")

        def on_progress(lived_s: float, tally: Tally) -> None:
            counts = f"{tally.asked} asked, {len(tally.lost)} lost, {len(tally.amiss)} amiss"
            bar.update(task, completed=min(lived_s, seconds), counts=counts)

        yield on_progress


def _print(found: dict[str, Any]) -> None:
    console = Console()
    hours, ratio = found["simulated_h"], found["times_real_time"]
    console.print(
        f"{hours:.1f} h in {found['real_s']:.0f} s ({ratio:.0f} times real time), seed {found['seed']}"
    )
    console.print(
        f"{found['asked']} questions: {found['answered']} answered, {found['interrupted']} "
        f"interrupted on purpose, {len(found['lost'])} lost"
    )
    turns = ", ".join(f"{count} {name}" for name, count in found["turns"].items())
    console.print(f"turns: {turns}; {found['reminders']} reminders, {found['sessions']} sessions")
    table = Table(box=None, pad_edge=False)
    for title in ("", "after warm-up", "at the end"):
        table.add_column(title, justify="left" if not title else "right")
    for name, value in found["first"].items():
        table.add_row(name, str(value), str(found["last"][name]))
    console.print(table)
    console.print(
        f"more a turn: {found['objects_a_turn']:.3f} objects, {found['blocks_a_turn']:.3f} allocations"
    )
    for title in ("lost", "amiss", "grown"):
        for line in found[title]:
            console.print(f"{title}: {line}", markup=False, highlight=False)
    console.print("nothing lost, nothing grew" if found["is_clean"] else "NOT clean")


if __name__ == "__main__":
    sys.exit(main())
