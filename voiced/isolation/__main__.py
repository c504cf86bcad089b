"""What the process of an isolated engine runs. Nobody types it: it needs two descriptors of its parent's."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import Final

_PURPOSE: Final = (
    "this is the process of an isolated engine (engines.isolate), which voiced starts itself\n"
)


def main() -> int:
    """Serve, where the arguments are a socket and a pipe; else say what this is for."""
    match sys.argv[1:]:
        case [connection, lifeline] if _is(stat.S_ISSOCK, connection) and _is(
            stat.S_ISFIFO, lifeline
        ):
            from voiced.isolation._child import serve

            return serve(int(connection), int(lifeline))
    sys.stderr.write(_PURPOSE)
    return 2


def _is(kind: Callable[[int], bool], descriptor: str) -> bool:
    try:
        return kind(os.fstat(int(descriptor)).st_mode)
    except (OSError, ValueError, OverflowError):
        return False


if __name__ == "__main__":
    sys.exit(main())
