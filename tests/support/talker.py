"""A client of the control socket that says what it likes, and a server to say it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.fake_remote import FakeRemote
from voiced.control.server import ControlServer

DEADLINE_S = 20.0


class Talker:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, identity: int | None = 1, **params: object) -> None:
        message: dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params}
        if identity is not None:
            message["id"] = identity
        self.writer.write(json.dumps(message).encode() + b"\n")

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.reader.readline())
        return message

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        self.send(method, 1, **params)
        return await self.receive()


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Talker]:
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
    try:
        yield Talker(reader, writer)
    finally:
        writer.close()


def with_server(path: Path, story: Callable[[FakeRemote], Awaitable[None]]) -> None:
    async def main() -> None:
        remote = FakeRemote()
        async with asyncio.timeout(DEADLINE_S), ControlServer(remote, path):
            await story(remote)

    asyncio.run(main())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)
