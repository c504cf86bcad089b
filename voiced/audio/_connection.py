"""Keeps one side of the sound open: the core of both `ReconnectingSource` and `ReconnectingSink`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar

from voiced.audio._backoff import Backoff
from voiced.audio.rescan import Rescan
from voiced.errors import DeviceError

_TRIAL_S: Final = 1.0
"""How long to wait for a device that has just been opened: most work after 0.1 s."""

_STEADY_S: Final = 2.0
"""What has worked for so long is tried again at once; what fails sooner is not tried ever so often."""

_STALLED_ATTEMPTS: Final = 2

D = TypeVar("D", bound=AbstractAsyncContextManager[Any])


class Condition(Enum):
    """How it is with a device."""

    WORKING = auto()
    LOST = auto()
    SHUT = auto()
    """Closed, because that was asked for."""


class Connection(Generic[D]):
    """A device that is opened, used until it fails, and opened again, for ever.

    What is wanted (open or shut) is set at any time by a function call that waits for nothing, and one
    task at a time is what holds the device open; it is told to end when the device is not wanted, and
    when it has ended the next one is begun if it is wanted again. So it does not matter in which order
    and how often things are asked for, nor whether the one who asked still waits.
    """

    def __init__(
        self,
        name: str,
        open_device: Callable[[], D],
        use: Callable[[D], Awaitable[None]],
        on_change: Callable[[Condition, str], None],
        on_defect: Callable[[], None] = lambda: None,
        *,
        rescan: Rescan | None = None,
        is_busy: Callable[[], bool] = lambda: False,
        is_shut: bool = False,
    ) -> None:
        """`open_device` makes what is entered to open it; a `DeviceError` of either is a failed attempt.

        `use` is given the open device, calls `works` at its first sign of life and raises `DeviceError`
        where it fails. `on_change` is told the first condition, and each that is another than the one
        before; nothing at first where it `is_shut`. `is_busy` where a blink would be heard. `name` is
        what people call the device.
        """
        self._name = name
        self._open_device = open_device
        self._use = use
        self._on_change = on_change
        self._on_defect = on_defect
        self._rescan = rescan
        self._is_busy = is_busy
        if rescan is not None:
            rescan.join(self)
        self.condition = Condition.SHUT if is_shut else Condition.LOST
        self.reason = self._shut_reason if is_shut else self._opening_reason
        """Why it does not work, in a sentence for people; empty where it does."""
        self.reconnects = 0
        """How many times it came back."""
        self._defect: BaseException | None = None
        self._told: Condition | None = Condition.SHUT if is_shut else None
        self._is_shut = is_shut
        self._is_entered = False
        self._is_blinking = False
        self._task: asyncio.Task[None] | None = None
        self._must_end = False
        self._is_tried = False
        self._is_open = False
        self._is_closing = False
        self._is_fresh = False
        self._silent_attempts = 0
        self._works_since_s: float | None = None
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the device is open, and has not failed."""
        return self._is_open and not self._must_end

    @property
    def is_busy(self) -> bool:
        """Whether a blink would be heard."""
        return self._is_busy()

    @property
    def is_stalled(self) -> bool:
        """Whether it opens again and again, and never works."""
        return self._silent_attempts >= _STALLED_ATTEMPTS

    async def enter(self) -> None:
        """Begin; returns when the device works, or was tried, or after a second."""
        self._is_entered = True
        self._reconcile()
        try:
            await self._tried()
        except asyncio.CancelledError:
            await self.leave()
            raise

    async def leave(self) -> None:
        """End; returns when the device is closed."""
        self._is_entered = False
        await self._closed()

    async def shut(self) -> None:
        """Close the device; returns when it is closed."""
        self._is_shut = True
        self._is_fresh = False
        self._silent_attempts = 0
        await self._closed()

    async def reopen(self) -> None:
        """Open it again after `shut`; returns as `enter` does."""
        self._is_shut = False
        self._reconcile()
        await self._tried()

    async def blink(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        """Close the device, have `meanwhile` done and open it again; no change unless that fails."""
        self._is_blinking = True
        try:
            await self._closed()
            await meanwhile()
        finally:
            self._is_blinking = False
            self._is_fresh = True
            self._reconcile()
        # Opened first, so that it is away for no longer than that takes.
        await self._until(lambda: self._is_open or self._is_tried or self._task is None)

    async def until_works(self) -> None:
        """Wait for the end of a blink, if there is one. Raises `DeviceError` where it does not work."""
        await self._until(
            lambda: self.condition is not Condition.WORKING or self._works_since_s is not None
        )
        if self.condition is not Condition.WORKING:
            raise DeviceError(self.reason)

    def works(self) -> None:
        """For `use`: the device gives a sign of life."""
        if self._works_since_s is not None:
            return
        self._works_since_s = asyncio.get_running_loop().time()
        self._silent_attempts = 0
        self._is_tried = True
        self.reconnects += self._told is Condition.LOST
        self._become(Condition.WORKING, "")

    def raise_defect(self) -> None:
        """Raise what has ended it for good, which no failure of a device does."""
        if self._defect is not None:
            raise self._defect

    async def _closed(self) -> None:
        self._reconcile()
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def _tried(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TRIAL_S):
                await self._until(lambda: self._is_tried or self._task is None)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    def _reconcile(self) -> None:
        """Begin the task, or have it end, as is wanted."""
        is_wanted = self._is_entered and not self._is_shut and not self._is_blinking
        if self._task is not None:
            if not is_wanted and not self._must_end:
                self._must_end = True
                self._works_since_s = None
                # A device that is being closed is left to that.
                if not self._is_closing:
                    self._task.cancel()
        elif is_wanted and self._defect is None:
            self._must_end = self._is_tried = False
            if self.condition is Condition.SHUT:
                self.condition = Condition.LOST
                self.reason = self._opening_reason
            self._task = asyncio.create_task(self._keep_open())
            self._task.add_done_callback(self._end)
        elif self._is_shut:
            self._become(Condition.SHUT, self._shut_reason)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._defect = defect
            self._become(Condition.LOST, f"the {self._name} has failed for good: {defect!r}")
            self._on_defect()
        self._changed.set()
        self._reconcile()

    async def _keep_open(self) -> None:
        backoff = Backoff()
        while not self._must_end:
            await asyncio.sleep(backoff.next_s())
            self._works_since_s = None
            await self._attempt()
            if self._was_steady:
                backoff.reset()

    async def _attempt(self) -> None:
        try:
            async with AsyncExitStack() as opened:
                try:
                    await self._open_and_use(opened)
                except DeviceError as failure:
                    is_silent = self._is_open and self._works_since_s is None
                    self._silent_attempts = self._silent_attempts + 1 if is_silent else 0
                    # Told before it is closed: with a sound server that hangs, that takes seconds.
                    self._lose(failure)
                finally:
                    self._is_open = False
                    self._is_closing = True
        except DeviceError as failure:
            self._lose(failure)
        finally:
            self._is_closing = False

    async def _open_and_use(self, opened: AsyncExitStack) -> None:
        async with self._turn():
            device = await opened.enter_async_context(self._open_device())
        self._is_open = True
        self._changed.set()
        await self._use(device)

    @property
    def _was_steady(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        return self._works_since_s is not None and now_s - self._works_since_s >= _STEADY_S

    def _turn(self) -> AbstractAsyncContextManager[None]:
        is_fresh, self._is_fresh = self._is_fresh, False
        if self._rescan is None:
            return nullcontext()
        return self._rescan.list_in_use if is_fresh else self._rescan.attempt(self)

    def _lose(self, failure: DeviceError) -> None:
        self._is_tried = True
        self._become(Condition.LOST, str(failure))

    def _become(self, condition: Condition, reason: str) -> None:
        self.condition = condition
        self.reason = reason
        self._changed.set()
        if condition is not self._told:
            self._told = condition
            self._on_change(condition, reason)

    @property
    def _opening_reason(self) -> str:
        return f"the {self._name} is being opened"

    @property
    def _shut_reason(self) -> str:
        return f"the {self._name} is muted"
