"""`voiced status`: printed once, as JSON, and as a live page in a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.command import run_command
from tests.support.fake_remote import TURN, FakeRemote, Running
from voiced.cli import status
from voiced.cli.dashboard import Dashboard
from voiced.control.client import NotRunningError
from voiced.control.wire import event_to_json
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
)

DEADLINE_S = 30.0


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "control.sock"
    monkeypatch.setenv("VOICED_CONTROL_SOCKET", str(path))
    return path


@pytest.fixture
def running(path: Path) -> Iterator[Running]:
    with Running(path).run() as running:
        yield running


def shown(*events: AssistantEvent, **status: object) -> str:
    """The page after `events`, as text 80 columns wide."""
    remote = FakeRemote()
    remote.more_status = status
    board = Dashboard(remote.status())
    for event in events:
        board.take_event(json.loads(json.dumps(event_to_json(event))))
    console = Console(width=80, record=True, file=open(os.devnull, "w"), highlight=False)  # noqa: PTH123, SIM115
    with console.file:
        console.print(board.page())
        return console.export_text()


def test_a_page_has_it_all() -> None:
    page = shown(timers=[{"name": "pasta", "remaining_s": 3904.0, "paused": True}])
    for part in (
        "voiced 0.1.0  idle",
        "up 1 d 2:03:04  312 MB  pid 4711",
        "microphone  open",
        "open, volume 70 %",
        "vad=gated  wake=microwakeword  stt=pocketsphinx",
        "12 answered  1 failed",
        "2 overflows  1 reconnect",
        "pasta: 1:05:04 left, paused",
        "3  answered after 295 ms, model",
        "you  why is the sky blue",
        "voiced  Because of the air.",
        "recognition    0 to 150 ms ███",
    ):
        assert part in page
    assert max(len(line.rstrip()) for line in page.splitlines()) <= 80


def test_events_show_at_once() -> None:
    page = shown(
        PhaseChanged(Phase.LISTENING),
        Heard(-20.0, 0.9),
        TranscriptGrew(4, "what time"),
        ReplyGrew(4, "It is"),
        ReplyGrew(4, "noon."),
        SpeakerChanged(is_there=False, reason="unplugged"),
        EngineFailed("stt", "hung for 15 s"),
        last_turns=[],
    )
    assert "listening" in page
    assert "microphone  open  " + "━" * 16 + "─" * 8 + " -20 dBFS" in page
    assert "you  what time" in page
    assert "voiced  It is noon." in page
    assert "speaker     away: unplugged" in page
    assert "failing     stt: hung for 15 s" in page
    assert "last turns" not in page


def test_what_is_over_shows_no_longer() -> None:
    page = shown(
        TranscriptGrew(3, "why is the"),
        TurnEnded(TURN),
        EngineFailed("stt", "hung for 15 s"),
        EngineRecovered("stt", 900.0),
        last_turns=[],
    )
    assert page.count("why is the") == 1
    assert "failing" not in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MicrophoneState.MUTED, "muted: it is closed until `voiced ctl unmute`"),
        (MicrophoneState.AWAY, "away: no USB Mic; trying again"),
    ],
)
def test_that_it_cannot_hear_is_plain_and_has_no_level(state: MicrophoneState, words: str) -> None:
    page = shown(Heard(-20.0, 0.9), MicrophoneChanged(state, "no USB Mic; trying again"))
    assert f"microphone  {words}" in page
    assert "dBFS" not in page


def test_a_turn_that_failed_says_why() -> None:
    turn = {**event_to_json(TurnEnded(TURN)), "outcome": "failed", "timings_ms": {}, "reply": ""}
    page = shown(last_turns=[{**turn, "error": "the model is gone"}])
    assert "3  failed, model" in page
    assert "error  the model is gone" in page


def test_where_it_is_piped_it_is_printed_once(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(status, "status") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("voiced 0.1.0  idle")
    assert "\x1b" not in printed


def test_json_is_the_answer_of_the_socket(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(status, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["microphone"] == {"state": "open", "reason": ""}
    assert found["timers"][0]["name"] == "pasta"


def test_where_nothing_runs_it_says_so(path: Path) -> None:
    with pytest.raises(NotRunningError, match="voiced is not running"):
        run_command(status, "status")


class Terminal:
    """`voiced status` in a terminal of its own."""

    def __init__(self) -> None:
        script = (
            "import argparse, sys; from voiced.cli import status;"
            "sys.exit(status.run(argparse.Namespace("
            "once=False, json=False, config=None, overrides=[])))"
        )
        self._screen, end = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=end,
            stdout=end,
            stderr=end,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40"},
        )
        os.close(end)
        self.drawn = ""

    def read_until(self, words: str) -> None:
        """Until that has been drawn since the last time."""
        self._read(lambda: words in self.drawn)
        self.drawn = self.drawn.partition(words)[2]

    def leave(self) -> int:
        """Ctrl-C, and the exit status."""
        self._process.send_signal(signal.SIGINT)
        self._read(lambda: self._process.poll() is not None)
        os.close(self._screen)
        return self._process.wait(DEADLINE_S)

    def _read(self, is_done: Callable[[], bool]) -> None:
        begun_s = time.monotonic()
        while not is_done():
            assert time.monotonic() - begun_s < DEADLINE_S, self.drawn
            if select.select([self._screen], [], [], 0.05)[0]:
                try:
                    self.drawn += os.read(self._screen, 65536).decode(errors="replace")
                except OSError:
                    # Linux's way to say that nobody has the other end any more.
                    return


def test_a_live_page_follows_and_leaves_the_terminal_clean(running: Running, path: Path) -> None:
    terminal = Terminal()
    terminal.read_until("\x1b[?1049h")
    terminal.read_until("idle")
    running.wait_until(lambda: bool(running.remote.observers))
    running.soon(lambda: running.remote.tell(PhaseChanged(Phase.LISTENING)))
    running.soon(lambda: running.remote.tell(TranscriptGrew(4, "what time is it")))
    terminal.read_until("what time is it")
    running.soon(running.remote.shut_down.set)
    terminal.read_until("not running: waiting for it")
    with Running(path).run():
        terminal.read_until("idle")
        assert terminal.leave() == 0
    # The other screen is left, and the cursor shown.
    assert "\x1b[?1049l" in terminal.drawn
    assert "\x1b[?25h" in terminal.drawn
    assert "Traceback" not in terminal.drawn
