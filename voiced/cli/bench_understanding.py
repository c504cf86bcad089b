"""`voiced bench understanding`: what the skills make of sentences, and of sentences that were misheard."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voiced.cli.common import add_command, print_json, settings_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

_EPILOG: Final = """\
Each sentence has an expected intent and slots, and is said three times: as text, and with one and two words
misheard (one that sounds alike in its place, lost, or too many; the same ones on every run). Wrong actions
are the figure that matters: something was done that nobody asked for. Of what is no command any that a skill
takes is false.

A file of your own:

  language = "en"

  [[lamps]]
  intent = "HassTurnOn"
  slots = { area = "kitchen" }
  says = ["turn on the kitchen lights", "kitchen lights on"]

  [[none]]
  says = ["why is the sky blue"]

examples:
  voiced bench understanding
  voiced bench understanding --sentences my-sentences.toml --wrong
  voiced bench understanding --json | jq '."1 word misheard".wrong_action_share'

exit status: 0 whatever the figures are.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced bench`'s."""
    parser = add_command(subparsers, "understanding", "measure what sentences lead to", _EPILOG)
    parser.add_argument(
        "--sentences", type=Path, metavar="FILE", help="say these sentences instead of voiced's own"
    )
    parser.add_argument("--quick", action="store_true", help="four sentences of each topic")
    parser.add_argument(
        "--wrong", action="store_true", help="list every sentence that was not right"
    )
    parser.add_argument("--json", action="store_true", help="print one object with all figures")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Say the sentences, and print the figures."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from voiced.bench_understanding.figures import figures
    from voiced.bench_understanding.run import Plan, perform

    plan = Plan(settings_from(args).language, args.sentences, args.quick)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {"sentences": bars.add_task("sentences", total=None)}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                bars.update(tasks["sentences"], visible=False)
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        found = figures(perform(plan, progress))
    if args.json:
        print_json(found)
    else:
        _print(found, lists_wrong=args.wrong)
    return 0


def _print(found: Mapping[str, Mapping[str, Any]], *, lists_wrong: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_summary(found))
    console.print()
    console.print(_topics(found))
    if lists_wrong:
        for name, part in found.items():
            console.print(f"\n{name}:")
            for line in part["not_right"]:
                slots = ", ".join(f"{key}={value}" for key, value in line["slots"].items())
                heard = "" if line["heard"] == line["said"] else f' heard as "{line["heard"]}"'
                taken = f" {line['intent']}({slots})" if line["intent"] else ""
                console.print(
                    f'  {line["outcome"]}: "{line["said"]}"{heard}{taken}',
                    markup=False,
                    soft_wrap=True,
                )


def _summary(found: Mapping[str, Mapping[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    for name in found:
        table.add_column(name, justify="right")
    rows = {
        "commands": "commands",
        "  right": "right",
        "  asked back, rightly": "asked",
        "  asked back for something else": "asked_wrong",
        "  left to the language model": "missed",
        "  wrong answers": "wrong",
        "  wrong actions": "wrong_action",
        "    what was heard is a command itself": "wrong_action_unknowable",
        "no commands": "no_commands",
        "  taken by a skill": "false_takes",
    }
    for label, key in rows.items():
        table.add_row(label, *(str(part[key]) for part in found.values()))
    for key in ("p50_ms", "p95_ms"):
        label = f"time a sentence, {key[:3]}"
        table.add_row(label, *(f"{part[key]:.1f} ms" for part in found.values()))
    return table


def _topics(found: Mapping[str, Mapping[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("topic")
    for name in found:
        table.add_column(f"right, {name}", justify="right")
    for topic in next(iter(found.values()))["topics"]:
        counts = [part["topics"][topic] for part in found.values()]
        table.add_row(topic, *(f"{count['right']} of {count['sentences']}" for count in counts))
    return table
