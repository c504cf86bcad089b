"""The lines that a client sends, with limits to their length and to the time that one may take."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Final

from voiced.control.jsonrpc import INVALID_REQUEST, MalformedError

MAX_LINE_BYTES: Final = 64 * 1024

HALF_LINE_S: Final = 10.0
"""How long the rest of a line may take to come."""

_READ_BYTES: Final = 16 * 1024


class LineReader:
    """Reads lines from a socket that does not block."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._whole: deque[bytes] = deque()
        self._half = bytearray()
        self._half_until_s: float | None = None

    async def next(self) -> bytes | None:
        """The next line without its end; None once the client sends no more.

        Raises `MalformedError` for a line that is too long, takes too long, or has no end.
        """
        while not self._whole:
            try:
                async with asyncio.timeout_at(self._half_until_s):
                    chunk = await asyncio.get_running_loop().sock_recv(self._peer, _READ_BYTES)
            except TimeoutError:
                text = f"half a message, and no end of it for {HALF_LINE_S:.0f} s"
                raise MalformedError(INVALID_REQUEST, text) from None
            except OSError:
                return None
            if not chunk and self._half:
                raise MalformedError(INVALID_REQUEST, "half a message: its line has no end")
            if not chunk:
                return None
            self._take(chunk)
        return self._whole.popleft()

    def _take(self, chunk: bytes) -> None:
        *line_ends, rest = chunk.split(b"\n")
        for line_end in line_ends:
            self._grow(line_end)
            self._whole.append(bytes(self._half))
            self._half.clear()
            self._half_until_s = None
        self._grow(rest)
        if self._half and self._half_until_s is None:
            self._half_until_s = asyncio.get_running_loop().time() + HALF_LINE_S

    def _grow(self, more: bytes) -> None:
        self._half += more
        if len(self._half) > MAX_LINE_BYTES:
            text = f"a line of more than {MAX_LINE_BYTES} bytes"
            raise MalformedError(INVALID_REQUEST, text)
