"""All commands, and what is printed of their errors.

A command's module has `add_parser(subparsers)`, cheap to import, and `run(args) -> int`, which imports
what it needs. Errors are raised; they are printed here, and only here.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from voiced import __version__
from voiced.cli import (
    ask,
    bench,
    config,
    ctl,
    demo,
    devices,
    doctor,
    logs,
    models,
    ptt,
    run,
    say,
    service,
    status,
    talk,
    transcribe,
)
from voiced.cli.common import TerminatedError
from voiced.errors import VoicedError
from voiced.observe.guard import opt_out
from voiced.observe.logs import set_up_logging

_COMMANDS: Final = (
    *(run, talk, ask, transcribe, say, demo),
    *(ctl, ptt, status, logs, service),
    *(devices, models, config, doctor, bench),
)

_EPILOG: Final = """\
to begin:
  voiced demo                        a conversation without microphone or speaker
  voiced doctor                      what works on this machine, and what to do about the rest
  voiced talk                        talk to it: Enter starts and ends your sentence
  voiced run                         the always-on assistant: say "okay nabu"
  voiced service install             the same, kept running by systemd
  voiced ask "what time is it"       one question, one answer

exit status:
  0   done                           70  voiced or an engine failed
  1   nothing heard or understood,   71  a sound device is missing or refuses
      or checks found problems       74  something could not be written
  2   wrong use of the command line  75  try again: a download did not work, or voiced runs already
  3   voiced is not running          78  the configuration is wrong
  65  a file cannot be used          130 interrupted with Ctrl-C
  66  a file is not there
  69  a model is missing or corrupt
"""

_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
"""What shells report of a program that a signal ended: 128 and the signal's number."""


def run_command_line(words: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    args = _parser().parse_args(words)
    set_up_logging(args.verbose, os.environ)
    opt_out(os.environ)
    try:
        status: int = args.run(args)
    except VoicedError as error:
        print(f"voiced: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED
    except TerminatedError:
        return _TERMINATED
    except BrokenPipeError:
        # The reader of our output has gone (`voiced devices | head -1`): not our business.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voiced",
        description="An offline voice assistant: hears, thinks and answers on this machine alone.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"voiced {__version__}")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="read this configuration instead of the user's"
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one key of the configuration, e.g. --set tts.engine=espeak (may be repeated)",
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="say more on standard error (-vv: all)"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for command in _COMMANDS:
        command.add_parser(subparsers)
    return parser
