"""What the log of a service should hold: what happens, and nothing of what is said."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from voiced.core.signals import Outcome
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    ReplyGrew,
    SoundLost,
    SpeakerChanged,
    TurnEnded,
    TurnReport,
    Understood,
    Woken,
)

_log = logging.getLogger(__name__)

_LOSSES_EVERY_S: Final = 60.0
"""Sound that is lost again and again is said once a minute, with the sum."""


class LogObserver:
    """Logs what it observes, each state once. Words that were said appear at debug level alone."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._said: dict[str, object] = {"microphone": MicrophoneState.OPEN, "speaker": True}
        self._overflows = self._underflows = 0
        self._losses_said_s = -_LOSSES_EVERY_S

    def observe(self, event: AssistantEvent) -> None:  # noqa: C901, PLR0912  # a table
        """Log one event."""
        match event:
            case Heard():
                if self._overflows or self._underflows:
                    self._say_losses()
            case PhaseChanged(phase):
                _log.info("%s", phase.value)
            case Woken(phrase, score):
                _log.info("heard the wake word %r (%.2f)", phrase, score)
            case Understood(turn_id, transcript):
                said = (turn_id, transcript.text, transcript.confidence)
                _log.debug("turn %d heard %r (%.2f)", *said)
            case ReplyGrew(turn_id, clause):
                _log.debug("turn %d says %r", turn_id, clause)
            case TurnEnded(report):
                _say_turn(report)
            case MicrophoneChanged(state, reason):
                if self._is_news("microphone", state):
                    _say_microphone(state, reason)
            case SpeakerChanged(is_there, reason):
                if self._is_news("speaker", is_there):
                    _say_speaker(reason, is_there=is_there)
            case SoundLost(overflows, underflows):
                self._overflows += overflows
                self._underflows += underflows
                self._say_losses()
            case EngineFailed(name, reason):
                if self._is_news(name, reason):
                    extra = _fields(engine=name)
                    _log.error("%s failed and is built anew: %s", name, reason, extra=extra)
            case EngineRecovered(name, after_ms):
                self._said.pop(name, None)
                extra = _fields(engine=name, recovery_ms=round(after_ms))
                _log.warning("%s works again after %.1f s", name, after_ms / 1000, extra=extra)

    def _is_news(self, what: str, state: object) -> bool:
        is_news = self._said.get(what) != state
        self._said[what] = state
        return is_news

    def _say_losses(self) -> None:
        now_s = self._clock_s()
        if now_s - self._losses_said_s < _LOSSES_EVERY_S:
            return
        self._losses_said_s = now_s
        lost = {"overflows": self._overflows, "underflows": self._underflows}
        self._overflows = self._underflows = 0
        _log.warning(
            "sound was lost: %d blocks of the microphone, %d of the speaker; the machine is too busy, "
            "or audio.latency_ms too low",
            *lost.values(),
            extra=_fields(**lost),
        )


def _say_turn(report: TurnReport) -> None:
    failed = report.outcome is Outcome.FAILED
    timings_ms = {name: f"{ms:.0f}" for name, ms in report.timings_ms.items()}
    _log.log(
        # Why it failed has been said where it did.
        logging.WARNING if failed else logging.INFO,
        "turn %d %s by %s: %s",
        report.turn_id,
        report.outcome.value,
        report.path.value,
        " ".join(f"{name}={ms}ms" for name, ms in timings_ms.items()),
        extra=_fields(
            turn=report.turn_id,
            outcome=report.outcome.value,
            path=report.path.value,
            end_reason=report.end_reason.value,
            **{f"{name}_ms": ms for name, ms in timings_ms.items()},
        ),
    )


def _say_microphone(state: MicrophoneState, reason: str) -> None:
    extra = _fields(microphone=state.value)
    match state:
        case MicrophoneState.OPEN:
            _log.warning("the microphone is open: it hears again", extra=extra)
        case MicrophoneState.AWAY:
            _log.warning(
                "the microphone is away, and tried again and again: %s", reason, extra=extra
            )
        case MicrophoneState.MUTED:
            _log.warning("the microphone is closed: muted", extra=extra)


def _say_speaker(reason: str, *, is_there: bool) -> None:
    extra = _fields(speaker="there" if is_there else "away")
    if is_there:
        _log.warning("the speaker is there again", extra=extra)
    else:
        _log.warning("the speaker is away, and tried again and again: %s", reason, extra=extra)


def _fields(**fields: object) -> dict[str, dict[str, object]]:
    """What journald keeps beside the message, as VOICED_... ."""
    return {"fields": fields}
