"""What the state machine is told, and what it tells: values only.

`state.py` turns the one into the other, `assistant.py` collects the one and carries out the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voiced.types import Earcon, EndReason, SpeechEvent

# Events: what the world tells the assistant.


@dataclass(frozen=True, slots=True)
class Started:
    """The permanent tasks run."""


@dataclass(frozen=True, slots=True)
class WakeHeard:
    """The wake word `phrase` ended at `end_sample`."""

    end_sample: int
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """While an answer was awaited or spoken, a person began to speak at `onset_sample`."""

    onset_sample: int


@dataclass(frozen=True, slots=True)
class InterruptionMeant:
    """What the turn hears is meant to interrupt the answer that is on hold."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class StillQuiet:
    """Nobody has spoken since listening began: they wait for a sign that they are heard."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """Push-to-talk begins."""


@dataclass(frozen=True, slots=True)
class KeyReleased:
    """Push-to-talk ends."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Whatever goes on is to end now, without an answer."""


@dataclass(frozen=True, slots=True)
class ListenAsked:
    """Somebody asks for attention without the wake word."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question was typed; whatever goes on gives way to it."""

    request_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Announced:
    """Something is to be said that nobody asked for now; it waits until nobody speaks.

    Where it `rings` a sound calls the person first.
    """

    request_id: int
    text: str
    rings: bool = False


@dataclass(frozen=True, slots=True)
class SoundGone:
    """The microphone delivers nothing any more: it was lost, or is muted."""


@dataclass(frozen=True, slots=True)
class SoundBack:
    """The microphone delivers again."""


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """Stop at the next moment at which nobody speaks or waits."""


@dataclass(frozen=True, slots=True)
class InputEnded:
    """The source has no more samples."""


@dataclass(frozen=True, slots=True)
class TurnSpoke:
    """The first sound of a turn's answer goes to the speaker."""

    turn_id: int


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    NOTHING_SAID = "nothing-said"
    """The utterance held no words, nothing but the wake word, or only "mm-hm" beside an answer."""
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TurnOver:
    """A turn has ended by itself: all of its answer has been played, or there is none.

    `has_spoken` where there was something to say, `asks` where that was a question.
    """

    turn_id: int
    outcome: Outcome
    end_reason: EndReason = EndReason.SILENCE
    has_spoken: bool = False
    asks: bool = False


Event = (
    Started
    | WakeHeard
    | VoiceHeard
    | InterruptionMeant
    | StillQuiet
    | KeyPressed
    | KeyReleased
    | ListenAsked
    | StopAsked
    | Asked
    | Announced
    | SoundGone
    | SoundBack
    | LeaveAsked
    | InputEnded
    | SpeechEvent
    | TurnSpoke
    | TurnOver
)


# Commands: what the assistant is to do, in order.


class Attention(StrEnum):
    """How to listen for an utterance."""

    OPEN = "open"
    """One that begins within the usual time."""
    HELD = "held"
    """It has begun, and a key holds it open."""
    BEGUN = "begun"
    """It has begun: a voice was heard beside an answer."""
    FOLLOW_UP = "follow-up"
    """One that begins within the follow-up window."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Watch for an utterance after `after_sample` (now, where None)."""

    after_sample: int | None = None
    attention: Attention = Attention.OPEN


@dataclass(frozen=True, slots=True)
class FinishUtterance:
    """The utterance that is being recorded ends here."""


@dataclass(frozen=True, slots=True)
class StopListening:
    """Drop the utterance that is being recorded or waited for, and watch for no voice."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Watch for a person's voice beside the answer."""


class Trial(StrEnum):
    """What an utterance beside an answer has to be to interrupt it."""

    NONE = "none"
    """There is no answer: it has the floor."""
    WORDS = "words"
    """More than a listener's "mm-hm"."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class BeginTurn:
    """An utterance has begun: transcribe it while it grows, and answer it.

    Not `is_addressed`: nobody said before that they mean the assistant. With a `trial` it may prove to
    be no interruption: it must not answer before `GiveFloor`.
    """

    turn_id: int
    trial: Trial = Trial.NONE
    is_addressed: bool = True


@dataclass(frozen=True, slots=True)
class BeginRequest:
    """Answer, or say, what nobody spoke for."""

    turn_id: int
    request: Asked | Announced


@dataclass(frozen=True, slots=True)
class GiveFloor:
    """The turn's utterance was an interruption: it may answer."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class HoldAnswer:
    """Keep the turn and what it has to say; `silently`: fall silent within a block."""

    turn_id: int
    silently: bool = True


@dataclass(frozen=True, slots=True)
class ResumeAnswer:
    """The answer on hold goes on from the clause that it left."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Silence the speaker within a block, and drop the turn's work."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class PlayEarcon:
    """Play one of the short sounds."""

    earcon: Earcon


Command = (
    Listen
    | FinishUtterance
    | StopListening
    | Watch
    | BeginTurn
    | BeginRequest
    | GiveFloor
    | HoldAnswer
    | ResumeAnswer
    | CancelTurn
    | PlayEarcon
)
