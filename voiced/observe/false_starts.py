"""Which of its beginnings were for nothing, as far as the events tell. Pure."""

from __future__ import annotations

from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.events import AssistantEvent, PhaseChanged, TurnEnded, Understood, Woken

_ANSWERING = (Phase.THINKING, Phase.SPEAKING)


class FalseStarts:
    """Counts wake words after which nothing was asked, and answers that fell silent for nothing."""

    def __init__(self) -> None:
        self.wakes = 0
        self.interruptions = 0
        self._phase = Phase.IDLE
        self._is_woken = False
        self._holds_answer = False
        self._turn_has_ended = False

    def observe(self, event: AssistantEvent) -> None:
        """Take the next event."""
        match event:
            case Woken():
                self._is_woken = True
            case Understood():
                self._is_woken = self._holds_answer = False
            case TurnEnded(report):
                self._turn_has_ended = True
                if report.outcome is not Outcome.NOTHING_SAID:
                    self._holds_answer = False
            case PhaseChanged(phase):
                self._enter(phase)

    def _enter(self, phase: Phase) -> None:
        before, self._phase = self._phase, phase
        has_ended, self._turn_has_ended = self._turn_has_ended, False
        if phase is Phase.LISTENING and before in _ANSWERING:
            # An answer that was ended has reported so before the phase changes.
            self._holds_answer = not has_ended
        elif phase is Phase.SPEAKING and self._holds_answer:
            self.interruptions += 1
            self._holds_answer = False
        elif phase in (Phase.IDLE, Phase.FOLLOW_UP):
            # A wake word beside an answer may be ignored: then nobody was asked to speak.
            if self._is_woken and before is not Phase.SPEAKING:
                self.wakes += 1
            self._is_woken = self._holds_answer = False
