"""`voiced status`: what the assistant that runs is doing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from voiced.cli.common import add_command, print_json
from voiced.cli.reach import sockets_from
from voiced.control.client import Client, NotRunningError, result_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from voiced.cli.dashboard import Dashboard

_EPILOG = """\
examples:
  voiced status                        a live page; Ctrl-C leaves it, and the assistant as it is
  voiced status --once                 the same, printed once (as it is where it is piped)
  voiced status --json | jq -r .phase
  voiced status --json | jq -e '.microphone.state == "open"'

The live page waits for an assistant that ends, and goes on when it is back.
exit status: 0 it runs, 3 it does not.
"""

_POLL_S: Final = 1.0
_DRAW_S: Final = 0.08
"""What terminals show in between is not seen."""

_SILENT_S: Final = 3.0
_RETRY_S: Final = 1.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "status", "show what the running assistant does", _EPILOG)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="print it once, and no live page")
    how.add_argument("--json", action="store_true", help="print it once, as an object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    paths = sockets_from(args)
    with Client(paths) as client:
        status = client.call("status")
    if args.json:
        print_json(status)
        return 0
    from rich.console import Console

    from voiced.cli.dashboard import Dashboard

    console = Console(highlight=False)
    board = Dashboard(status)
    if args.once or not console.is_terminal:
        console.print(board.page())
        return 0
    try:
        _watch(console, board, paths)
    except KeyboardInterrupt:
        # That is how one leaves it.
        return 0
    return 0


def _watch(console: Console, board: Dashboard, paths: list[str] | None) -> None:
    import time

    from rich.live import Live

    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            try:
                with Client(paths) as client:
                    _follow(client, board, live)
            except NotRunningError:
                board.say("not running: waiting for it to come back")
                live.update(board.page(), refresh=True)
                time.sleep(_RETRY_S)


def _follow(client: Client, board: Dashboard, live: Live) -> None:
    """Until the assistant ends. Raises `NotRunningError` then."""
    from time import monotonic

    client.send("events", levels=True)
    heard_at_s = monotonic()
    draw_at_s = poll_at_s = heard_at_s
    while True:
        now_s = monotonic()
        if now_s >= poll_at_s:
            client.send("status")
            poll_at_s = now_s + _POLL_S
        message = client.receive(max(0.001, min(poll_at_s, max(draw_at_s, now_s + 0.02)) - now_s))
        now_s = monotonic()
        if message is not None:
            heard_at_s = now_s
            if message.get("method") == "event":
                board.take_event(message["params"])
            else:
                board.take_status(result_of(message))
        is_silent = now_s - heard_at_s > _SILENT_S
        board.say("no answer for some seconds: `voiced logs` may say why" if is_silent else "")
        if now_s >= draw_at_s:
            live.update(board.page(), refresh=True)
            draw_at_s = now_s + _DRAW_S
