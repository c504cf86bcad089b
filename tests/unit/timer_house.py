"""A house with timers: a disk that is real, clocks that the test moves, and a note of what has rung."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.virtual_time import VirtualExecutor
from voiced.store import Store
from voiced.timekeeper import Ring, Timekeeper
from voiced.timers import Clock, TimerBook


@dataclass
class House:
    """`rung` has the name, when it rang and how late, in seconds of virtual time."""

    store: Store
    wall_ahead_s: float = 1_000_000.0
    asleep_s: float = 0.0
    boot_id: str = "boot"
    rung: list[tuple[str, float, float]] = field(default_factory=list)

    def clock(self) -> Clock:
        def boot_s() -> float:
            return asyncio.get_running_loop().time() + self.asleep_s

        return Clock(lambda: boot_s() + self.wall_ahead_s, boot_s, self.boot_id)

    def book(self) -> TimerBook:
        return TimerBook(self.store, self.clock())

    async def ring(self, ring: Ring) -> None:
        await asyncio.sleep(0)
        now_s = asyncio.get_running_loop().time()
        assert ring.timer in self.store.timers(), "forgotten before it was heard"
        self.rung.append((ring.timer.name, round(now_s, 3), round(ring.late_s, 3)))

    async def keep(
        self,
        book: TimerBook,
        for_s: float,
        ring: Callable[[Ring], Awaitable[None]] | None = None,
    ) -> None:
        keeper = Timekeeper(book, ring or self.ring, VirtualExecutor())
        task = asyncio.create_task(keeper.run())
        await asyncio.sleep(for_s)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
