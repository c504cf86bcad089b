"""`voiced ptt`: the push-to-talk key, for the hotkeys of a desktop.

`at_once` is called before anything else of the command line is imported: a person waits for the key.
"""

from __future__ import annotations

import sys

from voiced.control.client import Client
from voiced.errors import VoicedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_ACTIONS = {
    "press": "listen from now on",
    "release": "that was all: answer",
    "toggle": "press it, or release it while it listens",
}

_EPILOG = """\
examples:
  voiced ptt toggle        one hotkey: press to speak, press again to get the answer
  voiced ptt press         two hotkeys, or one that knows when it is let go
  voiced ptt release
  voiced ptt hold          for as long as this command runs: a pedal's program, a script

In GNOME: Settings, Keyboard, Custom Shortcuts. In sway:
  bindsym --no-repeat F9 exec voiced ptt press
  bindsym --release F9 exec voiced ptt release
A key that is never released is let go after segmenter.max_utterance_ms. `hold` lets it go however the
command ends. Where control.socket is set, ptt finds it in your configuration file or in
VOICED_CONTROL_SOCKET.
exit status: 0 done, 3 voiced is not running, otherwise as `voiced --help` has it.
"""


def at_once(words: list[str]) -> int | None:
    """Do what `voiced WORDS` asks if that is a plain `ptt ACTION`; None where it is anything else."""
    if len(words) != 2 or words[0] != "ptt" or words[1] not in _ACTIONS:
        return None
    try:
        send(words[1], None)
    except VoicedError as error:
        print(f"voiced: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def send(action: str, paths: list[str] | None) -> None:
    """Tell the assistant; returns when it listens, or no longer. Raises `VoicedError`."""
    with Client(paths) as client:
        client.call_plain(action)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    from voiced.cli.common import add_command

    parser = add_command(subparsers, "ptt", "press or release the push-to-talk key", _EPILOG)
    actions = parser.add_subparsers(metavar="ACTION", required=True, title="actions", dest="action")
    for name, summary in {**_ACTIONS, "hold": "press it until this command ends"}.items():
        actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the key."""
    from voiced.cli.reach import sockets_from

    paths = sockets_from(args)
    if args.action != "hold":
        send(args.action, paths)
        return 0
    with Client(paths) as client:
        client.call("press", hold=True)
        # The key goes up when the connection ends. Nothing else comes, but the assistant's own end.
        client.receive_line(None)
    return 0
