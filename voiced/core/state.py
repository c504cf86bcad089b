"""What the assistant knows of itself: values only; `decisions.py` says how they change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from voiced.core.signals import Announced, Asked


class Activation(StrEnum):
    """What makes the assistant listen."""

    WAKE = "wake"
    """The wake word (or the key)."""
    KEY = "key"
    """The push-to-talk key alone; the utterance lasts until it is released."""
    SPEECH = "speech"
    """Any speech, always: a conversation without hands, or a file with one question in it."""


class BargeIn(StrEnum):
    """What interrupts an answer, besides a key."""

    VOICE = "voice"
    """Whatever a person says, unless it only says that they listen."""
    WAKE = "wake"
    """The wake word, or "stop"."""
    OFF = "off"


class Phase(StrEnum):
    """What the assistant is doing, in the words that status displays show."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    FOLLOW_UP = "follow-up"
    """It has answered, and listens for a while without the wake word."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a conversation with it goes; `can_hear_itself` where the microphone hears an answer that no echo
    canceller takes out: then only the wake word interrupts, and nobody listens for voices meanwhile.
    """

    activation: Activation = Activation.WAKE
    barge_in: BargeIn = BargeIn.WAKE
    follows_up: bool = False
    can_hear_itself: bool = True

    @property
    def watches(self) -> bool:
        """Whether voices are listened for while it answers."""
        return (
            not self.can_hear_itself
            and self.barge_in is not BargeIn.OFF
            and self.activation is not Activation.KEY
        )


@dataclass(frozen=True, slots=True)
class State:
    """`turn_id` names the turn that has the floor, if any; identities are never used twice.

    `held_id` is the turn whose answer waits until it is clear whether somebody interrupts it;
    `is_addressed` whether the turn that has the floor came after a wake word or a key, or needs none,
    `held_is_addressed` the same of the one on hold. `requests` wait for a moment when nobody speaks;
    `request` is what the turn that has the floor answers, where nobody spoke for it. Where it
    `is_leaving` it stops at the next quiet moment.
    """

    manners: Manners = field(default_factory=Manners)
    phase: Phase = Phase.IDLE
    turn_id: int | None = None
    held_id: int | None = None
    turns_begun: int = 0
    is_addressed: bool = True
    held_is_addressed: bool = True
    input_ended: bool = False
    can_hear: bool = True
    requests: tuple[Asked | Announced, ...] = ()
    request: Asked | Announced | None = None
    is_leaving: bool = False

    @property
    def is_free(self) -> bool:
        """Whether nobody speaks, is about to, or waits for an answer."""
        waits_for_speech = (
            self.phase is Phase.LISTENING and self.manners.activation is Activation.SPEECH
        )
        no_turn = self.turn_id is None and self.held_id is None
        return no_turn and (self.phase is Phase.IDLE or waits_for_speech)

    @property
    def is_over(self) -> bool:
        """Whether it is to stop: the input has ended and what was asked is answered, or it is leaving."""
        ended = self.input_ended and self.turn_id is None and self.held_id is None
        return ended or (self.is_leaving and self.is_free)
