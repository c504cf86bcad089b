"""The only bridge between blocking native code and asyncio.

A model is a plain synchronous object that is used from one thread. `Hosted` gives it that thread and
hands its results to coroutines. Native calls cannot be interrupted from outside, so cancelling a waiting
coroutine abandons the call's result, not the call: the next one queues behind it. What must stop early is
an iterator (`stream`): it is closed, on its own thread, between two items.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, Generic, Self, TypeVar

from voiced.errors import EngineError, VoicedError

_log = logging.getLogger(__name__)


E = TypeVar("E")
T = TypeVar("T")

_END: Final = object()


class Hosted(Generic[E]):
    """An engine and the thread that it lives on.

    Whatever an engine raises that is not a `VoicedError` reaches the caller as `EngineError`: this is the
    one place where foreign exceptions are translated.
    """

    def __init__(self, name: str, engine: E, executor: Executor) -> None:
        """Take over `engine`, which must only ever be touched on `executor` (one thread)."""
        self.name = name
        self._engine = engine
        self._executor = executor

    @classmethod
    async def load(
        cls, name: str, build: Callable[[], E], executor: Executor | None = None
    ) -> Self:
        """Build an engine on a thread of its own (or on `executor`, which tests give).

        Raises what `build` raises: `ModelError`, `EngineError`.
        """
        own = executor or ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"voiced-{name}")
        loop = asyncio.get_running_loop()
        building = loop.run_in_executor(own, _translated, name, build)
        try:
            engine = await asyncio.shield(building)
        except asyncio.CancelledError:
            # The load cannot be interrupted; what it yields must not stay open behind our back.
            building.add_done_callback(_close_when_built)
            own.shutdown(wait=False)
            raise
        except BaseException:
            own.shutdown(wait=False)
            raise
        return cls(name, engine, own)

    async def run(self, work: Callable[[E], T]) -> T:
        """Do `work` with the engine on its thread, after what was asked before."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor, _translated, self.name, lambda: work(self._engine)
        )

    async def stream(self, work: Callable[[E], Iterator[T]]) -> AsyncGenerator[T, None]:
        """The items of an iterator that lives on the engine's thread, as they are asked for.

        Wrap it in `contextlib.aclosing`: leaving early closes the iterator on its own thread.
        """
        iterator = await self.run(work)
        try:
            while True:
                item = await self.run(lambda _: next(iterator, _END))
                if item is _END:
                    return
                yield item  # type: ignore[misc]  # the sentinel is the only thing that is not a T
        finally:
            self.submit(lambda _: close(iterator))

    def submit(self, work: Callable[[E], object]) -> None:
        """Do `work` with the engine after all that was asked before; nobody learns what came of it."""
        self._executor.submit(work, self._engine)

    async def close(self) -> None:
        """Let running work end, close the engine on its thread, and end the thread."""
        try:
            await self.run(close)
        except VoicedError as error:
            _log.warning("%s did not close cleanly: %s", self.name, error)
        finally:
            self._executor.shutdown(wait=False)


def _translated(name: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except VoicedError:
        raise
    except Exception as error:
        message = f"{name} failed: {type(error).__name__}: {error}"
        raise EngineError(message) from error


def close(engine: object) -> None:
    """Close what holds something; a table in memory has nothing to close."""
    close_it = getattr(engine, "close", None)
    if close_it is not None:
        close_it()


def _close_when_built(building: asyncio.Future[E]) -> None:
    if not building.cancelled() and building.exception() is None:
        close(building.result())
