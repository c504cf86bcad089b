"""An assistant that only writes down what it is asked, behind a real control socket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from voiced.control.server import ControlServer
from voiced.control.wire import turn_to_json
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.core.trace import Fate, Revision, Trace
from voiced.errors import ConfigError
from voiced.events import AssistantEvent, Observer, PhaseChanged, TurnReport
from voiced.types import EndReason, ReplyPath, Transcript

_DEADLINE_S = 30.0

TURN = TurnReport(
    turn_id=3,
    outcome=Outcome.ANSWERED,
    transcript=Transcript("why is the sky blue", 0.8),
    reply="Because of the air.",
    path=ReplyPath.MODEL,
    end_reason=EndReason.SILENCE,
    timings_ms={
        "speech_end": 2000.0,
        "endpoint": 2200.0,
        "commit": 2200.0,
        "first_token": 2210.0,
        "first_clause": 2290.0,
        "first_audio": 2295.0,
    },
    trace=Trace(
        (
            Revision("why is", 0.9, ReplyPath.MODEL, 900.0, 1030.0, 500, speech_ms=800.0),
            Revision(
                "why is the sky blue",
                0.8,
                ReplyPath.MODEL,
                2000.0,
                2150.0,
                180,
                fate=Fate.COMMITTED,
            ),
        )
    ),
)


class FakeRemote:
    """Does nothing; `calls` has what it was asked, `hold_up` lets `ask` and `say` wait until it is set."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.phase = Phase.IDLE
        self.is_muted = False
        self.volume_percent = 70
        self.changed = ["audio.volume_percent"]
        self.config_error = ""
        self.defect: Exception | None = None
        self.more_status: dict[str, Any] = {}
        self.hold_up: asyncio.Event | None = None
        self.shut_down = asyncio.Event()
        self.observers: list[Observer] = []

    def status(self) -> dict[str, Any]:
        if self.defect is not None:
            raise self.defect
        return {
            "phase": self.phase.value,
            "microphone": {"state": "muted" if self.is_muted else "open", "reason": ""},
            "speaker": {"is_there": True, "reason": ""},
            "volume_percent": self.volume_percent,
            "version": "0.1.0",
            "pid": 4711,
            "uptime_s": 93784.2,
            "memory_mb": 312.4,
            "engines": {"vad": "gated", "wake": "microwakeword", "stt": "pocketsphinx"},
            "engines_failing": {},
            "turns": {"answered": 12, "failed": 1},
            "last_turns": [turn_to_json(TURN)],
            "overflows": 2,
            "underflows": 0,
            "reconnects": 1,
            **self.more_status,
        }

    async def listen(self) -> None:
        self.calls.append("listen")
        self._go(Phase.LISTENING)

    async def press(self) -> None:
        self.calls.append("press")
        self._go(Phase.LISTENING)

    async def release(self) -> None:
        self.calls.append("release")
        self._go(Phase.THINKING)

    async def stop(self) -> None:
        self.calls.append("stop")
        self._go(Phase.IDLE)

    async def mute(self) -> None:
        self.calls.append("mute")
        self.is_muted = True

    async def unmute(self) -> None:
        self.calls.append("unmute")
        self.is_muted = False

    async def say(self, text: str) -> None:
        self.calls.append(f"say {text}")
        if self.hold_up is not None:
            await self.hold_up.wait()

    async def ask(self, text: str) -> TurnReport:
        self.calls.append(f"ask {text}")
        if self.hold_up is not None:
            await self.hold_up.wait()
        return TURN

    async def reload(self) -> list[str]:
        self.calls.append("reload")
        if self.config_error:
            raise ConfigError(self.config_error)
        return self.changed

    async def set_volume(self, percent: int) -> None:
        self.calls.append(f"volume {percent}")
        self.volume_percent = percent

    async def timers(self) -> list[dict[str, Any]]:
        return [{"id": 1, "name": "pasta", "remaining_s": 245.0, "paused": False}]

    def metrics(self) -> str:
        return "voiced_turns_total 12\n"

    async def shutdown(self) -> None:
        self.calls.append("shutdown")
        self.shut_down.set()

    def subscribe(self, observe: Observer) -> Callable[[], None]:
        self.observers.append(observe)
        return lambda: self.observers.remove(observe)

    def tell(self, event: AssistantEvent) -> None:
        for observe in list(self.observers):
            observe(event)

    def _go(self, phase: Phase) -> None:
        self.phase = phase
        self.tell(PhaseChanged(phase))


class Running:
    """A fake assistant on a loop in a thread of its own, for commands that block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.remote = FakeRemote()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._never = threading.Event()

    def soon(self, call: Callable[[], object]) -> None:
        """Have `call` called on the loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(call)

    def wait_for(self, call: str) -> None:
        """Until the assistant has been asked that."""
        self.wait_until(lambda: call in self.remote.calls)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Until something is so."""
        begun_s = time.monotonic()
        while not holds():
            assert time.monotonic() - begun_s < _DEADLINE_S, self.remote.calls
            self._never.wait(0.01)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with ControlServer(self.remote, self.path):
            self._ready.set()
            await self.remote.shut_down.wait()

    @contextmanager
    def run(self) -> Iterator[Running]:
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        try:
            assert self._ready.wait(10)
            yield self
        finally:
            # A closed loop: somebody has shut it down already.
            with suppress(RuntimeError):
                self.soon(self.remote.shut_down.set)
            thread.join()
