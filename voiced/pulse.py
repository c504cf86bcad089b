"""Tells the service manager that the assistant hears, and only while it does.

An assistant that runs and is deaf looks healthy from outside; so what counts as a sign of life is a block
of the microphone that has gone through voice activity and wake word. Where the microphone is muted, or away
and tried again and again, there is nothing to hear, and that is no reason to begin afresh.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from voiced.errors import EngineError
from voiced.events import (
    AssistantEvent,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    SoundLost,
    SpeakerChanged,
)
from voiced.notify import Notifier

DEAF: Final = "deaf: "
"""How the status begins while there is no microphone."""

_BEAT_S: Final = 5.0
"""How often it looks where nobody waits for it."""

_BEATS_A_WATCHDOG: Final = 4
"""sd_watchdog_enabled(3) says half of the time; a busy machine may be late."""

_MOST_THREADS_LOST: Final = 3
"""So many engines may hang for good: each holds its memory for as long as the process lives."""


class Pulse:
    """Observes; `run` is a permanent task."""

    def __init__(
        self,
        notifier: Notifier,
        observe: Callable[[SoundLost], None],
        *,
        is_stalled: Callable[[], bool],
        threads_lost: Callable[[], int],
        lost_so_far: Callable[[], SoundLost],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_stalled`: the microphone opens and delivers nothing, which a new process may mend.

        `threads_lost` counts engines that hang for good, `lost_so_far` what sound was lost since the devices
        were opened; `observe` is told how much that has grown.
        """
        self._notifier = notifier
        self._observe = observe
        self._is_stalled = is_stalled
        self._threads_lost = threads_lost
        self._lost_so_far = lost_so_far
        self._clock_s = clock_s
        watchdog_s = notifier.watchdog_s
        self.beat_s = _BEAT_S if watchdog_s is None else watchdog_s / _BEATS_A_WATCHDOG
        self._beaten_s = clock_s()
        self._lost = SoundLost()
        self._is_loaded = self._is_ready = False
        self._microphone = MicrophoneChanged(MicrophoneState.OPEN)
        self._speaker = SpeakerChanged(is_there=True)

    @property
    def age_s(self) -> float | None:
        """How long ago the service manager was told that all is well; None where nobody waits for that."""
        return None if self._notifier.watchdog_s is None else self._clock_s() - self._beaten_s

    def observe(self, event: AssistantEvent) -> None:
        """Take the next event."""
        match event:
            case Heard():
                if not self._is_ready:
                    self._become_ready()
                # Here rather than by a timer: the processor need not wake up once more for it.
                if self._clock_s() - self._beaten_s >= self.beat_s:
                    self._beat()
            case MicrophoneChanged(state):
                self._microphone = event
                if self._is_loaded and not self._is_ready and state is MicrophoneState.MUTED:
                    self._become_ready()
                else:
                    self._notifier.status(self._in_words())
            case SpeakerChanged():
                is_news = event != self._speaker
                self._speaker = event
                if is_news and self._is_ready:
                    self._notifier.status(self._in_words())

    def loaded(self) -> None:
        """It has all its engines: where it is muted there is nothing else to wait for."""
        self._is_loaded = True
        if not self._is_ready and self._microphone.state is MicrophoneState.MUTED:
            self._become_ready()

    def again(self) -> None:
        """Another configuration was taken, or refused: it works as before."""
        if self._is_ready:
            self._notifier.ready(self._in_words())

    async def run(self) -> None:
        """Look after it while it does not hear. Raises `EngineError` where only a new process helps."""
        while self._threads_lost() < _MOST_THREADS_LOST:
            await asyncio.sleep(self.beat_s)
            is_deaf = self._microphone.state is not MicrophoneState.OPEN
            if is_deaf and not self._is_stalled():
                self._beat()
        raise EngineError("too many engines hang: voiced must begin afresh")

    def _beat(self) -> None:
        self._beaten_s = self._clock_s()
        self._notifier.alive()
        if not self._is_ready:
            # No microphone yet: that may take until somebody plugs one in.
            self._notifier.extend(3 * self.beat_s)
        lost, before = self._lost_so_far(), self._lost
        self._lost = lost
        overflows = lost.overflows - before.overflows
        underflows = lost.underflows - before.underflows
        if overflows > 0 or underflows > 0:
            self._observe(SoundLost(max(0, overflows), max(0, underflows)))

    def _become_ready(self) -> None:
        self._is_ready = True
        self._notifier.ready(self._in_words())

    def _in_words(self) -> str:
        match self._microphone.state:
            case MicrophoneState.OPEN if not self._speaker.is_there:
                return f"listening, but without a speaker: {self._speaker.reason}; trying again and again"
            case MicrophoneState.OPEN:
                return "listening"
            case MicrophoneState.MUTED:
                return "muted: the microphone is closed"
            case MicrophoneState.AWAY:
                return f"{DEAF}{self._microphone.reason}; trying again and again"
