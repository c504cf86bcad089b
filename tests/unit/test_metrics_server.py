"""The figures' door: it answers one question, on this machine, and survives everything else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from voiced.errors import ConfigError
from voiced.observe.metrics import Metrics
from voiced.observe.metrics_server import MetricsServer

WAIT_S: Final = 30
"""Nothing here takes as long; a hung server must not hang the tests."""

FIGURES: Final = "voiced_turns_total 3.0\n"

WANTED: Final = b"GET /metrics HTTP/1.1\r\nHost: localhost:9323\r\nUser-Agent: x\r\n\r\n"


def serving(
    ask: Callable[[MetricsServer], Awaitable[None]],
    *,
    text: Callable[[], str] = lambda: FIGURES,
    timeout_s: float = WAIT_S,
) -> None:
    """Run `ask` beside a server."""

    async def both() -> None:
        async with (
            asyncio.timeout(WAIT_S),
            MetricsServer(0, text, timeout_s=timeout_s) as server,
        ):
            await ask(server)

    asyncio.run(both())


async def answer(server: MetricsServer, request: bytes, *, and_end: bool = False) -> bytes:
    """All that comes back for `request`; with `and_end` nothing more is announced to come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request)
        if and_end:
            writer.write_eof()
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def status_of(request: bytes, *, timeout_s: float = WAIT_S, and_end: bool = False) -> bytes:
    answers = []

    async def ask(server: MetricsServer) -> None:
        answers.append(await answer(server, request, and_end=and_end))
        # Whatever that was, the next one is served.
        assert (await answer(server, WANTED)).endswith(FIGURES.encode())

    serving(ask, timeout_s=timeout_s)
    return answers[0].partition(b"\r\n")[0]


def test_an_ordinary_client_reads_the_figures() -> None:
    async def ask(server: MetricsServer) -> None:
        def fetch() -> tuple[str, str]:
            with urlopen(f"http://localhost:{server.port}/metrics", timeout=WAIT_S) as response:
                return response.headers["Content-Type"], response.read().decode()

        content_type, body = await asyncio.to_thread(fetch)
        assert content_type == "text/plain; version=0.0.4; charset=utf-8"
        names = {family.name for family in text_string_to_metric_families(body)}
        assert {"voiced_turns", "voiced_voice_to_voice_seconds"} <= names

    serving(ask, text=Metrics().text)


def test_its_length_is_said_and_the_connection_closed() -> None:
    async def ask(server: MetricsServer) -> None:
        header, _, body = (await answer(server, WANTED)).partition(b"\r\n\r\n")
        assert body == FIGURES.encode()
        assert f"Content-Length: {len(body)}".encode() in header
        header, _, body = (await answer(server, WANTED.replace(b"GET", b"HEAD"))).partition(
            b"\r\n\r\n"
        )
        assert (header.partition(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", b"")

    serving(ask)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics?name=x HTTP/1.0", b"200"),
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /metrics/../../etc/passwd HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"get /metrics HTTP/1.1", b"405"),
        (b"GET /metrics", b"400"),
        (b"GET /metrics HTTP/2", b"400"),
        (b"", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example:9323", b"421"),
        (b"GET /metrics HTTP/1.1\r\nhost:[::1]:9323", b"421"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
    ],
)
def test_everything_else_is_refused(request_line: bytes, status: bytes) -> None:
    assert status_of(request_line + b"\r\n\r\n").split(b" ")[1] == status


def test_who_says_half_of_it_is_not_waited_for() -> None:
    assert status_of(WANTED[:20], timeout_s=0.05).split(b" ")[1] == b"408"
    assert status_of(WANTED[:20], and_end=True).split(b" ")[1] == b"400"


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=20_000))
def test_any_bytes_at_all_leave_it_working(junk: bytes) -> None:
    status_of(junk, and_end=True)


def test_who_does_not_read_is_not_waited_for() -> None:
    async def ask(server: MetricsServer) -> None:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, ("127.0.0.1", server.port))
            await loop.sock_sendall(deaf, WANTED)
            while server.connections:
                await asyncio.sleep(0.01)

    serving(ask, text=lambda: "x" * 20_000_000, timeout_s=0.2)


def test_so_many_at_once_and_no_more() -> None:
    async def ask(server: MetricsServer) -> None:
        waiting = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(8)]
        while server.connections < len(waiting):
            await asyncio.sleep(0.01)
        assert await answer(server, WANTED) == b""
        for reader, writer in waiting:
            writer.write(WANTED)
            assert (await reader.read()).endswith(FIGURES.encode())
            writer.close()
        while server.connections:
            await asyncio.sleep(0.01)
        assert await answer(server, WANTED)

    serving(ask)


def test_leaving_ends_what_is_open() -> None:
    async def run() -> None:
        async with MetricsServer(0, lambda: FIGURES) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            while not server.connections:
                await asyncio.sleep(0.01)
        # By an end of the stream or a reset: either way at once.
        await asyncio.wait({asyncio.ensure_future(reader.read())}, timeout=WAIT_S)
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)

    asyncio.run(run())


def test_it_listens_on_this_machine_alone() -> None:
    async def ask(server: MetricsServer) -> None:
        # All of 127.0.0.0/8 is this machine, and another address of it is not served either.
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.2", server.port)

    serving(ask)


def test_a_port_that_is_taken_is_said() -> None:
    async def ask(server: MetricsServer) -> None:
        with pytest.raises(ConfigError, match=rf"metrics\.port = {server.port} cannot be used"):
            async with MetricsServer(server.port, lambda: FIGURES):
                pass

    serving(ask)
