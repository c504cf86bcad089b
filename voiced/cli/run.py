"""`voiced run`: the always-on assistant in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voiced.cli.common import (
    TerminatedError,
    add_command,
    load_from,
    run_async,
    settings_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from voiced.assistant import Assistant
    from voiced.audio.contracts import AudioSink, AudioSource
    from voiced.config import Settings
    from voiced.events import Observer

    OnReady = Callable[[Assistant], None]

_log = logging.getLogger(__name__)

_EPILOG = """\
examples:
  voiced run                              say "okay nabu", then your question
  voiced --set audio.input=USB run        on the microphone with USB in its name
  voiced --set wake.enabled=false run     take everything that is said for a question
  voiced run --input-wav day.wav --output-wav answers.wav
  voiced run --trace turns.jsonl          keep when what was done in each turn

Ctrl-C ends it, and so does `voiced ctl shutdown`. In a terminal it shows what it hears and says; elsewhere
(a service) it logs what it does, and nothing of what is said. A microphone or speaker that is not there, or
goes away, is tried again and again. SIGHUP and `voiced ctl reload` apply the changed configuration.
Only one runs at a time, and `voiced status`, `ptt` and `ctl` talk to it. With files in the devices' place
it runs beside others, at the file's own pace; the answers are written without the silence between them.
"""

_END_S: Final = 1.5
"""How long a service may take to end; what matters takes 0.1 s."""

_TRAILING_SILENCE_MS: Final = 3_000


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(
        subparsers, "run", "run the always-on assistant in the foreground", _EPILOG
    )
    parser.add_argument(
        "--input-wav", type=Path, metavar="FILE", help="hear a file, not a microphone"
    )
    parser.add_argument("--output-wav", type=Path, metavar="FILE", help="speak into a file")
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="append a line of JSON for each turn: what was said, when what was done, and what was "
        "done in vain",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until interrupted, until the input file ends, or until somebody asks it to end."""
    from rich.console import Console

    from voiced.cli.view import ConversationView
    from voiced.observe.log_observer import LogObserver

    if args.trace is not None:
        args.overrides = [*args.overrides, f"debug.trace_file={args.trace.absolute()}"]
    settings = settings_from(args)

    console = Console(highlight=False)

    def assistant(observe: Observer, on_ready: OnReady) -> Coroutine[Any, Any, None]:
        if args.input_wav is not None or args.output_wav is not None:
            return _run_on_files(args, settings, observe, on_ready)
        from voiced.daemon import run_daemon

        return run_daemon(
            lambda: load_from(args),
            os.environ,
            observe,
            on_ready,
            # In a terminal it means that the terminal is gone.
            reloads_on_hangup=not console.is_terminal,
            # A terminal is to be left as it was found, however long that takes.
            on_end=(lambda _: None) if console.is_terminal else _end_soon,
        )

    # To be terminated is how a service is meant to end.
    with suppress(TerminatedError):
        if console.is_terminal:
            hint = "say the wake word" if settings.wake.enabled else "just speak"
            with ConversationView(console, f"{hint}, Ctrl-C ends it") as view:
                run_async(assistant(view.observe, view.on_ready))
        else:
            logging.getLogger("voiced").setLevel(
                logging.DEBUG if args.verbose > 1 else logging.INFO
            )
            run_async(assistant(LogObserver().observe, _log_ready))
    return 0


async def _run_on_files(
    args: argparse.Namespace, settings: Settings, observe: Observer, on_ready: OnReady
) -> None:
    """Files take the place of one device or both."""
    from voiced.audio.wav import WavSink, WavSource
    from voiced.observe.fan_out import FanOut
    from voiced.observe.guard import Guard
    from voiced.observe.metrics import Metrics
    from voiced.observe.wanted import WantedObservers
    from voiced.pipeline import Devices, run_assistant
    from voiced.sessions import activation_of

    devices = Devices(settings)

    def open_sink(rate_hz: int) -> AudioSink:
        if args.output_wav is not None:
            return WavSink(args.output_wav, rate_hz=rate_hz)
        return devices.speaker(rate_hz)

    guard = Guard(settings.metrics.port)
    metrics = Metrics(refused_connections=lambda: guard.refused)
    with guard.on_duty():
        async with WantedObservers(metrics.text, os.environ) as wanted:
            await wanted.apply(settings)
            told = FanOut(observe, metrics.observe, wanted.observe)
            if args.input_wav is not None:
                source: AudioSource = WavSource(
                    args.input_wav, trailing_silence_ms=_TRAILING_SILENCE_MS
                )
            else:
                source = devices.microphone()
            activation = activation_of(settings)
            await run_assistant(
                settings, source, open_sink, activation, told.observe, on_ready, tap=wanted.tap
            )


def _end_soon(status: int) -> None:
    """End the process in time whatever hangs: a sound server that does not answer is given seconds."""
    timer = threading.Timer(_END_S, os._exit, (status,))
    timer.daemon = True
    timer.start()


def _log_ready(_: Assistant) -> None:
    _log.info("ready")
