"""What the assistant tells whoever watches: a terminal, a log, later the control socket.

Values only; watching costs the pipeline a function call and can never hold it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from voiced.core.state import Outcome, Phase
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
class TurnReport:
    """A turn from end to end.

    `timings_ms` counts from the start of the input: `speech_end`, `endpoint`, `transcript`,
    `first_token`, `first_audio`, `done`, as far as they happened (see `core/timeline.py`).
    """

    turn_id: int
    outcome: Outcome
    transcript: Transcript
    reply: str
    path: ReplyPath
    end_reason: EndReason
    timings_ms: dict[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def was_understood(self) -> bool:
        """Whether what was said was answered, rather than asked for again."""
        return self.outcome is Outcome.ANSWERED and self.path is not ReplyPath.NONE


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is over."""

    report: TurnReport


AssistantEvent = PhaseChanged | Heard | Woken | TranscriptGrew | Understood | ReplyGrew | TurnEnded

Observer = Callable[[AssistantEvent], None]
