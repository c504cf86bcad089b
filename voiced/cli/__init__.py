"""The command line: one file a command.

A command's module has `add_parser(subparsers)`, cheap to import, and `run(args) -> int`, which imports
what it needs. Errors are raised; they are printed here, and only here.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from voiced import __version__
from voiced.cli import ask, bench, config, demo, devices, doctor, models, run, say, talk, transcribe
from voiced.cli.common import TerminatedError
from voiced.errors import VoicedError

_COMMANDS: Final = (run, talk, ask, transcribe, say, demo, devices, models, config, doctor, bench)

_EPILOG: Final = """\
to begin:
  voiced demo                        a conversation without microphone or speaker
  voiced doctor                      what works on this machine, and what to do about the rest
  voiced talk                        talk to it: Enter starts and ends your sentence
  voiced run                         the always-on assistant: say "okay nabu"
  voiced ask "what time is it"       one question, one answer

exit status:
  0   done                           70  voiced or an engine failed
  1   nothing heard or understood,   71  a sound device is missing or refuses
      or checks found problems       74  something could not be written
  2   wrong use of the command line  75  a download did not work; try again
  65  a file cannot be used          78  the configuration is wrong
  66  a file is not there            130 interrupted with Ctrl-C
  69  a model is missing or corrupt
"""

_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
"""What shells report of a program that a signal ended: 128 and the signal's number."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = _parser().parse_args(argv)
    _set_up_logging(args.verbose)
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


def _set_up_logging(verbosity: int) -> None:
    """Log to standard error; with the priority prefix that journald reads where it is listening."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
    handler = logging.StreamHandler()
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


class _JournalFormatter(logging.Formatter):
    """Prefixes each line with its syslog priority: sd-daemon(3), "prefixing log lines"."""

    _PRIORITIES: Final = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def format(self, record: logging.LogRecord) -> str:
        priority = next((p for level, p in self._PRIORITIES if record.levelno >= level), 7)
        lines = super().format(record).splitlines()
        return "\n".join(f"<{priority}>{line}" for line in lines)
