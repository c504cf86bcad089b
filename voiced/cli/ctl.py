"""`voiced ctl`: ask something of the assistant that runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from voiced.cli.common import add_command, print_json
from voiced.cli.reach import sockets_from
from voiced.control.client import QUICK_S, Client
from voiced.errors import UsageError

_EPILOG = """\
examples:
  voiced ctl ask "what time is it"     answered aloud, and printed
  voiced ctl say "dinner is ready"     as soon as nobody speaks
  voiced ctl stop                      be quiet
  voiced ctl mute                      close the microphone until `unmute`, over restarts
  voiced ctl volume 60
  voiced ctl reload                    apply the configuration file as it is now
  voiced ctl events | jq -c .kind      what happens, a line of JSON each
  voiced ctl --json timers

It reaches the assistant over a Unix socket, which any program of yours can use without this command:
  echo '{"jsonrpc":"2.0","id":1,"method":"listen"}' | nc -N -U $XDG_RUNTIME_DIR/voiced/control.sock
`voiced ctl methods` lists what it understands. See also `voiced ptt` and `voiced status`.
exit status: 0 done, 1 nothing was understood or answered, 3 voiced is not running, 78 the
configuration that was to be reloaded is wrong (and the one before holds), else as `voiced --help` has it.
"""


@dataclass(frozen=True, slots=True)
class _Word:
    """A method as a subcommand; `timeout_s` is None where an answer may take as long as it likes."""

    summary: str
    show: Callable[[Any], str] = lambda _: ""
    timeout_s: float | None = QUICK_S
    method: str = ""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "ctl", "ask something of the running assistant", _EPILOG)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    words = parser.add_subparsers(metavar="WORD", required=True, title="words", dest="word")
    for name, word in _WORDS.items():
        summary = word.summary
        one = words.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        match name:
            case "say" | "ask":
                one.add_argument("text", nargs="+", metavar="TEXT", help="in quotes or not")
            case "volume":
                one.add_argument(
                    "percent",
                    nargs="?",
                    metavar="PERCENT",
                    help="0 to 200, or a change: +10, -10; without it, what it is",
                )
            case "events":
                one.add_argument(
                    "--levels",
                    action="store_true",
                    help="the microphone's level, too, ten times a second",
                )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    word = _WORDS[args.word]
    with Client(sockets_from(args)) as client:
        if args.word == "events":
            return _print_events(client, levels=args.levels)
        method = word.method or args.word
        result = client.call(method, word.timeout_s, **_params(args, client))
    if args.json:
        print_json(result)
    elif shown := word.show(result):
        print(shown)
    if args.word == "ask":
        return 0 if result["outcome"] == "answered" and result["path"] != "none" else 1
    return 0


def _params(args: argparse.Namespace, client: Client) -> dict[str, Any]:
    if args.word in {"say", "ask"}:
        return {"text": " ".join(args.text)}
    if args.word == "volume" and args.percent is not None:
        return {"percent": _percent(args.percent, client)}
    return {}


def _percent(text: str, client: Client) -> int:
    try:
        percent = int(text.removesuffix("%"))
    except ValueError:
        raise UsageError(f"{text!r} is no volume: 60, +10 or -10, in percent") from None
    if text[0] not in "+-":
        return percent
    now: int = client.call("volume")["percent"]
    return min(200, max(0, now + percent))


def _print_events(client: Client, *, levels: bool) -> int:
    import json

    client.call("events", levels=levels)
    while True:
        message = client.receive(None)
        if message is not None and message.get("method") == "event":
            print(json.dumps(message["params"], ensure_ascii=False), flush=True)


def _show_changed(result: Mapping[str, Any]) -> str:
    changed = result["changed"]
    return "changed: " + ", ".join(changed) if changed else "nothing has changed"


def _show_muted(result: Mapping[str, Any]) -> str:
    return "muted" if result["muted"] else "not muted"


def _show_answer(turn: Mapping[str, Any]) -> str:
    return str(turn["error"] or turn["reply"] or turn["outcome"])


def _show_timers(timers: list[Mapping[str, Any]]) -> str:
    from voiced.cli.reach import timer_line

    return "\n".join(timer_line(timer) for timer in timers) or "no timers"


def _show_methods(result: Mapping[str, Any]) -> str:
    methods = result["methods"].items()
    lines = [f"{_signature(name, about):<24} {about['summary']}" for name, about in methods]
    return "\n".join([f"voiced {result['version']}", *lines])


def _signature(name: str, about: Mapping[str, Any]) -> str:
    takes = (f"[{each}]" if each in about["optional"] else each for each in about["takes"])
    return " ".join([name, *takes])


_WORDS: Final = {
    "listen": _Word("listen, as after the wake word"),
    "stop": _Word("be quiet; whatever goes on ends"),
    "mute": _Word("close the microphone until `unmute`"),
    "unmute": _Word("open the microphone again"),
    "toggle-mute": _Word("mute or unmute", _show_muted, method="toggle_mute"),
    "say": _Word("say a text as soon as nobody speaks", timeout_s=None),
    "ask": _Word("answer a typed question aloud", _show_answer, timeout_s=None),
    "volume": _Word("how loud it speaks, or set that", lambda found: f"{found['percent']} %"),
    "reload": _Word("apply the changed configuration", _show_changed, timeout_s=None),
    "timers": _Word("the timers that run", _show_timers),
    "events": _Word("print what happens, a line of JSON each, until interrupted"),
    "metrics": _Word("print figures as Prometheus reads them", str.rstrip),
    "shutdown": _Word("end the assistant (a service that restarts always comes back)"),
    "methods": _Word("print what the socket understands", _show_methods),
}
