"""`voiced demo`: a spoken conversation with the real engines, without microphone or speaker."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voiced.cli.common import add_command, run_async, settings_from

if TYPE_CHECKING:
    from voiced.assistant import Assistant
    from voiced.audio.simulated import SimulatedDuplex
    from voiced.cli.view import ConversationView
    from voiced.config import Settings
    from voiced.events import AssistantEvent
    from voiced.types import Samples

_EPILOG = """\
Recorded questions go through the whole pipeline in real time: wake word, voice activity, endpointing,
transcription, reply, speech. Below each answer stands when things happened after the end of speech.
The conversation is written to a stereo WAV, the person left, the assistant right.

examples:
  voiced demo
  voiced demo --out /tmp/conversation.wav
  voiced --set tts.piper.voice=en_US-flite_slt-low demo

exit status: 0 when every question was answered, 1 otherwise.
"""

_FIRST_BREATH_S: Final = 1.5
"""What they wait before the first: the sound that says "ready" lasts a second."""

_BREATH_S: Final = 0.8
"""What a person waits after an answer before they ask the next thing."""

_PATIENCE_S: Final = 20.0
"""After how long without an end of its turn a question counts as not heard."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(
        subparsers, "demo", "hold a short conversation with recorded questions", _EPILOG
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("voiced-demo.wav"),
        metavar="FILE",
        help="where the conversation is written (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Hold the conversation."""
    from rich.console import Console

    from voiced.cli.view import ConversationView

    settings = settings_from(args)
    questions = _recordings()
    console = Console(highlight=False)
    with ConversationView(console, "a recorded person is about to speak") as view:
        answered = run_async(_converse(settings, questions, args.out, view))
    console.print(f"{answered} of {len(questions)} questions answered.")
    console.print(f"The conversation, person left and assistant right: {args.out.resolve()}")
    return 0 if answered == len(questions) else 1


def _recordings() -> list[Samples]:
    """The questions that ship with voiced, in their order."""
    import numpy as np

    from voiced.audio.wavfile import SoundReader

    folder = Path(__file__).with_name("demo_questions")
    questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    recordings = []
    for question in questions:
        reader = SoundReader(folder / question["file"])
        recordings.append(np.concatenate(list(reader.pieces())))
        reader.close()
    return recordings


async def _converse(
    settings: Settings, questions: Sequence[Samples], out: Path, view: ConversationView
) -> int:
    from voiced.audio.simulated import SimulatedDuplex
    from voiced.core.state import Activation
    from voiced.pipeline import run_assistant
    from voiced.tasks import unwrapped

    async with SimulatedDuplex(record_to=out) as card:
        person = _Person(card, questions)

        def observe(event: AssistantEvent) -> None:
            view.observe(event)
            person.observe(event)

        def on_ready(assistant: Assistant) -> None:
            view.on_ready(assistant)
            person.on_ready(assistant)

        with unwrapped():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(person.speak(), name="person")
                await run_assistant(
                    settings,
                    card.source,
                    lambda _: card.sink,
                    Activation.WAKE,
                    observe,
                    on_ready,
                )
    return person.answered


class _Person:
    """Asks one recorded question after another, each when the one before has been answered."""

    def __init__(self, card: SimulatedDuplex, questions: Sequence[Samples]) -> None:
        self.answered = 0
        self._card = card
        self._questions = questions
        self._ready = asyncio.Event()
        self._turn_ended = asyncio.Event()

    def on_ready(self, _: Assistant) -> None:
        self._ready.set()

    def observe(self, event: AssistantEvent) -> None:
        from voiced.core.signals import Outcome
        from voiced.events import TurnEnded

        if isinstance(event, TurnEnded) and event.report.outcome in (
            Outcome.ANSWERED,
            Outcome.FAILED,
        ):
            self.answered += event.report.was_understood
            self._turn_ended.set()

    async def speak(self) -> None:
        await self._ready.wait()
        await asyncio.sleep(_FIRST_BREATH_S - _BREATH_S)
        for question in self._questions:
            await asyncio.sleep(_BREATH_S)
            self._turn_ended.clear()
            self._card.say(question)
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._turn_ended.wait()
            except TimeoutError:
                continue
        self._card.hang_up()
