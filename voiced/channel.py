"""A bounded, closeable pipe between two tasks.

`asyncio.Queue` learned to shut down in Python 3.13; voiced runs on 3.11. The two ways to end matter to a
pipeline and are told apart: the sender's `close` lets the receiver have what is left, the receiver's
`abandon` releases a sender that waits for room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosedError(Exception):
    """Something was sent into a channel that nobody reads any more."""


class Channel(Generic[T]):
    """Carries values in order from one task to another; iterate to receive."""

    def __init__(self, capacity: int) -> None:
        """`capacity` is how many values may wait before `send` does."""
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._closed = False
        self._abandoned = False
        self._changed = asyncio.Event()

    async def send(self, item: T) -> None:
        """Wait for room and put `item` in. Raises `ChannelClosedError` after an end of either kind."""
        while len(self._items) >= self._capacity and not self._abandoned and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        self.send_nowait(item)

    def send_nowait(self, item: T) -> None:
        """Put `item` in, beyond the capacity if need be: for a sender that must not wait."""
        if self._closed or self._abandoned:
            raise ChannelClosedError
        self._items.append(item)
        self._changed.set()

    def close(self) -> None:
        """No more is sent; what is in it can still be received."""
        self._closed = True
        self._changed.set()

    def abandon(self) -> None:
        """Nobody receives any more: drop what is in it and release the sender."""
        self._abandoned = True
        self._items.clear()
        self._changed.set()

    def __aiter__(self) -> Channel[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._closed or self._abandoned:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        self._changed.set()
        return item

    def take_all(self) -> list[T]:
        """Everything that waits right now, without waiting."""
        items = list(self._items)
        self._items.clear()
        self._changed.set()
        return items
