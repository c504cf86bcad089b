"""The command line: one file a command."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    # A hotkey waits for this one, and importing the others takes longer than what it does.
    from voiced.cli.ptt import at_once

    status = at_once(words)
    if status is not None:
        return status
    from voiced.cli.main import run_command_line

    return run_command_line(words)
