"""`voiced ctl`, asking a fake assistant over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import run_command
from tests.support.fake_remote import Running
from voiced.cli import ctl
from voiced.control.client import NotRunningError
from voiced.core.state import Phase
from voiced.errors import ConfigError, UsageError, VoicedError
from voiced.events import Heard, PhaseChanged


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "control.sock"
    monkeypatch.setenv("VOICED_CONTROL_SOCKET", str(path))
    return path


@pytest.fixture
def running(path: Path) -> Iterator[Running]:
    with Running(path).run() as running:
        yield running


@pytest.mark.parametrize(
    ("words", "printed", "calls"),
    [
        (["listen"], "", ["listen"]),
        (["stop"], "", ["stop"]),
        (["mute"], "", ["mute"]),
        (["unmute"], "", ["unmute"]),
        (["toggle-mute"], "muted\n", ["mute"]),
        (["say", "dinner", "is ready"], "", ["say dinner is ready"]),
        (["ask", "why"], "Because of the air.\n", ["ask why"]),
        (["volume"], "70 %\n", []),
        (["volume", "60"], "60 %\n", ["volume 60"]),
        (["volume", "+20%"], "90 %\n", ["volume 90"]),
        (["volume", "+200"], "200 %\n", ["volume 200"]),
        (["reload"], "changed: audio.volume_percent\n", ["reload"]),
        (["timers"], "pasta: 4:05 left\n", []),
        (["metrics"], "voiced_turns_total 12\n", []),
        (["shutdown"], "", ["shutdown"]),
    ],
)
def test_a_word_is_done_and_its_answer_printed(
    running: Running,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    printed: str,
    calls: list[str],
) -> None:
    assert run_command(ctl, "ctl", *words) == 0
    assert capsys.readouterr().out == printed
    assert running.remote.calls == calls


def test_less_than_nothing_is_not_asked_for(running: Running) -> None:
    # argparse takes a word with a minus for a value where it looks like a number.
    assert run_command(ctl, "ctl", "volume", "-80") == 0
    assert running.remote.calls == ["volume 0"]


def test_json_is_what_the_socket_answered(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(ctl, "ctl", "--json", "ask", "why") == 0
    assert json.loads(capsys.readouterr().out)["path"] == "model"
    assert run_command(ctl, "ctl", "--json", "stop") == 0
    assert json.loads(capsys.readouterr().out) is None


def test_nothing_changed_is_said(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running.remote.changed = []
    assert run_command(ctl, "ctl", "reload") == 0
    assert capsys.readouterr().out == "nothing has changed\n"


def test_methods_teach_the_socket(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(ctl, "ctl", "methods") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("volume [percent]  ") for line in lines)
    assert any(line.startswith("say text  ") for line in lines)


def test_a_wrong_configuration_is_the_same_error_here(running: Running) -> None:
    running.remote.config_error = "voiced.toml:3: unknown key"
    with pytest.raises(ConfigError, match="toml:3"):
        run_command(ctl, "ctl", "reload")


@pytest.mark.parametrize("percent", ["loud", "201", "-"])
def test_a_volume_that_is_none_is_wrong_use(running: Running, percent: str) -> None:
    with pytest.raises(UsageError):
        run_command(ctl, "ctl", "volume", percent)


def test_a_defect_there_is_an_error_here(running: Running) -> None:
    running.remote.defect = RuntimeError("oh")
    with pytest.raises(VoicedError, match="`voiced logs` says more") as caught:
        run_command(ctl, "ctl", "toggle-mute")
    assert caught.value.exit_status == 70


def test_where_nothing_runs_it_says_how_to_start(path: Path) -> None:
    with pytest.raises(NotRunningError, match="start it with `voiced run`") as caught:
        run_command(ctl, "ctl", "stop")
    assert caught.value.exit_status == 3


def test_events_are_a_line_each_until_the_assistant_ends(
    running: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe = running.remote.subscribe

    def subscribe_and_happen(observe: object) -> object:
        ended = subscribe(observe)  # type: ignore[arg-type]
        running.soon(lambda: running.remote.tell(PhaseChanged(Phase.LISTENING)))
        for _ in range(5):
            running.soon(lambda: running.remote.tell(Heard(-20.0, 0.5)))
        running.soon(running.remote.shut_down.set)
        return ended

    monkeypatch.setattr(running.remote, "subscribe", subscribe_and_happen)
    with pytest.raises(NotRunningError, match="has ended"):
        run_command(ctl, "ctl", "events", "--levels")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["kind"] for event in events] == ["phase", "level"]
