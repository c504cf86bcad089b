"""`voiced ptt`, and how little it imports."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import run_command
from tests.support.fake_remote import Running
from voiced.cli import ptt
from voiced.control import client
from voiced.control.client import NotRunningError
from voiced.errors import EngineError, VoicedError

LISTENS_S = 30.0


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "control.sock"
    monkeypatch.setenv("VOICED_CONTROL_SOCKET", str(path))
    return path


@pytest.fixture
def running(path: Path) -> Iterator[Running]:
    with Running(path).run() as running:
        yield running


def test_the_key_goes_down_and_up(running: Running) -> None:
    for action in ("press", "release", "toggle", "toggle"):
        assert run_command(ptt, "ptt", action) == 0
    assert running.remote.calls == ["press", "release", "press", "release"]


def test_the_short_way_does_the_same_or_leaves_it(running: Running) -> None:
    assert ptt.at_once(["ptt", "press"]) == 0
    for words in ([], ["ptt"], ["ptt", "hold"], ["ptt", "--help"], ["-v", "ptt", "press"], ["run"]):
        assert ptt.at_once(words) is None
    assert running.remote.calls == ["press"]


def test_the_short_way_prints_its_errors(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ptt.at_once(["ptt", "press"]) == 3
    assert capsys.readouterr().err.startswith("voiced: voiced is not running: start it")


def test_an_error_there_is_an_error_here(running: Running) -> None:
    running.remote.defect = RuntimeError("oh")
    with pytest.raises(VoicedError, match="failed at 'toggle'"):
        run_command(ptt, "ptt", "toggle")


def test_what_a_hotkey_waits_for_is_little() -> None:
    script = (
        "import sys; before = set(sys.modules); import voiced.control.client, voiced.control.places;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"json", "argparse", "asyncio", "logging", "pathlib", "numpy", "msgspec", "rich"}
    assert heavy.isdisjoint(done.stdout.split())


def test_a_key_that_is_held_goes_up_however_the_command_ends(running: Running, path: Path) -> None:
    script = (
        "import argparse; from voiced.cli import ptt;"
        "ptt.run(argparse.Namespace(action='hold', config=None, overrides=[]))"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        running.wait_for("press")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(LISTENS_S)
    running.wait_for("release")
    assert running.remote.calls == ["press", "release"]


def test_an_assistant_that_hangs_is_waited_for_only_so_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "QUICK_S", 0.05)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen()
        with pytest.raises(EngineError, match="does not answer"):
            ptt.send("press", None)


def test_what_another_user_left_is_not_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(str(path))
        impostor.listen()
        # As if the one who listens there were somebody else.
        monkeypatch.setattr(client, "_uid_of", lambda _: 12345)
        with pytest.raises(NotRunningError, match="belongs to another user"):
            ptt.send("press", None)
