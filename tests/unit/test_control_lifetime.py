"""How the control socket begins and ends, and what ends with a connection."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.fake_remote import FakeRemote
from tests.support.talker import DEADLINE_S, Talker, connected, until, with_server
from tests.support.virtual_time import run_virtual
from voiced.control.server import ControlServer, listen_at
from voiced.errors import VoicedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "voiced" / "control.sock"


@pytest.mark.parametrize(("hold", "calls"), [(True, ["press", "release"]), (False, ["press"])])
def test_a_key_that_is_held_goes_up_with_its_client(
    path: Path, hold: bool, calls: list[str]
) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            await talker.ask("press", hold=hold)
            await talker.ask("events")
        # It lets the key go after it has unsubscribed.
        await until(lambda: not remote.observers)
        async with connected(path) as talker:
            await talker.ask("status")
        assert remote.calls == calls

    with_server(path, story)


def test_a_key_that_was_released_is_not_released_again(path: Path) -> None:
    async def story(remote: FakeRemote) -> None:
        async with connected(path) as talker:
            await talker.ask("press", hold=True)
            await talker.ask("release")
            talker.writer.write_eof()
            await talker.reader.read()
        assert remote.calls == ["press", "release"]

    with_server(path, story)


def test_a_key_that_cannot_be_released_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(FakeRemote):
        async def release(self) -> None:
            raise VoicedError("stuck")

    async def main() -> None:
        async with (
            asyncio.timeout(DEADLINE_S),
            ControlServer(Stuck(), path),
            connected(path) as talker,
        ):
            await talker.ask("press", hold=True)

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert "stuck" in caplog.text


def test_the_socket_is_its_owners_alone_and_goes_with_the_server(path: Path) -> None:
    modes: list[int] = []

    async def story(_: FakeRemote) -> None:
        modes.extend(stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent))

    before = os.umask(0)
    try:
        with_server(path, story)
    finally:
        os.umask(before)
    assert modes == [0o600, 0o700]
    assert not path.exists()


def test_the_end_of_the_server_ends_everybody(path: Path) -> None:
    async def main() -> None:
        remote = FakeRemote()
        remote.hold_up = asyncio.Event()
        async with asyncio.timeout(DEADLINE_S), connected_after(path) as late:
            async with ControlServer(remote, path):
                talker = await late()
                await talker.ask("events")
                talker.send("say", text="for ever")
                await until(lambda: bool(remote.calls))
            assert await talker.reader.read() == b""
            assert remote.observers == []

    asyncio.run(main())


@asynccontextmanager
async def connected_after(path: Path) -> AsyncIterator[Callable[[], Awaitable[Talker]]]:
    writers = []

    async def connect() -> Talker:
        reader, writer = await asyncio.open_unix_connection(path)
        writers.append(writer)
        return Talker(reader, writer)

    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()


def test_a_socket_of_systemds_is_used_and_left(path: Path) -> None:
    async def main() -> None:
        with listen_at(path) as systemds:
            for _ in range(2):
                # The second is the service after a restart; clients of the meantime wait in the queue.
                ours = socket.socket(fileno=os.dup(systemds.fileno()))
                async with connected_after(path) as connect:
                    talker = await connect()
                    talker.send("status")
                    async with ControlServer(FakeRemote(), path, ours):
                        assert (await talker.receive())["result"]["pid"] == 4711

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))
    assert path.is_socket()


def test_a_release_that_hangs_does_not_keep_the_server_from_ending(path: Path) -> None:
    class Hung(FakeRemote):
        async def release(self) -> None:
            await asyncio.Event().wait()

    async def main() -> None:
        async with connected_after(path) as connect:
            async with ControlServer(Hung(), path):
                talker = await connect()
                await talker.ask("press", hold=True)
            assert await talker.reader.read() == b""

    run_virtual(main())


def test_a_process_without_free_descriptors_says_so_once_and_goes_on(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with ControlServer(FakeRemote(), path):
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            with socket.socket(socket.AF_UNIX) as client:
                # It waits in the queue, and the server has no descriptor for its side.
                client.connect(str(path))
                resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
                try:
                    await asyncio.sleep(5)
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            async with connected_after(path) as connect:
                assert (await (await connect()).ask("status"))["result"]["pid"] == 4711

    run_virtual(main())
    assert caplog.text.count("the control socket cannot be served: [Errno 24]") == 1
