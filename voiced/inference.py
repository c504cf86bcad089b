"""The only bridge between blocking native code and asyncio.

A model is a plain synchronous object that is used from one thread. `Hosted` gives it that thread and
hands its results to coroutines. Native calls cannot be interrupted from outside, so cancelling a waiting
coroutine abandons the call's result, not the call: the next one queues behind it. What must stop early is
an iterator (`stream`): it is closed, on its own thread, between two items.

An engine that failed once is not used again: who knows what its native half is like. `supervised.py` builds
another one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from voiced.errors import EngineError, VoicedError

_log = logging.getLogger(__name__)


E = TypeVar("E")
T = TypeVar("T")

_END: Final = object()

_CLOSE_S: Final = 1.0
"""How long an engine may keep its owner from ending."""


class Host(Protocol[E]):
    """An engine as coroutines use it: one that works or fails (`Hosted`), or one that is built anew
    where it failed (`Supervised`).
    """

    async def working(self) -> Hosted[E]:
        """The engine that is used now, for what needs the same one from beginning to end.

        Raises `EngineError` where there is none.
        """

    async def run(self, work: Callable[[E], T]) -> T:
        """Do `work` with the engine on its thread, after what was asked before.

        Whatever the engine raises that is not a `VoicedError` is raised as `EngineError`.
        """

    def stream(self, work: Callable[[E], Iterator[T]]) -> AsyncGenerator[T, None]:
        """The items of an iterator that lives on the engine's thread, as they are asked for.

        Wrap it in `contextlib.aclosing`: leaving early closes the iterator on its own thread.
        """

    def submit(self, work: Callable[[E], object]) -> None:
        """Do `work` with the engine after all that was asked before; nobody learns what came of it."""

    async def close(self) -> None:
        """Let running work end (within a second), close the engine on its thread, and end the thread."""


class Hosted(Generic[E]):
    """An engine and the thread that it lives on: a `Host`.

    This is the one place where foreign exceptions are translated. With `deadline_s` an engine that works on
    one thing for longer counts as hung. Where it hangs or raises, that call and all others end in an
    `EngineError` from then on, and `on_failure` is told, once.
    """

    def __init__(
        self,
        name: str,
        engine: E,
        executor: Executor,
        *,
        deadline_s: float | None = None,
        on_failure: Callable[[Hosted[E], VoicedError], None] | None = None,
    ) -> None:
        """Take over `engine`, which must only ever be touched on `executor` (one thread).

        Without `on_failure` what it raises is the caller's business, and it goes on being used.
        """
        self.name = name
        self._engine = engine
        self._executor = executor
        self._deadline_s = deadline_s
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[VoicedError] = self._loop.create_future()
        self._works_done = 0
        self.is_hung = False
        """Whether its thread is lost: nobody can make it come back."""

    @classmethod
    async def load(
        cls,
        name: str,
        build: Callable[[], E],
        executor: Executor | None = None,
        *,
        deadline_s: float | None = None,
        on_failure: Callable[[Hosted[E], VoicedError], None] | None = None,
    ) -> Self:
        """Build an engine on a thread of its own (or on `executor`, which tests give).

        Raises what `build` raises: `ModelError`, `EngineError`.
        """
        own = executor or _EngineThread(f"voiced-{name}")
        building = own.submit(_translated, name, build)
        try:
            engine = await asyncio.shield(asyncio.wrap_future(building))
        except asyncio.CancelledError:
            # The load cannot be interrupted; what it yields must not stay open behind our back.
            own.submit(_close_when_built, building)
            own.shutdown(wait=False)
            raise
        except BaseException:
            own.shutdown(wait=False)
            raise
        return cls(name, engine, own, deadline_s=deadline_s, on_failure=on_failure)

    @property
    def has_failed(self) -> bool:
        """Whether it is of no use any more."""
        return self._failed.done()

    async def working(self) -> Hosted[E]:
        self._raise_failure()
        return self

    async def run(self, work: Callable[[E], T]) -> T:
        self._raise_failure()
        doing = self._loop.run_in_executor(self._executor, self._do, work)
        try:
            while not doing.done():
                self._raise_failure()
                done_before = self._works_done
                settled, _ = await asyncio.wait(
                    (doing, self._failed),
                    timeout=self._deadline_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                # It may have been busy with what was asked before.
                if not settled and self._works_done == done_before:
                    self._hang()
            return doing.result()
        finally:
            doing.cancel()

    async def stream(self, work: Callable[[E], Iterator[T]]) -> AsyncGenerator[T, None]:
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
        if not self.has_failed:
            self._executor.submit(self._do, work)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.run(close)
        except (VoicedError, TimeoutError) as error:
            if not self.has_failed:
                _log.warning("%s did not close cleanly: %s", self.name, str(error) or "it is busy")
            self.abandon()
        else:
            self._failed.set_result(EngineError(f"{self.name} is closed"))
            self._executor.shutdown(wait=False)

    def abandon(self) -> None:
        """Wait for nothing: end the thread when it comes back, and a process of the engine's at once."""
        if not self._failed.done():
            self._failed.set_result(EngineError(f"{self.name} is closed"))
        kill = getattr(self._engine, "kill", None)
        if kill is not None:
            kill()
        with suppress(RuntimeError):
            self._executor.submit(_close_quietly, self._engine)
        self._executor.shutdown(wait=False)

    def _do(self, work: Callable[[E], T]) -> T:
        """On the engine's thread."""
        try:
            if self._failed.done():
                raise self._failed.result()
            return _translated(self.name, lambda: work(self._engine))
        except VoicedError as error:
            if self._on_failure is not None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._fail, error)
            raise
        finally:
            self._works_done += 1

    def _hang(self) -> None:
        self.is_hung = not hasattr(self._engine, "kill")
        self._fail(EngineError(f"{self.name} hangs: no answer within {self._deadline_s:g} s"))

    def _fail(self, error: VoicedError) -> None:
        if self._failed.done():
            return
        self._failed.set_result(error)
        if self._on_failure is not None:
            self._on_failure(self, error)

    def _raise_failure(self) -> None:
        if self._failed.done():
            raise self._failed.result()


class _EngineThread(Executor):
    """One thread, which does not keep the process from ending where native code never comes back."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._is_shut_down = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if self._is_shut_down:
            message = "submitted after shutdown"
            raise RuntimeError(message)
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001  # raised where it is waited for
                future.set_exception(error)

        self._work.put(work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # the library's
        self._is_shut_down = True
        self._work.put(None)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            # What it holds must not live until the next one comes.
            del work


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


def _close_quietly(engine: object) -> None:
    try:
        close(engine)
    except Exception as error:  # noqa: BLE001  # it is known to be broken
        _log.debug("what failed did not close cleanly: %s", error)


def _close_when_built(building: Future[E]) -> None:
    """On the engine's thread, after it was built."""
    if building.exception() is None:
        close(building.result())
