"""What the two sides of an isolated engine say to each other, and how: pickles over a pair of sockets.

The process is kept apart because it may crash, not because it may lie: each side trusts the other's pickles.

The parent sends a `Blueprint`, then calls. It waits for the answer to one (what was asked for, or `Failed`)
before it sends the next, unless it wants none, and while it waits it says at most `Stop`.
"""

from __future__ import annotations

import pickle
import select
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from msgspec import Struct

from voiced.engines.contracts import ModelLocator
from voiced.errors import VoicedError

ENGINE: Final = 0
"""The number of the engine. What it returns and stays there (utterances, iterators) is numbered from 1."""

_MOST_BYTES: Final = 64 * 1024 * 1024
"""Longer than any message: ten minutes of speech are 26 MB. Something else wrote into the socket."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What the child builds its engine from, with the function `build` ("module:function").

    It answers with the engine's `properties`, which never change, by their names.
    """

    build: str
    kind: str
    name: str
    options: Struct | None
    models: ModelLocator
    cache_dir: Path
    language: str
    threads: int
    sentences: tuple[str, ...]
    properties: tuple[str, ...]
    log_level: int


@dataclass(frozen=True, slots=True)
class Call:
    """A method of what has the number `target`.

    With `keep_as` what it returns stays there, under that number, and None is the answer. Where nobody waits
    (not `is_answered`), a failure is the answer to the next call of what failed. `is_cancelled` is None for a
    method that takes no `Cancel`.
    """

    target: int
    method: str
    args: tuple[object, ...] = ()
    keywords: dict[str, object] = field(default_factory=dict)
    keep_as: int | None = None
    is_answered: bool = True
    is_cancelled: bool | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Close what has the number `target`, and forget it. There is no answer."""

    target: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop what runs. Means nothing where that has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The iterator has no more items."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What a method raised: a class of `errors.py`, its message, and where that came from."""

    error: type[VoicedError]
    message: str
    trace: str


class Wire:
    """One end of the pair."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def send(self, message: object) -> None:
        """Waits while the other side does not read and what is on the way is full (some 200 kB).

        Raises `OSError` where the other side is gone.
        """
        self._connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def receive(self) -> object:
        """Raises `EOFError` where the other side is gone, or what it sends is no message."""
        try:
            return pickle.loads(self._connection.recv_bytes(_MOST_BYTES))  # noqa: S301  # see above
        except Exception as error:
            # Garbage can raise anything; truncated, it is an end of file.
            raise EOFError from error

    def has_news(self, timeout_ms: int = 0) -> bool:
        """Whether `receive` would return, or raise, at once; waits for that for `timeout_ms`."""
        return bool(self._poll.poll(timeout_ms))

    def close(self) -> None:
        self._connection.close()
