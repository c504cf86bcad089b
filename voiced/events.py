"""What the assistant tells whoever watches: a terminal, a log, later the control socket.

Values only; watching costs the pipeline a function call and can never hold it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.core.trace import Fate, Trace
from voiced.types import EndReason, ReplyPath, Transcript


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """The assistant does something else now."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Heard:
    """One block came in: its level, and how likely it is speech (0..1)."""

    level_dbfs: float
    speech_probability: float


@dataclass(frozen=True, slots=True)
class Woken:
    """The wake word was heard."""

    phrase: str
    score: float


@dataclass(frozen=True, slots=True)
class TranscriptGrew:
    """What has been understood so far of an utterance that goes on."""

    turn_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """The final transcript of a turn."""

    turn_id: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class ReplyGrew:
    """The next clause of the answer, as it goes to the voice."""

    turn_id: int
    clause: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a turn's time line, in ms."""

    name: str
    begin_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class TurnReport:
    """A turn from end to end.

    `timings_ms` counts from the start of the input: `speech_end`, `endpoint`, `transcript`, `first_token`,
    `first_clause`, `commit`, `first_audio`, `done`, as far as they happened (see `core/timeline.py`), the
    earliest first. `trace` has every reading of the utterance.
    """

    turn_id: int
    outcome: Outcome
    transcript: Transcript
    reply: str
    path: ReplyPath
    end_reason: EndReason
    timings_ms: dict[str, float] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)
    error: str = ""

    @property
    def spans(self) -> list[Span]:
        """What the time after the last sound went into, as far as it happened; some run side by side."""
        at = self.timings_ms
        answered = [r for r in self.trace.revisions if r.fate is Fate.COMMITTED]
        read_ms = answered[-1].read_ms if answered else None
        bounds = (
            ("waiting", at.get("speech_end"), at.get("endpoint")),
            ("recognition", at.get("speech_end"), read_ms),
            ("thinking", read_ms, at.get("first_token")),
            ("voice", at.get("first_token"), at.get("first_clause")),
            ("first sound", at.get("commit"), at.get("first_audio")),
        )
        return [
            Span(name, begin, max(begin, end))
            for name, begin, end in bounds
            if begin is not None and end is not None
        ]

    @property
    def was_understood(self) -> bool:
        """Whether what was said was answered, rather than asked for again."""
        return self.outcome is Outcome.ANSWERED and self.path is not ReplyPath.NONE


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is over."""

    report: TurnReport


class MicrophoneState(StrEnum):
    """Whether it can hear."""

    OPEN = "open"
    AWAY = "away"
    """The microphone is missing, taken or has stopped; it is tried again and again."""
    MUTED = "muted"
    """The microphone is closed because somebody asked for that."""


@dataclass(frozen=True, slots=True)
class MicrophoneChanged:
    """It can hear again, or no longer; `reason` says why not, in a sentence for people."""

    state: MicrophoneState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """The speaker is there again, or gone; `reason` says why, in a sentence for people."""

    is_there: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SoundLost:
    """Sound was lost: so many blocks of the microphone (overflows), or of the speaker (underflows)."""

    overflows: int = 0
    underflows: int = 0


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine (`ear`, `stt`, `llm`, `tts`, `skills`) raised, hung or crashed, and is being built anew."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class EngineRecovered:
    """It works again after `after_ms`."""

    name: str
    after_ms: float


AssistantEvent = (
    PhaseChanged
    | Heard
    | Woken
    | TranscriptGrew
    | Understood
    | ReplyGrew
    | TurnEnded
    | MicrophoneChanged
    | SpeakerChanged
    | SoundLost
    | EngineFailed
    | EngineRecovered
)

Observer = Callable[[AssistantEvent], None]
