"""What the assistant does next: (state, event) -> (state, commands). Pure.

    IDLE ──wake word, key──► LISTENING ──end of speech──► THINKING ──first sound──► SPEAKING ──► IDLE
                                 ▲                            │ nothing was said       │
                                 └────────────────────────────┴── wake word, key ──────┘

At most one turn is alive. It is born with speech, not with the wake word: until somebody speaks there is
nothing to transcribe. A wake word or a key during an answer ends that answer (barge-in).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from voiced.types import Earcon, EndReason, SpeechEnded, SpeechEvent, SpeechStarted


class Activation(StrEnum):
    """What makes the assistant listen."""

    WAKE = "wake"
    """The wake word (or the key)."""
    KEY = "key"
    """The push-to-talk key alone; the utterance lasts until it is released."""
    SPEECH = "speech"
    """Any speech, always: a conversation without hands, or a file with one question in it."""


class Phase(StrEnum):
    """What the assistant is doing, in the words that status displays show."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True, slots=True)
class State:
    """`turn_id` names the one turn that is alive, if any; identities are never used twice."""

    activation: Activation
    phase: Phase = Phase.IDLE
    turn_id: int | None = None
    turns_begun: int = 0
    input_ended: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen any more: the input has ended, and what was asked is answered."""
        return self.input_ended and self.turn_id is None


# Events: what the world tells the assistant.


@dataclass(frozen=True, slots=True)
class Started:
    """The permanent tasks run."""


@dataclass(frozen=True, slots=True)
class WakeHeard:
    """The wake word ended at `end_sample`."""

    end_sample: int


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
    """The utterance held no words, or nothing but the wake word."""
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TurnOver:
    """A turn has ended by itself: all of its answer has been played, or there is none."""

    turn_id: int
    outcome: Outcome
    end_reason: EndReason = EndReason.SILENCE


Event = (
    Started
    | WakeHeard
    | StillQuiet
    | KeyPressed
    | KeyReleased
    | StopAsked
    | InputEnded
    | SpeechEvent
    | TurnSpoke
    | TurnOver
)


# Commands: what the assistant is to do, in order.


@dataclass(frozen=True, slots=True)
class Listen:
    """Watch for an utterance: after `after_sample` (now, where None), held open by a key or not."""

    after_sample: int | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class FinishUtterance:
    """The utterance that is being recorded ends here."""


@dataclass(frozen=True, slots=True)
class StopListening:
    """Drop the utterance that is being recorded or waited for."""


@dataclass(frozen=True, slots=True)
class BeginTurn:
    """An utterance has begun: transcribe it while it grows, and answer it."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Silence the speaker within a block, and drop the turn's work."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class PlayEarcon:
    """Play one of the short sounds."""

    earcon: Earcon


Command = Listen | FinishUtterance | StopListening | BeginTurn | CancelTurn | PlayEarcon

Step = tuple[State, tuple[Command, ...]]


def step(state: State, event: Event) -> Step:  # noqa: C901  # a table reads best whole
    """The next state and what to do. An event that means nothing in this state changes nothing."""
    match event:
        case Started():
            return _rest(state)
        case WakeHeard(end_sample) if state.activation is not Activation.KEY:
            return _attend(state, Listen(after_sample=end_sample))
        case KeyPressed() if state.activation is not Activation.SPEECH:
            return _attend(state, Listen(held=True))
        case KeyReleased() if state.phase is Phase.LISTENING:
            return state, (FinishUtterance(),)
        case StillQuiet() if state.activation is Activation.WAKE and state.turn_id is None:
            return state, (PlayEarcon(Earcon.LISTENING),)
        case StopAsked():
            return _stop(state)
        case InputEnded():
            return replace(state, input_ended=True), ()
        case SpeechStarted() if state.phase is Phase.LISTENING and state.turn_id is None:
            turn_id = state.turns_begun + 1
            begun = replace(state, turn_id=turn_id, turns_begun=turn_id)
            return begun, (BeginTurn(turn_id),)
        case SpeechEnded(reason=reason) if state.phase is Phase.LISTENING:
            return _speech_ended(state, reason)
        case TurnSpoke(turn_id) if turn_id == state.turn_id:
            return replace(state, phase=Phase.SPEAKING), ()
        case TurnOver(turn_id=turn_id) if turn_id == state.turn_id:
            return _turn_over(state, event)
    return state, ()


def _attend(state: State, listen: Listen) -> Step:
    """Somebody asks for attention: whatever goes on gives way, also a sentence begun before."""
    drop = _dropped(state)
    return replace(state, phase=Phase.LISTENING, turn_id=None), (*drop, listen)


def _dropped(state: State) -> tuple[Command, ...]:
    stop = (StopListening(),) if state.phase is Phase.LISTENING else ()
    return stop if state.turn_id is None else (*stop, CancelTurn(state.turn_id))


def _stop(state: State) -> Step:
    rested, commands = _rest(state)
    return rested, (*_dropped(state), *commands)


def _rest(state: State) -> Step:
    """Back to waiting: for the wake word, for a key, or for speech."""
    if state.activation is Activation.SPEECH:
        return replace(state, phase=Phase.LISTENING, turn_id=None), (Listen(),)
    return replace(state, phase=Phase.IDLE, turn_id=None), ()


def _speech_ended(state: State, reason: EndReason) -> Step:
    if state.turn_id is not None:
        return replace(state, phase=Phase.THINKING), ()
    rested, commands = _rest(state)
    if state.activation is Activation.WAKE and reason is EndReason.NO_SPEECH:
        return rested, (PlayEarcon(Earcon.DONE), *commands)
    return rested, commands


def _turn_over(state: State, over: TurnOver) -> Step:
    rested, commands = _rest(state)
    if state.phase is Phase.LISTENING:
        # It failed while the person still speaks: what they go on to say belongs to no turn.
        commands = (StopListening(), *commands)
    match over.outcome:
        case Outcome.NOTHING_SAID if (
            state.activation is Activation.WAKE and over.end_reason is EndReason.SILENCE
        ):
            # "Okay Nabu" and a breath: its own last syllable looked like speech. The question comes.
            return replace(state, phase=Phase.LISTENING, turn_id=None), (Listen(),)
        case Outcome.FAILED:
            return rested, (PlayEarcon(Earcon.ERROR), *commands)
        case Outcome.NOTHING_SAID | Outcome.ANSWERED | Outcome.CANCELLED:
            return rested, commands
