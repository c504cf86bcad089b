"""`voiced talk`: push-to-talk in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from voiced.cli.common import add_command, run_async, settings_from
from voiced.errors import UsageError

if TYPE_CHECKING:
    from voiced.assistant import Assistant
    from voiced.cli.view import ConversationView
    from voiced.config import Settings
    from voiced.events import AssistantEvent

_EPILOG = """\
examples:
  voiced talk                  Enter or space starts your sentence, and ends it
  voiced talk --hands-free     just speak; it answers when you have finished

Escape stops an answer (and drops a sentence), q or Ctrl-C ends the conversation.
"""

_TALK_KEYS: Final = frozenset(b"\r\n ")
_STOP_KEY: Final = 0x1B
_QUIT_KEYS: Final = frozenset(b"qQ\x04")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(
        subparsers, "talk", "talk to it in a terminal: press Enter, speak", _EPILOG
    )
    parser.add_argument(
        "--hands-free", action="store_true", help="no keys: every sentence is a question"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Talk until q."""
    if not sys.stdin.isatty():
        raise UsageError("talk needs a terminal for its keys; in a script use `voiced ask --wav`")
    from rich.console import Console

    from voiced.cli.view import ConversationView

    settings = settings_from(args)
    hint = "just speak; q ends" if args.hands_free else "Enter to speak, q to end"
    with ConversationView(Console(highlight=False), hint) as view:
        run_async(_talk(settings, view, hands_free=args.hands_free))
    return 0


async def _talk(settings: Settings, view: ConversationView, *, hands_free: bool) -> None:
    from voiced.core.state import Activation
    from voiced.observe.guard import Guard
    from voiced.pipeline import Devices, run_assistant

    devices = Devices(settings)
    keys = _Keys()

    def observe(event: AssistantEvent) -> None:
        view.observe(event)
        keys.observe(event)

    def on_ready(assistant: Assistant) -> None:
        view.on_ready(assistant)
        keys.on_ready(assistant)

    with Guard().on_duty(), _unbuffered_keys(keys.press):
        await run_assistant(
            settings,
            devices.microphone(),
            devices.speaker,
            Activation.SPEECH if hands_free else Activation.KEY,
            observe,
            on_ready,
        )


class _Keys:
    """Turns key presses into what the assistant understands."""

    def __init__(self) -> None:
        self._assistant: Assistant | None = None
        self._is_listening = False

    def on_ready(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def observe(self, event: AssistantEvent) -> None:
        from voiced.core.state import Phase
        from voiced.events import PhaseChanged

        if isinstance(event, PhaseChanged):
            self._is_listening = event.phase is Phase.LISTENING

    def press(self, key: int) -> None:
        from voiced.core.signals import InputEnded, KeyPressed, KeyReleased, StopAsked

        if self._assistant is None:
            return
        if key in _TALK_KEYS:
            self._assistant.post(KeyReleased() if self._is_listening else KeyPressed())
        elif key == _STOP_KEY:
            self._assistant.post(StopAsked())
        elif key in _QUIT_KEYS:
            self._assistant.post(StopAsked())
            self._assistant.post(InputEnded())


@contextmanager
def _unbuffered_keys(press: Callable[[int], None]) -> Iterator[None]:
    """Hand each key to `press` as it is hit, unechoed; the terminal is put back at the end."""
    terminal = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)

    def on_keys() -> None:
        for key in os.read(terminal, 64):
            press(key)

    loop.add_reader(terminal, on_keys)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
