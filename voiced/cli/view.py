"""What a person sees of a conversation in a terminal: a live line, and what was said above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from voiced.cli.waterfall import waterfall
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    ReplyGrew,
    SpeakerChanged,
    TranscriptGrew,
    TurnEnded,
    TurnReport,
    Understood,
    Woken,
)

if TYPE_CHECKING:
    from voiced.assistant import Assistant

_LEVEL_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_QUIET_DBFS: Final = -60.0
_LEVELS_SHOWN: Final = 12
_BLOCKS_PER_LEVEL: Final = 4
"""A bar of the level meter is 80 ms: about as often as a terminal is worth redrawing."""

_STYLES: Final = {
    Phase.IDLE: "dim",
    Phase.LISTENING: "bold green",
    Phase.THINKING: "bold yellow",
    Phase.SPEAKING: "bold cyan",
    Phase.FOLLOW_UP: "green",
}


class ConversationView:
    """Shows what the assistant tells its observer; a context manager that owns the live line.

    Where standard output is not a terminal, each thing said is a plain line and there is no live one.
    """

    def __init__(self, console: Console, hint: str) -> None:
        """`hint` says what to do while nothing goes on."""
        self._console = console
        self._hint = hint
        self._hints = {Phase.IDLE: hint, Phase.FOLLOW_UP: "go on, without the wake word"}
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._phase: Phase | None = None
        self._text = ""
        self._has_begun = False
        self._is_deaf = self._is_mute = False
        self._levels: list[float] = []
        self._loudest_dbfs = -90.0
        self._blocks = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
            self._refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_ready(self, _: Assistant) -> None:
        """Everything is loaded, and the devices are open."""
        self._console.print(Text(f"Ready: {self._hint}.", style="green"))
        self._phase = Phase.IDLE
        self._refresh()

    def observe(self, event: AssistantEvent) -> None:  # noqa: C901  # a table
        """Show one event."""
        match event:
            case Heard(level_dbfs=level_dbfs):
                self._measure(level_dbfs)
                return
            case PhaseChanged(phase):
                self._phase, self._text = phase, ""
            case Woken(phrase=phrase):
                self._console.print(Text(f"   wake  {phrase}", style="dim"))
            case TranscriptGrew(text=text):
                self._text = text
            case Understood(transcript=transcript):
                self._print_said("you", "bold", transcript.text)
            case ReplyGrew(clause=clause):
                self._print_said("" if self._has_begun else "voiced", "bold cyan", clause)
                self._has_begun = True
            case TurnEnded(report):
                self._has_begun = False
                self._show_end(report)
            case MicrophoneChanged(state, reason):
                self._show_microphone(state, reason)
            case SpeakerChanged(is_there, reason):
                self._show_speaker(reason, is_there=is_there)
            case EngineFailed(name, reason):
                self._say(f"{name} failed and is built anew: {reason}", is_bad=True)
            case EngineRecovered(name):
                self._say(f"{name} works again")
        self._refresh()

    def _show_microphone(self, state: MicrophoneState, reason: str) -> None:
        was_deaf, self._is_deaf = self._is_deaf, state is not MicrophoneState.OPEN
        match state:
            case MicrophoneState.OPEN if was_deaf:
                self._say("the microphone is open: it hears again")
            case MicrophoneState.OPEN:
                pass
            case MicrophoneState.MUTED:
                self._say("the microphone is muted: `voiced ctl unmute` opens it", is_bad=True)
            case MicrophoneState.AWAY:
                self._say(f"the microphone is away: {reason}; trying again and again", is_bad=True)

    def _show_speaker(self, reason: str, *, is_there: bool) -> None:
        was_mute, self._is_mute = self._is_mute, not is_there
        if not is_there:
            self._say(f"the speaker is away: {reason}; trying again and again", is_bad=True)
        elif was_mute:
            self._say("the speaker is there again")

    def _say(self, text: str, *, is_bad: bool = False) -> None:
        self._console.print(Text(f"   note  {text}", style="yellow" if is_bad else "dim"))

    def _measure(self, level_dbfs: float) -> None:
        self._loudest_dbfs = max(self._loudest_dbfs, level_dbfs)
        self._blocks += 1
        if self._blocks == _BLOCKS_PER_LEVEL:
            self._levels = [*self._levels[1 - _LEVELS_SHOWN :], self._loudest_dbfs]
            self._blocks, self._loudest_dbfs = 0, -90.0
            self._refresh()

    def _refresh(self) -> None:
        if not self._live.is_started:
            return
        if self._phase is None:
            self._live.update(Text("  loading the engines", style="dim"), refresh=True)
            return
        line = Text.assemble(
            (f"{self._phase.value:>9} ", _STYLES[self._phase]),
            ("".join(_bar(level) for level in self._levels).rjust(_LEVELS_SHOWN), "green"),
            "  ",
            (self._text or self._hints.get(self._phase, ""), "dim italic"),
        )
        line.truncate(self._console.width, overflow="ellipsis")
        self._live.update(line, refresh=True)

    def _print_said(self, who: str, style: str, text: str) -> None:
        line = Text.assemble((f"{who:>7}  ", style), text)
        self._console.print(line, soft_wrap=not self._console.is_terminal)

    def _show_end(self, report: TurnReport) -> None:
        if report.outcome is Outcome.FAILED:
            self._console.print(Text(f"  error  {report.error}", style="red"))
        elif report.outcome is Outcome.CANCELLED and report.reply:
            self._console.print(Text("         (interrupted)", style="dim"))
        elif report.outcome is Outcome.ANSWERED:
            self._console.print(Padding(waterfall(report), (0, 0, 1, 9)))


def _bar(level_dbfs: float) -> str:
    share = min(1.0, max(0.0, 1 - level_dbfs / _QUIET_DBFS))
    return _LEVEL_BLOCKS[round(share * (len(_LEVEL_BLOCKS) - 1))]
