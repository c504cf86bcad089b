"""The timers that are set: kept in memory and on the disk, counted by a clock that nobody can set.

A timer of five minutes lasts five minutes of real time, whatever happens to the wall clock meanwhile and
though the machine sleeps: it is counted by CLOCK_BOOTTIME. That clock begins anew with each boot, so a
timer that outlives a boot rings at the time of day at which it was due, by the wall clock.

What is asked is answered from memory, without waiting for a disk that may be slow. What changes something
waits until it is on the disk.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from voiced.store import Store, Timer

MOST_TIMERS: Final = 50
"""Nobody wants more; a television that sets them all day must not fill the memory."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall_s` gives Unix time, `boot_s` seconds since the boot that `boot_id` names, asleep or not."""

    wall_s: Callable[[], float]
    boot_s: Callable[[], float]
    boot_id: str

    @classmethod
    def of_this_machine(cls) -> Self:
        try:
            boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            # A sandbox may hide it: then only this process knows that it is the same boot.
            boot_id = str(uuid.uuid4())
        return cls(time.time, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), boot_id)


class TimerBook:
    """All timers. Any thread may call any method. What changes something raises `OutputError` where it
    could not be written, and has changed nothing then.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        """Read what the last process left in `store`."""
        self._store = store
        self._clock = clock or Clock.of_this_machine()
        self._lock = threading.Lock()
        self._timers = tuple(store.timers())
        # Not under the lock, which whoever waits for the disk holds: adding to a set is atomic.
        self._silenced: set[Timer] = set()
        self._on_change: Callable[[], object] | None = None

    def on_change(self, call: Callable[[], object] | None) -> None:
        """Have `call` called, on the thread that made it, after each change; None for nobody."""
        self._on_change = call

    def timers(self) -> tuple[Timer, ...]:
        """All that run or are paused, in the order in which they were set."""
        return tuple(timer for timer in self._timers if timer not in self._silenced)

    def left_s(self, timer: Timer) -> float:
        """The seconds until `timer` rings; negative where it should have."""
        if timer.left_s is not None:
            return timer.left_s
        if timer.due_s is None or timer.due_boot_s is None:
            raise AssertionError("a timer that runs is due at some time")
        if timer.boot_id == self._clock.boot_id:
            return timer.due_boot_s - self._clock.boot_s()
        return timer.due_s - self._clock.wall_s()

    def as_dicts(self) -> list[dict[str, Any]]:
        """What the control socket shows of each: `id`, `name`, `remaining_s`, `paused`."""
        return [
            {
                "id": timer.id,
                "name": timer.name,
                "remaining_s": round(max(0.0, self.left_s(timer)), 1),
                "paused": timer.is_paused,
            }
            for timer in self.timers()
        ]

    def start(self, length_s: float, name: str = "") -> Timer:
        """Set a timer that rings in `length_s` seconds (> 0)."""
        with self._lock:
            running = self._due_in(
                Timer(0, name, length_s, self._clock.wall_s(), None, None, ""), length_s
            )
            timer = replace(running, id=self._store.add_timer(running))
            self._timers = (*self._timers, timer)
        self._tell()
        return timer

    def cancel(self, timers: Sequence[Timer]) -> None:
        """Forget `timers`, all or none."""
        with self._lock:
            self._store.remove_timers(timers)
            self._timers = tuple(timer for timer in self._timers if timer not in timers)
            self._silenced.difference_update(timers)
        self._tell()

    def pause(self, timer: Timer) -> Timer:
        """Stop `timer` from counting."""
        left_s = max(0.0, self.left_s(timer))
        return self._change(replace(timer, due_s=None, due_boot_s=None, left_s=left_s))

    def resume(self, timer: Timer) -> Timer:
        """Have a paused `timer` count again."""
        return self._change(self._due_in(timer, self.left_s(timer)))

    def extend(self, timer: Timer, by_s: float) -> Timer:
        """Have `timer` ring `by_s` seconds later, or earlier where that is negative.

        One that is ringing rings again in `by_s` seconds.
        """
        left_s = max(0.0, max(0.0, self.left_s(timer)) + by_s)
        if timer.is_paused:
            return self._change(replace(timer, left_s=left_s))
        return self._change(self._due_in(timer, left_s))

    def silence(self, timer: Timer) -> None:
        """It has rung: forget `timer` here, at once; on the disk with `cancel`.

        If it was changed meanwhile, the changed one goes on.
        """
        self._silenced.add(timer)

    def _due_in(self, timer: Timer, left_s: float) -> Timer:
        clock = self._clock
        return replace(
            timer,
            due_s=clock.wall_s() + left_s,
            due_boot_s=clock.boot_s() + left_s,
            boot_id=clock.boot_id,
            left_s=None,
        )

    def _change(self, changed: Timer) -> Timer:
        with self._lock:
            self._store.change_timer(changed)
            self._timers = tuple(
                changed if timer.id == changed.id else timer for timer in self._timers
            )
        self._tell()
        return changed

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change()
