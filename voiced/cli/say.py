"""`voiced say`: speak a text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from voiced.cli.common import add_command, run_async, settings_from, sink_for
from voiced.errors import UsageError

_EPILOG = """\
examples:
  voiced say "Dinner is ready."
  voiced say --out reply.wav "Half past seven."
  fortune | voiced say -
  voiced --set tts.engine=espeak --set language=de say "Guten Tag"
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "say", "speak a text, aloud or into a WAV file", _EPILOG)
    parser.add_argument("text", metavar="TEXT", help="what to say; - reads standard input")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a WAV instead of playing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Speak."""
    text = sys.stdin.read() if args.text == "-" else args.text
    if not any(character.isalnum() for character in text):
        raise UsageError("there is nothing to say in this text: give words")
    settings = settings_from(args)

    from voiced.pipeline import say_text

    run_async(say_text(settings, text, sink_for(settings, args.out, speak=args.out is None)))
    return 0
