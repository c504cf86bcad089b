"""`voiced logs`: what the service has logged."""

from __future__ import annotations

import argparse
import os
import subprocess
from typing import Final

from voiced.cli.common import add_command
from voiced.errors import InputMissingError

_EPILOG = """\
examples:
  voiced logs                  the last 50 lines, and what comes, until Ctrl-C
  voiced logs -n 500 --once    what was logged before, and no more

It shows the journal of the service, yours if you have one, else the system's. What is said is
logged only at debug level. An assistant that was started with `voiced run` in a terminal logs there.
exit status: that of journalctl, or 66 where there is no service.
"""

_UNIT: Final = "voiced.service"
_ANSWERS_S: Final = 10.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "logs", "follow what the service logs", _EPILOG)
    parser.add_argument(
        "-n", "--lines", type=int, default=50, metavar="LINES", help="begin so far back (50)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-f", "--follow", action="store_true", help="go on with what comes: it does")
    how.add_argument("--once", action="store_true", help="end after what is there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Become journalctl. Raises `InputMissingError` where there is no service to show."""
    for scope in ("--user", "--system"):
        if _has_unit(scope):
            words = ["journalctl", scope, f"--unit={_UNIT}", f"--lines={max(0, args.lines)}"]
            try:
                os.execvp(words[0], words if args.once else [*words, "--follow"])  # noqa: S606
            except OSError as error:
                raise InputMissingError(f"journalctl cannot be run: {error.strerror}") from error
    raise InputMissingError(
        "no service has logs here: `voiced service install` makes one; `voiced run` logs to its own "
        "terminal (standard error)"
    )


def _has_unit(scope: str) -> bool:
    try:
        found = subprocess.run(
            ["systemctl", scope, "cat", _UNIT],  # noqa: S607
            capture_output=True,
            check=False,
            timeout=_ANSWERS_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0
