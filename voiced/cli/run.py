"""`voiced run`: the always-on assistant in the foreground."""

from __future__ import annotations

import argparse
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voiced.cli.common import TerminatedError, add_command, run_async, settings_from

if TYPE_CHECKING:
    from voiced.assistant import Assistant
    from voiced.audio.contracts import AudioSink, AudioSource
    from voiced.events import AssistantEvent

_log = logging.getLogger(__name__)

_EPILOG = """\
examples:
  voiced run                              say "okay nabu", then your question
  voiced --set audio.input=USB run        on the microphone with USB in its name
  voiced --set wake.enabled=false run     take everything that is said for a question
  voiced run --input-wav day.wav --output-wav answers.wav
  voiced run --trace turns.jsonl          keep when what was done in each turn

Ctrl-C ends it. In a terminal it shows what it hears and says; elsewhere (a service) it logs what it
does, and nothing of what is said. Files take the devices' place at their own pace; the answers are
written without the silence between them.
"""

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
    """Run until interrupted, or until the input file ends."""
    from rich.console import Console

    from voiced.audio.wav import WavSink, WavSource
    from voiced.cli.reports import traced
    from voiced.cli.view import ConversationView
    from voiced.core.state import Activation
    from voiced.pipeline import Devices, run_assistant

    settings = settings_from(args)
    activation = Activation.WAKE if settings.wake.enabled else Activation.SPEECH
    devices = Devices(settings)
    source: AudioSource
    if args.input_wav is not None:
        source = WavSource(args.input_wav, trailing_silence_ms=_TRAILING_SILENCE_MS)
    else:
        source = devices.microphone()

    def open_sink(rate_hz: int) -> AudioSink:
        if args.output_wav is not None:
            return WavSink(args.output_wav, rate_hz=rate_hz)
        return devices.speaker(rate_hz)

    console = Console(highlight=False)
    if not console.is_terminal:
        logging.getLogger("voiced").setLevel(logging.DEBUG if args.verbose > 1 else logging.INFO)
        with traced(args.trace, _log_event) as observe, suppress(TerminatedError):
            # To be terminated is how a service is meant to end.
            run_async(run_assistant(settings, source, open_sink, activation, observe, _log_ready))
        return 0
    hint = "say the wake word" if activation is Activation.WAKE else "just speak"
    view = ConversationView(console, f"{hint}, Ctrl-C ends it")
    with traced(args.trace, view.observe) as observe, view:
        run_async(run_assistant(settings, source, open_sink, activation, observe, view.on_ready))
    return 0


def _log_ready(_: Assistant) -> None:
    _log.info("ready")


def _log_event(event: AssistantEvent) -> None:
    """What a service's log should hold: what happens, and nothing of what is said."""
    from voiced.events import PhaseChanged, TurnEnded, Woken

    match event:
        case PhaseChanged(phase):
            _log.info("%s", phase.value)
        case Woken(phrase=phrase, score=score):
            _log.info("heard the wake word %r (%.2f)", phrase, score)
        case TurnEnded(report):
            _log.info(
                "turn %d %s by %s: %s",
                report.turn_id,
                report.outcome.value,
                report.path.value,
                " ".join(f"{name}={ms:.0f}ms" for name, ms in report.timings_ms.items()),
            )
