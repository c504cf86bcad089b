"""What the assistant is and does at this moment, gathered from its events: what `voiced status` shows."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Final

from voiced.control.wire import turn_to_json
from voiced.core.state import Phase
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    SoundLost,
    SpeakerChanged,
    TurnEnded,
    TurnReport,
)

_TURNS_KEPT: Final = 5


class Board:
    """Observes, and tells."""

    def __init__(self) -> None:
        self.phase = Phase.IDLE
        self.microphone = MicrophoneChanged(MicrophoneState.OPEN)
        self.speaker = SpeakerChanged(is_there=True)
        self._engines_failing: dict[str, str] = {}
        self._turns: Counter[str] = Counter()
        self._last_turns: deque[TurnReport] = deque(maxlen=_TURNS_KEPT)
        self._lost = SoundLost()
        self._reconnects = 0

    def observe(self, event: AssistantEvent) -> None:
        """Note one event."""
        match event:
            case PhaseChanged(phase):
                self.phase = phase
            case TurnEnded(report):
                self._turns[report.outcome.value] += 1
                self._last_turns.append(report)
            case MicrophoneChanged(state):
                was_away = self.microphone.state is MicrophoneState.AWAY
                self._reconnects += was_away and state is MicrophoneState.OPEN
                self.microphone = event
            case SpeakerChanged(is_there):
                self._reconnects += is_there and not self.speaker.is_there
                self.speaker = event
            case SoundLost(overflows, underflows):
                self._lost = SoundLost(
                    self._lost.overflows + overflows, self._lost.underflows + underflows
                )
            case EngineFailed(name, reason):
                self._engines_failing[name] = reason
            case EngineRecovered(name):
                self._engines_failing.pop(name, None)

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it; see `control.contracts.Remote.status`."""
        return {
            "phase": self.phase.value,
            "microphone": {
                "state": self.microphone.state.value,
                "reason": self.microphone.reason,
            },
            "speaker": {"is_there": self.speaker.is_there, "reason": self.speaker.reason},
            "engines_failing": dict(self._engines_failing),
            "turns": dict(self._turns),
            "last_turns": [turn_to_json(report) for report in self._last_turns],
            "overflows": self._lost.overflows,
            "underflows": self._lost.underflows,
            "reconnects": self._reconnects,
        }
