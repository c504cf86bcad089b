"""The assistant that runs, as the control socket sees it: `control.contracts.Remote`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from voiced import __version__
from voiced.config import ENGINE_KINDS
from voiced.core.signals import KeyPressed, KeyReleased, ListenAsked, Outcome, StopAsked
from voiced.core.state import Phase
from voiced.errors import DeviceError, EngineError
from voiced.events import MicrophoneState, Observer, TurnReport
from voiced.held import HeldConfiguration
from voiced.observe.board import Board
from voiced.observe.fan_out import FanOut
from voiced.observe.metrics import Metrics
from voiced.sessions import Sessions
from voiced.store import Store
from voiced.timers import TimerBook

_LISTENS_WITHIN_S: Final = 2.0

_STATM: Final = Path("/proc/self/statm")


class RemoteControl:
    """Everything is called on the loop's thread."""

    def __init__(
        self,
        sessions: Sessions,
        store: Store,
        timers: TimerBook,
        board: Board,
        metrics: Metrics,
        told: FanOut,
        *,
        held: HeldConfiguration,
        shut_down: Callable[[], None],
    ) -> None:
        """`told` is told all events."""
        self._sessions = sessions
        self._store = store
        self._timers = timers
        self._board = board
        self._metrics = metrics
        self._told = told
        self._held = held
        self._shut_down = shut_down
        self._begun_s = time.monotonic()

    def status(self) -> dict[str, Any]:
        settings = self._held.settings
        return {
            "version": __version__,
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._begun_s, 1),
            "memory_mb": round(memory_mb(), 1),
            "volume_percent": self.volume_percent,
            "engines": {kind: getattr(settings, kind).engine for kind in ENGINE_KINDS},
            **self._board.as_dict(),
        }

    async def listen(self) -> None:
        self._require_ear()
        self._sessions.session.assistant.post(ListenAsked())

    async def press(self) -> None:
        self._require_ear()
        assistant = self._sessions.session.assistant
        assistant.post(KeyPressed())
        await self._until(lambda: assistant.state.phase is Phase.LISTENING)

    async def release(self) -> None:
        self._sessions.session.assistant.post(KeyReleased())

    async def stop(self) -> None:
        self._sessions.session.assistant.post(StopAsked())

    async def mute(self) -> None:
        # Silence first: a disk that is slow or full must not keep it open.
        await self._sessions.mute()
        await asyncio.to_thread(self._store.set_muted, is_muted=True)

    async def unmute(self) -> None:
        await asyncio.to_thread(self._store.set_muted, is_muted=False)
        await self._sessions.unmute()

    async def say(self, text: str) -> None:
        report = await self._sessions.announce(text)
        if report.outcome is Outcome.FAILED:
            raise EngineError(report.error)

    async def ask(self, text: str) -> TurnReport:
        return await self._sessions.ask(text)

    async def reload(self) -> list[str]:
        return await self._held.reload()

    @property
    def volume_percent(self) -> int:
        kept = self._store.volume_percent
        return self._held.settings.audio.volume_percent if kept is None else kept

    async def set_volume(self, percent: int) -> None:
        await asyncio.to_thread(self._store.set_volume, percent)
        self._sessions.set_volume(percent)

    async def timers(self) -> list[dict[str, Any]]:
        return self._timers.as_dicts()

    def metrics(self) -> str:
        return self._metrics.text()

    async def shutdown(self) -> None:
        self._shut_down()

    def subscribe(self, observe: Observer) -> Callable[[], None]:
        observers = self._told.observers
        observers.append(observe)

        def end() -> None:
            # One that failed is gone already.
            with suppress(ValueError):
                observers.remove(observe)

        return end

    def _require_ear(self) -> None:
        """Raises `DeviceError` where nobody can be heard, with the reason."""
        microphone = self._board.microphone
        if microphone.state is MicrophoneState.MUTED:
            raise DeviceError("the microphone is muted: `voiced ctl unmute` opens it")
        if microphone.state is MicrophoneState.AWAY:
            raise DeviceError(f"the microphone is away: {microphone.reason}")

    async def _until(self, holds: Callable[[], bool]) -> None:
        changed = asyncio.Event()
        end = self.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(_LISTENS_WITHIN_S):
                while not holds():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise EngineError("voiced does not listen: `voiced status` may say why") from None
        finally:
            end()


def memory_mb() -> float:
    """How much of the machine's memory this process has: proc(5)."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
