"""A clock for what has none of its own: files and the simulated sound card."""

from __future__ import annotations

import asyncio


class Ticker:
    """Ticks at a fixed rate of the event loop's clock, from its creation on, without drift.

    A tick that comes late does not move those after it: they follow at once until the time is made
    up.
    """

    def __init__(self, period_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._period_s = period_s
        self._start_s = self._loop.time()
        self._ticks = 0

    async def tick(self) -> int:
        """Wait for the next tick and return its number; number 0 is due at once."""
        due_s = self._start_s + self._ticks * self._period_s
        # Sleeps even where it is late, so that one who is behind does not keep the others waiting.
        await asyncio.sleep(max(0.0, due_s - self._loop.time()))
        self._ticks += 1
        return self._ticks - 1


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; raises what it died of, if it had died already."""
    task.cancel()
    # Not `await task`: the task's cancellation could not be told from that of the one who waits.
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
