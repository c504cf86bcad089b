"""The running assistant on a page: what it does, how it is, and its last turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from voiced.cli.reach import clock, timer_line
from voiced.cli.waterfall import waterfall
from voiced.control.wire import turn_from_json
from voiced.core.state import Phase
from voiced.events import MicrophoneState, TurnReport

_STYLES: Final[dict[str, str]] = {
    Phase.IDLE: "dim",
    Phase.LISTENING: "bold green",
    Phase.THINKING: "bold yellow",
    Phase.SPEAKING: "bold cyan",
    Phase.FOLLOW_UP: "green",
}

_METER_CELLS: Final = 24
_QUIET_DBFS: Final = -60.0
_TURNS_KEPT: Final = 5


class Dashboard:
    """What is known of the assistant. `take_status` and `take_event` tell it more, `page` draws it."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self.take_status(status)
        self._level_dbfs: float | None = None
        self._has_speech = False
        self._you = ""
        self._reply: list[str] = []
        self._trouble = ""

    def take_status(self, status: Mapping[str, Any]) -> None:
        """The answer to `status`: it holds whatever was told before."""
        self._status = dict(status)
        self._turns = [turn_from_json(turn) for turn in status["last_turns"]]

    def take_event(self, event: Mapping[str, Any]) -> None:
        """The parameters of an `event` notification; a kind that is not shown changes nothing."""
        match event["kind"]:
            case "level":
                self._level_dbfs = event["level_dbfs"]
                self._has_speech = event["speech_probability"] > 0.5
            case "phase":
                self._status["phase"] = event["phase"]
                if event["phase"] == Phase.LISTENING:
                    self._you, self._reply = "", []
            case "microphone":
                self._status["microphone"] = event
                self._level_dbfs = None
            case "speaker":
                self._status["speaker"] = event
            case "transcript-grew" | "understood":
                self._you = event["text"]
            case "reply-grew":
                self._reply.append(event["clause"])
            case "turn-ended":
                self._you, self._reply = "", []
                self._turns = [*self._turns, turn_from_json(event)][-_TURNS_KEPT:]
            case "engine-failed" | "engine-recovered":
                self._note_engine(event["name"], event.get("reason"))

    def _note_engine(self, name: str, reason: str | None) -> None:
        failing = dict(self._status.get("engines_failing", {}))
        failing.pop(name, None)
        self._status["engines_failing"] = failing | ({name: reason} if reason is not None else {})

    def say(self, trouble: str) -> None:
        """Show why nothing new comes; "" where it comes again."""
        self._trouble = trouble

    def page(self) -> RenderableType:
        """All of it."""
        trouble = Text(self._trouble, style="bold red")
        parts: list[RenderableType] = [self._head(), trouble, self._facts()]
        if self._you or self._reply:
            parts += [Text(), _said(self._you, " ".join(self._reply))]
        if self._turns:
            parts += [Text(), Rule("last turns", style="bright_black", align="left")]
        for number, turn in enumerate(reversed(self._turns)):
            parts.append(_turn(turn, is_newest=number == 0))
        return Group(*parts)

    def _head(self) -> Table:
        status = self._status
        phase = "" if self._trouble else status["phase"]
        about = (
            f"up {_duration(status['uptime_s'])}  {status['memory_mb']:.0f} MB  pid {status['pid']}"
        )
        head = Table.grid(padding=(0, 2), expand=True)
        head.add_column(no_wrap=True)
        head.add_column(ratio=1, min_width=10)
        head.add_column(justify="right", style="dim", no_wrap=True)
        head.add_row(
            Text(f"voiced {status['version']}", style="bold"),
            Text(phase, style=_STYLES.get(phase, "yellow")),
            about,
        )
        return head

    def _meter(self) -> Text:
        if self._level_dbfs is None:
            return Text()
        share = min(1.0, max(0.0, 1 - self._level_dbfs / _QUIET_DBFS))
        loud = round(share * _METER_CELLS)
        return Text.assemble(
            "  ",
            ("━" * loud, "bold green" if self._has_speech else "green"),
            ("─" * (_METER_CELLS - loud), "bright_black"),
            (f" {self._level_dbfs:.0f} dBFS", "dim"),
        )

    def _facts(self) -> Table:
        status = self._status
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column()
        facts.add_row("microphone", _microphone(status["microphone"]).append(self._meter()))
        facts.add_row("speaker", _speaker(status["speaker"], status["volume_percent"]))
        engines = status.get("engines", {}).items()
        facts.add_row("engines", "  ".join(f"{kind}={name}" for kind, name in engines))
        for name, reason in status.get("engines_failing", {}).items():
            facts.add_row("failing", Text(f"{name}: {reason}", style="bold red"))
        turns = "  ".join(
            f"{count} {outcome}" for outcome, count in status["turns"].items() if count
        )
        facts.add_row("turns", turns or "none yet")
        if lost := _lost(status):
            facts.add_row("sound lost", Text(lost, style="yellow"))
        for number, timer in enumerate(status.get("timers", [])):
            facts.add_row("" if number else "timers", Text(timer_line(timer)))
        return facts


def _microphone(microphone: Mapping[str, Any]) -> Text:
    match MicrophoneState(microphone["state"]):
        case MicrophoneState.OPEN:
            return Text("open")
        case MicrophoneState.MUTED:
            return Text("muted: it is closed until `voiced ctl unmute`", style="bold red")
        case MicrophoneState.AWAY:
            return Text(f"away: {microphone['reason']}", style="bold red")


def _speaker(speaker: Mapping[str, Any], volume_percent: int) -> Text:
    if not speaker["is_there"]:
        return Text(f"away: {speaker['reason']}", style="bold red")
    return Text(f"open, volume {volume_percent} %")


def _lost(status: Mapping[str, Any]) -> str:
    found = [(status.get(f"{name}s", 0), name) for name in ("overflow", "underflow", "reconnect")]
    return "  ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in found if count)


def _turn(turn: TurnReport, *, is_newest: bool) -> RenderableType:
    first_ms = turn.timings_ms.get("first_audio")
    end_ms = turn.timings_ms.get("speech_end")
    waited = (
        f"answered after {first_ms - end_ms:.0f} ms"
        if first_ms is not None and end_ms is not None
        else turn.outcome.value
    )
    head = Text(f"{turn.turn_id:>4}  {waited}, {turn.path.value}", style="dim")
    said = _said(turn.transcript.text, turn.reply, turn.error)
    parts: list[RenderableType] = [head, said]
    if is_newest and turn.spans:
        parts.append(Padding(waterfall(turn), (0, 0, 0, 6)))
    return Group(*parts)


def _said(you: str, reply: str, error: str = "") -> Table:
    said = Table.grid(padding=(0, 2))
    said.add_column(style="dim", justify="right", min_width=12, no_wrap=True)
    said.add_column()
    for who, what, style in (
        ("you", you, "bold"),
        ("voiced", reply, "bold cyan"),
        ("error", error, "red"),
    ):
        if what:
            said.add_row(who, Text(what, style=style))
    return said


def _duration(duration_s: float) -> str:
    days, rest_s = divmod(duration_s, 86_400)
    return f"{days:.0f} d {clock(rest_s)}" if days else clock(rest_s)
