"""Has timers ring when they are up: a permanent task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from voiced.errors import VoicedError
from voiced.store import Timer
from voiced.timers import TimerBook

_log = logging.getLogger(__name__)

_LONGEST_SLEEP_S: Final = 30.0
"""The loop's clock stands still while the machine is suspended, so a timer may ring this late after it."""

_STALE_AFTER_S: Final = 3600.0
_RETRY_S: Final = 10.0
_WRITE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ring:
    """A timer that is up, `late_s` seconds ago: more than a few where voiced or the machine was away."""

    timer: Timer
    late_s: float


class Timekeeper:
    """Rings what is due. Without a timer it sleeps for ever; with one it looks every 30 s at least.

    A timer is forgotten on the disk only after it was heard, so that one which is cut off by a crash rings
    again. One that nobody could hear within an hour is only reported in the log.
    """

    def __init__(
        self,
        book: TimerBook,
        ring: Callable[[Ring], Awaitable[None]],
        executor: Executor | None = None,
    ) -> None:
        """`ring` returns when the ring was heard or stopped; where it raises a `VoicedError` it is asked
        again 10 s later. `executor` writes to the disk (asyncio's own where none is given).
        """
        self._book = book
        self._ring = ring
        self._executor = executor
        self._changed = asyncio.Event()
        # When to try again, by the loop's clock, where a timer could not be heard.
        self._put_off: dict[Timer, float] = {}

    async def run(self) -> None:
        """Go on for ever."""
        loop = asyncio.get_running_loop()
        self._book.on_change(lambda: loop.call_soon_threadsafe(self._changed.set))
        try:
            while True:
                self._changed.clear()
                await self._ring_due()
                try:
                    async with asyncio.timeout(self._sleep_s()):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            self._book.on_change(None)

    async def _ring_due(self) -> None:
        now_s = asyncio.get_running_loop().time()
        timers = self._book.timers()
        self._put_off = {timer: s for timer, s in self._put_off.items() if timer in timers}
        due = [timer for timer in timers if self._wait_s(timer, now_s) <= 0]
        for timer in sorted(due, key=self._book.left_s):
            # It may have been cancelled or put off while another one rang.
            if timer in self._book.timers():
                await self._finish(timer)

    async def _finish(self, timer: Timer) -> None:
        late_s = max(0.0, -self._book.left_s(timer))
        if late_s > _STALE_AFTER_S:
            _log.warning(
                "timer %d was due %.0f minutes ago and nobody heard it", timer.id, late_s / 60
            )
        else:
            try:
                await self._ring(Ring(timer, late_s))
            except VoicedError as error:
                _log.warning("timer %d could not ring, trying again: %s", timer.id, error)
                self._put_off[timer] = asyncio.get_running_loop().time() + _RETRY_S
                return
        self._book.silence(timer)
        await self._forget(timer)

    async def _forget(self, timer: Timer) -> None:
        loop = asyncio.get_running_loop()
        try:
            # A disk that hangs must not keep the next timer from ringing.
            async with asyncio.timeout(_WRITE_S):
                await loop.run_in_executor(self._executor, self._book.cancel, [timer])
        except (VoicedError, TimeoutError) as error:
            reason = error if isinstance(error, VoicedError) else "the disk does not answer"
            _log.warning(
                "timer %d has rung and may ring again after a restart: %s", timer.id, reason
            )

    def _sleep_s(self) -> float | None:
        now_s = asyncio.get_running_loop().time()
        waits = [self._wait_s(timer, now_s) for timer in self._book.timers() if not timer.is_paused]
        return min(max(0.0, min(waits)), _LONGEST_SLEEP_S) if waits else None

    def _wait_s(self, timer: Timer, now_s: float) -> float:
        if timer.is_paused:
            return float("inf")
        return max(self._book.left_s(timer), self._put_off.get(timer, now_s) - now_s)
