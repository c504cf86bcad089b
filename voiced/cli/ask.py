"""`voiced ask`: one question, typed or recorded, and its answer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voiced.cli.common import add_command, print_json, run_async, settings_from, sink_for
from voiced.cli.reports import as_json
from voiced.errors import EngineError, UsageError

if TYPE_CHECKING:
    from voiced.assistant import Assistant
    from voiced.config import Settings
    from voiced.events import AssistantEvent, TurnReport

_EPILOG = """\
examples:
  voiced ask "what time is it"
  voiced ask --speak "what is the capital of france"
  voiced ask --wav question.wav --out reply.wav
  voiced ask --wav question.wav --json | jq .timings_ms

--json prints transcript, confidence, reply, path (skill, model, or none where nothing was
understood), timings_ms (speech_end, endpoint, first_token, first_clause, commit, first_audio and done,
counted from the start of the input) and revisions: what was understood at each pause, what it
earned, and what was done with it. A WAV is read as fast as it can be; its times are those that
the same sound would have had through a microphone (--realtime plays it at its own pace).
exit status: 0 answered, 1 nothing was heard or understood.
"""

_TRAILING_SILENCE_MS: Final = 3_000
"""After a recording comes quiet, as it would at a microphone: longer than any endpointing waits."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "ask", "ask one question, typed or recorded", _EPILOG)
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the question")
    parser.add_argument("--wav", type=Path, metavar="FILE", help="the question as a recording")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the spoken answer as a WAV")
    parser.add_argument("--speak", action="store_true", help="play the answer on the speaker")
    parser.add_argument(
        "--json", action="store_true", help="print everything about it as an object"
    )
    parser.add_argument(
        "--realtime", action="store_true", help="play a recording at its own pace (with --wav)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    if (args.text is None) == (args.wav is None):
        raise UsageError('give a question, typed (voiced ask "TEXT") or recorded (--wav FILE)')
    if args.realtime and args.wav is None:
        raise UsageError("--realtime goes with --wav: a typed question has no pace")
    if args.speak and args.out is not None:
        raise UsageError("give --speak or --out, not both")
    settings = settings_from(args)
    report = run_async(_ask(args, settings))
    if report is not None and report.error:
        raise EngineError(report.error)
    if args.json:
        print_json(as_json(report))
    elif report is None:
        print(f"voiced: nobody says anything in {args.wav}", file=sys.stderr)
    elif report.reply:
        print(report.reply)
    return 0 if report is not None and report.was_understood else 1


async def _ask(args: argparse.Namespace, settings: Settings) -> TurnReport | None:
    from voiced.audio.wav import Pace, WavSource
    from voiced.core.state import Activation
    from voiced.pipeline import answer_text, run_assistant

    open_sink = sink_for(settings, args.out, speak=args.speak)
    if args.wav is None:
        return await answer_text(settings, args.text, open_sink, lambda _: None)
    pace = Pace.REALTIME if args.realtime else Pace.FAST
    source = WavSource(args.wav, pace=pace, trailing_silence_ms=_TRAILING_SILENCE_MS)
    first = _FirstExchange()
    await run_assistant(
        settings, source, open_sink, Activation.SPEECH, first.observe, first.on_ready
    )
    return first.report


class _FirstExchange:
    """Ends the assistant after one exchange, and keeps its report; None where nothing was said."""

    def __init__(self) -> None:
        self.report: TurnReport | None = None
        self._assistant: Assistant | None = None

    def on_ready(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def observe(self, event: AssistantEvent) -> None:
        from voiced.core.signals import InputEnded, Outcome
        from voiced.events import TurnEnded

        if not isinstance(event, TurnEnded) or self._assistant is None or self.report is not None:
            return
        if event.report.outcome in (Outcome.ANSWERED, Outcome.FAILED):
            self.report = event.report
            self._assistant.post(InputEnded())
