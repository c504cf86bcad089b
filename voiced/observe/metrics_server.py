"""The figures over HTTP, on this machine alone: enough of the protocol for Prometheus, curl and a browser.

A request is short and its answer is the last thing on the connection. Whoever sends something else, sends
it slowly, or does not read costs nobody but itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from voiced.errors import ConfigError
from voiced.observe.metrics import CONTENT_TYPE

_log = logging.getLogger(__name__)

_ADDRESS: Final = "127.0.0.1"

_HEADER_BYTES: Final = 8192
_TIMEOUT_S: Final = 5.0
"""For a whole request, and for its answer to be read."""
_CONNECTIONS: Final = 8
_LINGERING_READS: Final = 16
"""How much of what follows a request is read, in pieces, for the sender's sake."""

_HOSTS: Final = (b"127.0.0.1", b"localhost")
"""The names under which this is asked. Any other may be that of a web page whose name was made to lead
here (DNS rebinding), and which would read along in the browser of whoever visits it."""

_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class MetricsServer:
    """Answers `GET /metrics`; a context manager."""

    def __init__(
        self, port: int, text: Callable[[], str], *, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """`text` gives the figures, on the loop's thread; port 0 takes any that is free."""
        self._text = text
        self._timeout_s = timeout_s
        self._server: asyncio.Server | None = None
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def connections(self) -> int:
        """How many are being served."""
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        """Raises `ConfigError` where the port cannot be had."""
        # What the first call imports is better imported now than beside an answer.
        self._text()
        try:
            self._server = await asyncio.start_server(
                self._accept, _ADDRESS, self._port, limit=_HEADER_BYTES
            )
        except OSError as error:
            raise ConfigError(
                f"metrics.port = {self._port} cannot be used ({error.strerror}); "
                "choose another, or 0 for none"
            ) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= _CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="metrics")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, is_head = await self._read(reader)
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._timeout_s):
                    writer.write(self._answer(status, is_head=is_head))
                    await writer.drain()
                    writer.write_eof()
                    # Closed with unread bytes behind it, the answer would be lost with the connection.
                    for _ in range(_LINGERING_READS):
                        if not await reader.read(_HEADER_BYTES):
                            break
        except OSError as error:
            _log.debug("a reader of the metrics went away: %s", error)
        finally:
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> tuple[int, bool]:
        """The status that a request deserves, and whether only the header is wanted."""
        try:
            async with asyncio.timeout(self._timeout_s):
                header = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return 408, False
        except asyncio.LimitOverrunError:
            return 431, False
        except asyncio.IncompleteReadError:
            return 400, False
        first, *fields = header.split(b"\r\n")
        words = first.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return 400, False
        method, target, _ = words
        is_head = method == b"HEAD"
        if not _is_asked_here(fields):
            return 421, is_head
        if target.partition(b"?")[0] != b"/metrics":
            return 404, is_head
        return (200 if is_head or method == b"GET" else 405), is_head

    def _answer(self, status: int, *, is_head: bool) -> bytes:
        is_fine = status == 200
        body = (self._text() if is_fine else f"{_REASONS[status]}: ask for GET /metrics\n").encode()
        lines = (
            f"HTTP/1.1 {status} {_REASONS[status]}",
            f"Content-Type: {CONTENT_TYPE if is_fine else 'text/plain'}",
            f"Content-Length: {len(body)}",
            "X-Content-Type-Options: nosniff",
            *(("Allow: GET, HEAD",) if status == 405 else ()),
            "Connection: close",
            "\r\n",
        )
        return "\r\n".join(lines).encode() + (b"" if is_head else body)


def _is_asked_here(fields: list[bytes]) -> bool:
    hosts = [value for field in fields for name, _, value in [field.partition(b":")]
             if name.strip().lower() == b"host"]  # fmt: skip
    return all(_without_port(host.strip().lower()) in _HOSTS for host in hosts)


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() else host
