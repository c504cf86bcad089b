"""The control socket as a well-meaning client sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.fake_remote import TURN, FakeRemote
from tests.support.talker import DEADLINE_S, connected, until, with_server
from voiced.control.contracts import Remote
from voiced.control.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, REFUSED
from voiced.control.methods import METHODS
from voiced.control.server import ControlServer
from voiced.core.state import Phase
from voiced.events import Heard, PhaseChanged, TurnEnded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "voiced" / "control.sock"


def test_the_fake_is_what_the_server_expects() -> None:
    remote: Remote = FakeRemote()
    assert remote.status()["phase"] == "idle"


def test_every_method_reaches_the_assistant(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            for method in ("listen", "press", "release", "stop", "mute", "unmute"):
                assert (await talker.ask(method))["result"] is None
            assert (await talker.ask("say", text=" dinner \n is ready "))["result"] is None
            assert (await talker.ask("ask", text="why"))["result"]["reply"] == TURN.reply
            assert (await talker.ask("reload"))["result"] == {"changed": remote.changed}
            assert (await talker.ask("volume", percent=60))["result"] == {"percent": 60}
            assert (await talker.ask("volume"))["result"] == {"percent": 60}
            assert (await talker.ask("timers"))["result"][0]["name"] == "pasta"
            assert "voiced_turns_total" in (await talker.ask("metrics"))["result"]
            assert set((await talker.ask("methods"))["result"]["methods"]) == set(METHODS)
            status = (await talker.ask("status"))["result"]
            assert status["phase"] == "idle"
            assert status["timers"][0]["remaining_s"] == 245.0
            assert (await talker.ask("shutdown"))["result"] is None
        assert remote.calls == [
            *("listen", "press", "release", "stop", "mute", "unmute"),
            *("say dinner is ready", "ask why", "reload", "volume 60", "shutdown"),
        ]

    with_server(path, story)


def test_toggles_go_by_what_is(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            assert (await talker.ask("toggle"))["result"] == {"pressed": True}
            assert (await talker.ask("toggle"))["result"] == {"pressed": False}
            assert (await talker.ask("toggle_mute"))["result"] == {"muted": True}
            assert (await talker.ask("toggle_mute"))["result"] == {"muted": False}
        assert remote.calls == ["press", "release", "mute", "unmute"]

    with_server(path, story)


@pytest.mark.parametrize(
    ("method", "params", "code", "told"),
    [
        ("sing", {}, METHOD_NOT_FOUND, "unknown method 'sing'; there are: status"),
        ("say", {}, INVALID_PARAMS, "text is missing"),
        ("say", {"text": 7}, INVALID_PARAMS, "text must be a string"),
        ("say", {"text": " "}, INVALID_PARAMS, "text is empty"),
        ("ask", {"text": "x" * 4001}, INVALID_PARAMS, "4000 are taken"),
        ("say", {"words": "a"}, INVALID_PARAMS, "unknown parameter 'words'; it takes: text"),
        ("stop", {"now": True}, INVALID_PARAMS, "it takes: none"),
        ("volume", {"percent": True}, INVALID_PARAMS, "whole number"),
        ("volume", {"percent": 201}, INVALID_PARAMS, "from 0 to 200"),
        ("press", {"hold": 1}, INVALID_PARAMS, "true or false"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_connection_stays(
    path: Path, method: str, params: dict[str, object], code: int, told: str
) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            error = (await talker.ask(method, **params))["error"]
            assert error["code"] == code
            assert told in error["message"]
            assert (await talker.ask("status"))["result"]["phase"] == "idle"
        assert remote.calls == []

    with_server(path, story)


def test_an_error_of_voiced_says_what_a_command_exits_with(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        remote.config_error = "voiced.toml:3: unknown key"
        async with connected(path) as talker:
            error = (await talker.ask("reload"))["error"]
        assert error == {
            "code": REFUSED,
            "message": "voiced.toml:3: unknown key",
            "data": {"type": "ConfigError", "exit_status": 78},
        }

    with_server(path, story)


def test_a_defect_is_logged_and_costs_an_answer(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            remote.defect = RuntimeError("nobody thought of that")
            assert (await talker.ask("status"))["error"]["code"] == INTERNAL_ERROR
            remote.defect = None
            remote.more_status = {"memory_mb": float("nan")}
            assert (await talker.ask("status"))["error"]["code"] == INTERNAL_ERROR
            remote.more_status = {}
            assert "result" in await talker.ask("status")

    with_server(path, story)
    assert "nobody thought of that" in caplog.text


def test_a_notification_is_done_and_not_answered(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            talker.send("stop", None)
            talker.send("sing", None)
            talker.send("status", 5)
            assert (await talker.receive())["id"] == 5
        assert remote.calls == ["stop"]

    with_server(path, story)


def test_what_lasts_does_not_keep_others_waiting(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        remote.hold_up = asyncio.Event()
        async with connected(path) as talker:
            talker.send("ask", 1, text="a long story")
            talker.send("stop", 2)
            assert (await talker.receive())["id"] == 2
            remote.hold_up.set()
            assert (await talker.receive())["id"] == 1

    with_server(path, story)


def test_who_says_no_more_still_gets_the_answer(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        remote.hold_up = asyncio.Event()
        async with connected(path) as talker:
            talker.send("ask", text="why")
            talker.writer.write_eof()
            await until(lambda: bool(remote.calls))
            remote.hold_up.set()
            assert (await talker.receive())["result"]["reply"] == TURN.reply
            assert await talker.reader.read() == b""

    with_server(path, story)


def test_a_question_that_the_assistant_gives_up_is_answered(path: Path) -> None:
    class Leaving(FakeRemote):
        async def say(self, text: str) -> None:
            raise asyncio.CancelledError

    async def main() -> None:
        async with (
            asyncio.timeout(DEADLINE_S),
            ControlServer(Leaving(), path),
            connected(path) as talker,
        ):
            assert "ended before" in (await talker.ask("say", text="a"))["error"]["message"]

    asyncio.run(main())


def test_events_come_until_the_connection_ends(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            assert (await talker.ask("events"))["result"]["phase"] == "idle"
            remote.tell(Heard(-30.0, 0.9))
            remote.tell(PhaseChanged(Phase.LISTENING))
            remote.tell(TurnEnded(TURN))
            first = await talker.receive()
            assert first["method"] == "event"
            assert first["params"] == {"kind": "phase", "phase": "listening"}
            assert (await talker.receive())["params"]["transcript"] == "why is the sky blue"
        await until(lambda: not remote.observers)

    with_server(path, story)


def test_levels_come_ten_times_a_second_to_who_wants_them(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            await talker.ask("events", levels=True)
            for block in range(50):
                remote.tell(Heard(-60.0 + block, block / 50))
            remote.tell(PhaseChanged(Phase.IDLE))
            levels = []
            while (event := (await talker.receive())["params"])["kind"] == "level":
                levels.append(event["level_dbfs"])
        assert levels == [-56.0 + 5 * each for each in range(10)]

    with_server(path, story)
