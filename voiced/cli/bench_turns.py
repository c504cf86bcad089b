"""`voiced bench turns`: how long an answer takes to begin, and how it can be interrupted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voiced.cli.common import add_command, print_json, run_async, settings_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from voiced.bench_turns.figures import Results

_EPILOG: Final = """\
Spoken sentences go through the whole pipeline at the pace of real time, with the engines that are
configured, on a simulated sound card; the figures are taken from its recording. The reference has the same
engines in a row: 0.7 s of silence, transcribe, generate with nothing cached, synthesise sentence by
sentence. All scenes take about 40 minutes; nothing else should run meanwhile.

examples:
  voiced bench turns --quick
  voiced bench turns --only latency --json | jq .ratio
  voiced bench turns --wav-dir recordings --svg turns.svg

exit status: 0 whatever the figures are.
"""

_SCENES: Final = ("latency", "pauses", "barge-in", "echo")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced bench`'s."""
    parser = add_command(subparsers, "turns", "measure spoken conversations", _EPILOG)
    parser.add_argument("--only", choices=_SCENES, help="play this scene alone")
    parser.add_argument("--quick", action="store_true", help="a few sentences of each; a minute")
    parser.add_argument(
        "--wav-dir",
        type=Path,
        metavar="DIR",
        help="say these recordings (.wav or .flac, each with its text in a .txt of the same name) "
        "instead of voiced's own sentences",
    )
    parser.add_argument(
        "--svg",
        type=Path,
        default=Path("voiced-turns.svg"),
        metavar="FILE",
        help="where a median turn of each path is drawn (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one object with all figures")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the scenes, and print the figures."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from voiced.bench_turns.figures import figures
    from voiced.bench_turns.run import Bench, Plan, SceneName
    from voiced.errors import OutputError

    if not args.svg.parent.is_dir():
        raise OutputError(f"cannot write {args.svg}: there is no folder {args.svg.parent}")
    plan = Plan(SceneName(args.only) if args.only else None, args.quick, args.wav_dir)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {"voices": bars.add_task("voices", total=1)}
        bench = Bench(settings_from(args), plan)
        bars.update(tasks["voices"], completed=1)

        def progress(scene: str, done: float, total: float) -> None:
            if scene not in tasks:
                tasks[scene] = bars.add_task(scene, total=total)
            bars.update(tasks[scene], completed=min(done, total))

        results = run_async(bench.perform(progress))
    found = figures(results)
    if args.json:
        print_json(found)
    else:
        _print(found)
    if results.voiced:
        _draw(args.svg, results)
        console.print(f"A median turn of each path: {args.svg.resolve()}", highlight=False)
    return 0


def _draw(path: Path, results: Results) -> None:
    from voiced.bench_turns.waterfall import median_turn, waterfall_svg
    from voiced.errors import OutputError
    from voiced.types import ReplyPath

    lanes = [
        median_turn(f"{name}, {label}", [reply for reply in replies if reply.path is reply_path])
        for reply_path, label in ((ReplyPath.SKILL, "skill"), (ReplyPath.MODEL, "language model"))
        for name, replies in (("voiced", results.voiced), ("reference", results.reference))
    ]
    try:
        path.write_text(waterfall_svg([lane for lane in lanes if lane]), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def _print(found: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    for title in ("voiced", "reference", "ratio"):
        table.add_column(title, justify="right")
    for path, label in (("skill", "a skill answers"), ("model", "the language model answers")):
        ours, theirs = found["voiced"][path], found["reference"][path]
        for key in ("p50_ms", "p95_ms"):
            ratio = found["ratio"][path] if key == "p50_ms" else None
            name = f"voice to voice, {label}, {key[:3]}"
            table.add_row(name, _ms(ours[key]), _ms(theirs[key]), _plain(ratio))
        table.add_row("  turns", _plain(ours["turns"]), _plain(theirs["turns"]))
    for label, value in _rows(found):
        table.add_row(label, value)
    console = Console(highlight=False)
    console.print(table)
    if found["scenes"]["echo"]:
        console.print(_rooms(found["scenes"]["echo"]))


def _rooms(rooms: Sequence[Mapping[str, Any]]) -> Table:
    """A line a room: those in which the assistant hears itself."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("room")
    for title in ("echo", "noticed", "p50", "p95", "own speech", "false barge-ins"):
        table.add_column(title, justify="right")
    for room in rooms:
        table.add_row(
            f"{room['rt60_s']} s",
            f"{room['echo_db']:.0f} dB",
            _of(room["barge_ins_noticed"], room["barge_ins"]),
            _ms(room["barge_in_p50_ms"]),
            _ms(room["barge_in_p95_ms"]),
            f"{room['own_speech_s']:.0f} s",
            _plain(room["false_barge_ins"]),
        )
    return table


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    wasted = found["wasted"]
    return [
        ("  cut off / not understood", _cut_off(found["understanding"]["voiced"])),
        (
            "commit to first sound, p50 (answers that were ready)",
            _ms(found["commit_to_sound_p50_ms"]),
        ),
        ("false cut-offs", _of(found["false_cutoffs"], found["pauses"])),
        ("missed ends", _plain(found["missed_ends"])),
        ("barge-in, onset to silence, p50", _ms(found["barge_in_p50_ms"])),
        ("barge-in, onset to silence, p95", _ms(found["barge_in_p95_ms"])),
        ("barge-ins noticed", _of(found["barge_ins_noticed"], found["barge_ins"])),
        ("false barge-ins", _plain(found["false_barge_ins"])),
        ("  own speech in rooms with echo", f"{found['own_speech_s']:.0f} s"),
        (
            '  ended by "mm-hm", a cough, a door',
            _of(found["answers_ended_by_backchannel"], found["backchannels"]),
        ),
        ("prefix tokens evaluated again", _plain(found["prefix_tokens_reevaluated"])),
        ("wasted: readings", _plain(wasted["revisions_dropped"])),
        ("wasted: tokens", _plain(wasted["tokens"])),
        ("wasted: speech, s", _plain(wasted["speech_s"])),
    ]


def _cut_off(understanding: Mapping[str, int]) -> str:
    return f"{understanding['cut_off']} / {understanding['not_understood']}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _of(value: int | None, total: int | None) -> str:
    return "-" if value is None else f"{value} of {total}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
