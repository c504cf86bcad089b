"""What several commands share."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from voiced.audio.contracts import AudioSink
    from voiced.config import Configuration, Settings

T = TypeVar("T")


def add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    epilog: str,
    description: str | None = None,
) -> argparse.ArgumentParser:
    """A parser for a command: one line for the list, a description, and examples below its options."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=description or f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def settings_from(args: argparse.Namespace) -> Settings:
    """The settings of all sources together. Raises `ConfigError`."""
    return load_from(args).settings


def load_from(args: argparse.Namespace) -> Configuration:
    """As `settings_from`, with the story of every key."""
    from voiced.config import load
    from voiced.engines import registry
    from voiced.models import Catalog

    presets = Catalog.load().preset_settings()
    return load(args.config, overrides=args.overrides, engines=registry, presets=presets)


def sink_for(settings: Settings, out: Path | None, *, speak: bool) -> Callable[[int], AudioSink]:
    """Where an answer goes: into the file `out`, to the speaker, or nowhere; given the voice's rate."""
    from voiced.audio.discard import DiscardSink
    from voiced.audio.wav import Pace, WavSink
    from voiced.pipeline import Devices

    if out is not None:
        return lambda rate_hz: WavSink(out, rate_hz=rate_hz, pace=Pace.FAST)
    if not speak:
        return DiscardSink
    return Devices(settings).speaker


class TerminatedError(Exception):
    """SIGTERM ended the command; everything has been closed."""


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run `main`; SIGTERM ends it as Ctrl-C does, so that files and devices are closed; so does the end of
    its terminal (SIGHUP), unless somebody (nohup) has that ignored.

    Raises `TerminatedError` then, and `KeyboardInterrupt` after Ctrl-C.
    """

    async def with_signals() -> T:
        task = asyncio.current_task()
        if task is not None:
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await main

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        raise TerminatedError from None


def print_json(value: object) -> None:
    """`value` for scripts: indented, not escaped."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
