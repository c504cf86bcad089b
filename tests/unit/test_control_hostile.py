"""The control socket as a hostile client sees it: what it does costs it its connection, and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fake_remote import FakeRemote
from tests.support.virtual_time import run_virtual
from voiced.control import connection, server
from voiced.control.lines import HALF_LINE_S, MAX_LINE_BYTES
from voiced.control.server import MAX_CONNECTIONS, ControlServer
from voiced.core.state import Phase
from voiced.events import PhaseChanged

DEADLINE_S = 30.0
STATUS = b'{"jsonrpc":"2.0","id":1,"method":"status"}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def with_server(path: Path, story: Callable[[FakeRemote], Awaitable[None]]) -> None:
    """`story`, and a check that somebody else is served afterwards."""

    async def main() -> None:
        remote = FakeRemote()
        async with asyncio.timeout(DEADLINE_S), ControlServer(remote, path):
            await story(remote)
            assert json.loads(await says(path, STATUS))["result"]["pid"] == 4711
        assert remote.observers == []

    asyncio.run(main())


async def says(path: Path, words: bytes) -> bytes:
    """All that comes back, to the end of the connection; resets and all."""
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 24)
    found = b""
    try:
        writer.write(words)
        writer.write_eof()
        while chunk := await reader.read(1 << 20):
            found += chunk
    except OSError:
        # It was closed while we wrote: what came before counts.
        pass
    finally:
        writer.close()
    return found


def last_error(answer: bytes) -> str:
    return str(json.loads(answer.splitlines()[-1])["error"]["message"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"\n", "no JSON"),
        (b"GET / HTTP/1.1\r\n\r\n", "no JSON"),
        (STATUS[:-1], "half a message"),
        (b"x" * (MAX_LINE_BYTES + 1), "a line of more than 65536 bytes"),
        (b"[" * MAX_LINE_BYTES + b"\n", "nested too deep"),
        (b"x" * 4_000_000, "a line of more than 65536 bytes"),
        (b"[" + STATUS[:-1] + b"]\n", "batches are not taken"),
        (STATUS * 500, "messages a second"),
        (b"\0" * 10_000 + b"\n", "no JSON"),
    ],
)
def test_who_breaks_a_rule_is_told_and_disconnected(path: Path, words: bytes, told: str) -> None:
    async def story(_: FakeRemote) -> None:
        assert told in last_error(await says(path, words))

    with_server(path, story)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words=st.lists(st.binary(max_size=200) | st.just(STATUS), max_size=6).map(b"".join))
def test_any_bytes_get_answers_and_an_end(words: bytes) -> None:
    async def story(_: FakeRemote) -> None:
        for line in (await says(socket_path, words)).splitlines():
            assert json.loads(line)["jsonrpc"] == "2.0"

    with TemporaryDirectory() as folder:
        socket_path = Path(folder) / "control.sock"
        with_server(socket_path, story)


def test_half_a_message_is_waited_for_only_so_long(path: Path) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with ControlServer(FakeRemote(), path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(STATUS + b'{"jsonrpc"')
            assert b"result" in await reader.readline()
            begun_s = loop.time()
            # A byte now and then does not help.
            for _ in range(3):
                await asyncio.sleep(HALF_LINE_S / 4)
                writer.write(b" ")
            assert "no end of it" in last_error(await reader.read())
            writer.close()
            return loop.time() - begun_s

    assert run_virtual(main()) == pytest.approx(HALF_LINE_S, abs=0.5)


def test_a_flood_over_time_is_one_too(path: Path) -> None:
    async def main() -> int:
        async with ControlServer(FakeRemote(), path):
            reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
            answered = 0
            while True:
                writer.write(STATUS)
                answer = json.loads(await reader.readline())
                if "error" in answer:
                    writer.close()
                    return answered
                answered += 1
                await asyncio.sleep(1 / (2 * connection._RATE_HZ))

    assert run_virtual(main()) == pytest.approx(2 * connection._BURST, rel=0.1)


def test_who_keeps_to_the_rate_may_go_on(path: Path) -> None:
    async def main() -> None:
        async with ControlServer(FakeRemote(), path):
            reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
            for _ in range(5 * connection._BURST):
                writer.write(STATUS)
                assert "result" in json.loads(await reader.readline())
                await asyncio.sleep(1.1 / connection._RATE_HZ)
            writer.close()

    run_virtual(main())


def test_who_does_not_read_events_is_disconnected(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.setblocking(False)
        deaf.connect(str(path))
        deaf.sendall(STATUS.replace(b"status", b"events"))
        while not remote.observers:
            await asyncio.sleep(0.005)
        told = 0
        while remote.observers:
            remote.tell(PhaseChanged(Phase.IDLE))
            told += 1
            await asyncio.sleep(0)
        # What the system holds for it, and what we do.
        assert 256 < told < 10_000
        deaf.close()

    with_server(path, story)


def test_who_does_not_read_long_answers_is_disconnected(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        remote.more_status = {"long": "x" * 100_000}
        deaf = socket.socket(socket.AF_UNIX)
        deaf.setblocking(False)
        deaf.connect(str(path))
        deaf.sendall(STATUS * 50)
        # Somebody else's answer shows that the server has gone on.
        while b"result" not in await says(path, STATUS):
            await asyncio.sleep(0.005)
        found = 0
        with suppress(ConnectionResetError):
            while chunk := await asyncio.get_running_loop().sock_recv(deaf, 1 << 20):
                found += len(chunk)
        assert found < 2_000_000
        deaf.close()

    with_server(path, story)


def test_too_many_that_wait_for_something_are_turned_away(path: Path) -> None:
    async def main() -> None:
        remote = FakeRemote()
        async with asyncio.timeout(DEADLINE_S), ControlServer(remote, path):
            writers = []
            for _ in range(MAX_CONNECTIONS):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(STATUS.replace(b"status", b"events"))
                await reader.readline()
                writers.append(writer)
            assert "32 clients are connected" in last_error(await says(path, b""))
            writers.pop().close()
            while len(remote.observers) == MAX_CONNECTIONS:
                await asyncio.sleep(0.005)
            assert b"result" in await says(path, STATUS)
            for writer in writers:
                writer.close()

    asyncio.run(main())


def test_those_that_say_nothing_make_room_the_oldest_first(path: Path) -> None:
    async def story(_: FakeRemote) -> None:
        silent = [await asyncio.open_unix_connection(path) for _ in range(MAX_CONNECTIONS)]
        assert b"result" in await says(path, STATUS)
        assert "not used" in last_error(await silent[0][0].read())
        for _reader, writer in silent:
            writer.close()

    with_server(path, story)


def test_too_much_that_lasts_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MAX_WORK", 2)
    say = b'{"jsonrpc":"2.0","id":1,"method":"say","params":{"text":"a"}}\n'

    async def story(remote: FakeRemote) -> None:
        remote.hold_up = asyncio.Event()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(say * 3)
        assert "too much is asked" in json.loads(await reader.readline())["error"]["message"]
        remote.hold_up.set()
        for _ in range(2):
            assert b"result" in await reader.readline()
        writer.close()

    with_server(path, story)


def test_another_user_is_not_let_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.geteuid()
    # As if we were somebody else than the client, and it were not root.
    monkeypatch.setattr(server, "_may_connect", lambda uid: uid != me)

    async def main() -> None:
        async with asyncio.timeout(DEADLINE_S), ControlServer(FakeRemote(), path):
            assert "another user" in last_error(await says(path, b""))

    asyncio.run(main())


def test_a_client_that_vanishes_before_its_answer_is_forgotten(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        for _ in range(40):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(STATUS * 3 + STATUS[:9])
            writer.transport.abort()

    with_server(path, story)
