"""An event loop whose clock jumps: what waits is reached at once, in the same order every time.

Only the clock is replaced. The loop really selects on its file descriptors, but never waits on them:
when nothing is ready it moves its clock to the next timer.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlockError(AssertionError):
    """Every task waits and no timer will ever wake one."""


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            message = "every task waits, and no timer is set"
            raise DeadlockError(message)
        self.loop.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, on a clock that starts at zero and jumps."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.loop = self
        self.now_s = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s


class VirtualExecutor(Executor):
    """A thread that is none: work runs on the loop and takes as long as the test says, in virtual time."""

    def __init__(self, cost_s: float = 0.0) -> None:
        self.cost_s = cost_s
        self._free_at_s = 0.0
        self.is_shut_down = False

    def submit(  # type: ignore[override]
        self, work: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        if self.is_shut_down:
            message = "submitted after shutdown"
            raise RuntimeError(message)
        future: Future[T] = Future()
        loop = asyncio.get_running_loop()
        self._free_at_s = max(self._free_at_s, loop.time()) + self.cost_s
        loop.call_at(self._free_at_s, self._do, future, lambda: work(*args, **kwargs))
        return future

    @staticmethod
    def _do(future: Future[T], work: Callable[[], T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # as a real executor does
            future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.is_shut_down = True


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on virtual time; a task that outlives it fails the test."""
    loop = VirtualTimeLoop()
    try:
        result = loop.run_until_complete(main)
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        assert not left, f"tasks left behind: {left}"
        return result
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
