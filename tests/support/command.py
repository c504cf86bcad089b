"""Runs one command's module as the command line does."""

from __future__ import annotations

import argparse
from types import ModuleType


def run_command(module: ModuleType, *words: str) -> int:
    """The exit status of `voiced WORDS`; raises what the command raises."""
    parser = argparse.ArgumentParser(prog="voiced")
    parser.set_defaults(config=None, overrides=[])
    module.add_parser(parser.add_subparsers())
    args = parser.parse_args(words)
    status: int = args.run(args)
    return status
