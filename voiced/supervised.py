"""Keeps an engine working: where it fails another one is built, and meanwhile a substitute answers.

The call that found out fails, and so the turn that it belonged to; the next one works.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from typing import Final, Generic, Self, TypeVar

from voiced.errors import ConfigError, EngineError, VoicedError
from voiced.events import EngineFailed, EngineRecovered, Observer
from voiced.inference import Hosted

_log = logging.getLogger(__name__)

E = TypeVar("E")
T = TypeVar("T")

_LONGEST_WAIT_S: Final = 60.0
_FIRST_WAIT_S: Final = 0.5
"""Between two attempts to build an engine that cannot be built, or fails again at once; doubled each time."""

_STEADY_S: Final = 60.0
"""An engine that has worked for so long is not about to fail again."""


class Supervised(Generic[E]):
    """A `Host` over engines that are built as needed."""

    def __init__(
        self,
        name: str,
        builds: Sequence[Callable[[], E]],
        observe: Observer,
        *,
        deadline_s: float,
        new_executor: Callable[[], Executor | None] = lambda: None,
    ) -> None:
        """`builds` are tried in order: the engine itself, then what stands in for it while it cannot be had.

        `observe` is told when it fails and when it works again. `new_executor` gives what
        each lives on, None for a thread of its own.
        """
        self.name = name
        self._builds = builds
        self._observe = observe
        self._deadline_s = deadline_s
        self._new_executor = new_executor
        self._hosts: dict[int, Hosted[E]] = {}
        self._mending: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._fails_in_a_row = 0
        self._works_since_s = 0.0
        self.threads_lost = 0
        """How many threads hang in engines that were given up, and will for as long as the process lives."""

    @classmethod
    async def load(
        cls,
        name: str,
        builds: Sequence[Callable[[], E]],
        observe: Observer,
        *,
        deadline_s: float,
        new_executor: Callable[[], Executor | None] = lambda: None,
    ) -> Self:
        """Build the first of `builds` that can be.

        Raises what the first one raised if none can, and any `ConfigError`.
        """
        host = cls(name, builds, observe, deadline_s=deadline_s, new_executor=new_executor)
        failure: VoicedError | None = None
        for place in range(len(builds)):
            try:
                await host._build(place)
            except ConfigError:
                # The user's slip: to work around it would hide it.
                raise
            except VoicedError as error:
                failure = failure or error
            else:
                if failure is not None:
                    _log.warning("%s", failure)
                    host._begin_mending()
                return host
        raise failure or EngineError(f"{name}: there is nothing to build")

    @property
    def is_substituted(self) -> bool:
        """Whether something stands in for the engine that is wanted, or nothing works at all."""
        return 0 not in self._hosts

    async def working(self) -> Hosted[E]:
        """As `Host.working`; waits for what is being built, as long as it may take to answer."""
        if not self._hosts:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._deadline_s):
                    while not self._hosts:
                        self._changed.clear()
                        await self._changed.wait()
        if not self._hosts:
            raise EngineError(f"{self.name} does not work at present and is being built anew")
        return self._hosts[min(self._hosts)]

    async def run(self, work: Callable[[E], T]) -> T:
        return await (await self.working()).run(work)

    async def stream(self, work: Callable[[E], Iterator[T]]) -> AsyncGenerator[T, None]:
        host = await self.working()
        async with aclosing(host.stream(work)) as items:
            async for item in items:
                yield item

    def submit(self, work: Callable[[E], object]) -> None:
        if self._hosts:
            self._hosts[min(self._hosts)].submit(work)

    async def close(self) -> None:
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.wait((self._mending,))
        for host in self._hosts.values():
            await host.close()
        self._hosts.clear()

    async def _build(self, place: int) -> None:
        self._hosts[place] = await Hosted.load(
            self.name,
            self._builds[place],
            self._new_executor(),
            deadline_s=self._deadline_s,
            on_failure=lambda host, error: self._fail(place, host, error),
        )
        if place == 0:
            self._works_since_s = _clock_s()
        self._changed.set()

    def _fail(self, place: int, host: Hosted[E], error: VoicedError) -> None:
        if self._hosts.get(place) is not host:
            return
        del self._hosts[place]
        host.abandon()
        self.threads_lost += host.is_hung
        if place == 0:
            has_been_steady = _clock_s() - self._works_since_s > _STEADY_S
            self._fails_in_a_row = 1 if has_been_steady else self._fails_in_a_row + 1
        self._observe(EngineFailed(self.name, str(error)))
        self._changed.set()
        self._begin_mending()

    def _begin_mending(self) -> None:
        if self._mending is None:
            self._mending = asyncio.create_task(self._mend(), name=f"mend-{self.name}")

    async def _mend(self) -> None:
        """Build the engine anew, for as long as it takes; first what can stand in for it."""
        begun_s = _clock_s()
        try:
            # At once, unless it fails again and again.
            wait_s = _pause_s(self._fails_in_a_row - 2)
            due_s = begun_s + wait_s
            while 0 not in self._hosts:
                if not self._hosts:
                    await self._substitute()
                if await self._has_changed_before(due_s):
                    continue
                with suppress(VoicedError):
                    await self._build(0)
                wait_s = min(_LONGEST_WAIT_S, max(_FIRST_WAIT_S, 2 * wait_s))
                due_s = _clock_s() + wait_s
        finally:
            self._mending = None
        self._observe(EngineRecovered(self.name, (_clock_s() - begun_s) * 1000))

    async def _has_changed_before(self, due_s: float) -> bool:
        self._changed.clear()
        try:
            async with asyncio.timeout_at(due_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _substitute(self) -> None:
        for place in range(1, len(self._builds)):
            try:
                await self._build(place)
            except VoicedError as error:
                _log.warning("%s cannot be replaced: %s", self.name, error)
            else:
                return


def _pause_s(times_before: int) -> float:
    if times_before < 0:
        return 0.0
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * float(2 ** min(times_before, 10)))


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
