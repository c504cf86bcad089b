"""`voiced doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from voiced.cli.common import add_command, print_json, settings_from

if TYPE_CHECKING:
    from voiced.diagnosis import Finding

_EPILOG = """\
examples:
  voiced doctor
  voiced doctor --json | jq '.[] | select(.state != "ok")'

exit status: 0 when all that the configuration needs works, 1 otherwise. A machine without sound
devices is told so, and is otherwise fine: `voiced demo` and `voiced ask` need none.
"""

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(
        subparsers, "doctor", "say what works on this machine, and how to mend the rest", _EPILOG
    )
    parser.add_argument(
        "--json", action="store_true", help="a list of objects: what, state, detail, remedy"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check everything, and print it."""
    from voiced.diagnosis import examine

    findings = examine(lambda: settings_from(args))
    if args.json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    return 1 if any(finding.state == "broken" for finding in findings) else 0


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for finding in findings:
        sign, style = _SIGNS[finding.state]
        table.add_row(Text(sign, style), Text(finding.what, "bold"), finding.detail)
        if finding.remedy:
            table.add_row("", Text("→", style, justify="right"), Text(finding.remedy, style))
    Console(highlight=False).print(table)
