"""What waits to be sent to a client: bounded, so that one that does not read costs nothing."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Final

_MOST_LINES: Final = 256
_MOST_BYTES: Final = 512 * 1024
"""Ten seconds of everything that happens, in a busy conversation."""


class Outbox:
    """Lines on their way into a socket that does not block. `run` sends them; `put` never waits."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.is_full = False

    def put(self, line: bytes) -> None:
        """Send `line` later. Where too much waits it is dropped, and `is_full` from then on."""
        too_much = self._waiting_bytes + len(line) > _MOST_BYTES
        # A line on its own may be as long as it is: it is there already.
        if self.is_full or (self._lines and (too_much or len(self._lines) >= _MOST_LINES)):
            self.is_full = True
            return
        self._lines.append(line)
        self._waiting_bytes += len(line)
        self._filled.set()
        self._emptied.clear()

    async def run(self) -> None:
        """Send what is put in, until the client has gone."""
        loop = asyncio.get_running_loop()
        while True:
            await self._filled.wait()
            try:
                await loop.sock_sendall(self._peer, self._lines[0])
            except OSError:
                return
            self._waiting_bytes -= len(self._lines.popleft())
            if not self._lines:
                self._filled.clear()
                self._emptied.set()

    async def emptied(self) -> None:
        """Wait until everything has been handed to the system."""
        await self._emptied.wait()
