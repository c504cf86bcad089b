"""The assistant's decisions."""

from __future__ import annotations

import pytest

from voiced.core.decisions import step
from voiced.core.signals import (
    Attention,
    BeginTurn,
    CancelTurn,
    Command,
    Event,
    FinishUtterance,
    GiveFloor,
    HoldAnswer,
    InputEnded,
    InterruptionMeant,
    KeyPressed,
    KeyReleased,
    Listen,
    Outcome,
    PlayEarcon,
    ResumeAnswer,
    Started,
    StillQuiet,
    StopAsked,
    StopListening,
    Trial,
    TurnOver,
    TurnSpoke,
    VoiceHeard,
    WakeHeard,
    Watch,
)
from voiced.core.state import Activation, BargeIn, Manners, Phase, State
from voiced.types import (
    Earcon,
    EndReason,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
)

WAKE = Manners(Activation.WAKE, BargeIn.VOICE, follows_up=True, can_hear_itself=False)
NO_FOLLOW_UP = Manners(Activation.WAKE, BargeIn.VOICE, can_hear_itself=False)
KEY = Manners(Activation.KEY)
HANDS_FREE = Manners(Activation.SPEECH, BargeIn.VOICE, can_hear_itself=False)
DEAF = Manners(Activation.WAKE, BargeIn.WAKE, can_hear_itself=True)
ONLY_STOP = Manners(Activation.WAKE, BargeIn.WAKE, can_hear_itself=False)
RUDE = Manners(Activation.WAKE, BargeIn.OFF, can_hear_itself=False)

BEGUN = SpeechStarted(100)
ENDED = SpeechEnded(500, 700, EndReason.SILENCE)
NOBODY = SpeechEnded(100, 200, EndReason.NO_SPEECH)
RELEASED = SpeechEnded(500, 700, EndReason.RELEASED)

SAYING: tuple[Event, ...] = (WakeHeard(0), BEGUN)
ASKED: tuple[Event, ...] = (*SAYING, ENDED)
ANSWERING: tuple[Event, ...] = (*ASKED, TurnSpoke(1))
ANSWERED: tuple[Event, ...] = (*ANSWERING, TurnOver(1, Outcome.ANSWERED, has_spoken=True))
HELD: tuple[Event, ...] = (*ANSWERING, VoiceHeard(900))
ON_TRIAL: tuple[Event, ...] = (*HELD, SpeechStarted(900))

LISTEN = Listen()
FOLLOW_UP = Listen(attention=Attention.FOLLOW_UP)


def run(manners: Manners, *events: Event) -> tuple[State, list[Command]]:
    """The state after `events`, and the commands of the last one."""
    state, commands = step(State(manners), Started())
    for event in events:
        state, commands = step(state, event)
    return state, list(commands)


def nothing_said(turn_id: int, reason: EndReason = EndReason.SILENCE) -> TurnOver:
    return TurnOver(turn_id, Outcome.NOTHING_SAID, reason)


Scenario = tuple[Manners, tuple[Event, ...], Event, str, list[Command]]


def case(
    manners: Manners, before: tuple[Event, ...], event: Event, after: str, *commands: Command
) -> Scenario:
    """After `before`, `event` leads to `after` (phase, and the turn if there is one)."""
    return manners, before, event, after, list(commands)


SCENARIOS: dict[str, Scenario] = {
    # A question after the wake word.
    "it says that it is ready, and waits for the wake word": case(
        WAKE, (), Started(), "idle", PlayEarcon(Earcon.READY)
    ),
    "a wake word listens from where it ended": case(
        WAKE, (), WakeHeard(640), "listening", Listen(640)
    ),
    "speech that nobody asked for": case(WAKE, (), BEGUN, "idle"),
    "speech after it begins the turn": case(
        WAKE, (WakeHeard(0),), BEGUN, "listening 1", BeginTurn(1)
    ),
    "pauses decide nothing": case(
        WAKE, (WakeHeard(0), BEGUN, SpeechPaused(300)), SpeechResumed(400), "listening 1"
    ),
    "its end is thought about": case(WAKE, SAYING, ENDED, "thinking 1", Watch()),
    "nobody watches where it hears itself": case(DEAF, SAYING, ENDED, "thinking 1"),
    "nobody watches where nothing interrupts": case(RUDE, SAYING, ENDED, "thinking 1"),
    "then answered": case(WAKE, ASKED, TurnSpoke(1), "speaking 1"),
    "and over": case(
        NO_FOLLOW_UP,
        ANSWERING,
        TurnOver(1, Outcome.ANSWERED, has_spoken=True),
        "idle",
        StopListening(),
    ),
    "nobody speaks, yet": case(
        WAKE, (WakeHeard(0),), StillQuiet(), "listening", PlayEarcon(Earcon.LISTENING)
    ),
    "who speaks needs no sign": case(WAKE, SAYING, StillQuiet(), "listening 1"),
    "nobody speaks at all": case(WAKE, (WakeHeard(0),), NOBODY, "idle", PlayEarcon(Earcon.DONE)),
    "only the wake word was said": case(WAKE, ASKED, nothing_said(1), "listening", LISTEN),
    "a turn that fails is heard to fail": case(
        WAKE, ASKED, TurnOver(1, Outcome.FAILED), "idle", PlayEarcon(Earcon.ERROR), StopListening()
    ),
    "it fails while the person still speaks": case(
        WAKE, SAYING, TurnOver(1, Outcome.FAILED), "idle", PlayEarcon(Earcon.ERROR), StopListening()
    ),
    # Another wake word.
    "the wake word interrupts an answer": case(
        WAKE, ANSWERING, WakeHeard(900), "listening", StopListening(), CancelTurn(1), Listen(900)
    ),
    "also where voices do not": case(
        DEAF, ANSWERING, WakeHeard(900), "listening", StopListening(), CancelTurn(1), Listen(900)
    ),
    "not where nothing may": case(RUDE, ANSWERING, WakeHeard(900), "speaking 1"),
    "but a key does": case(
        RUDE,
        ANSWERING,
        KeyPressed(),
        "listening",
        StopListening(),
        CancelTurn(1),
        Listen(attention=Attention.HELD),
    ),
    "the wake word again begins the question again": case(
        RUDE, SAYING, WakeHeard(900), "listening", StopListening(), CancelTurn(1), Listen(900)
    ),
    "the wake word twice": case(
        WAKE, (WakeHeard(0),), WakeHeard(900), "listening", StopListening(), Listen(900)
    ),
    # The key.
    "a key listens": case(KEY, (), KeyPressed(), "listening", Listen(attention=Attention.HELD)),
    "until it is released": case(
        KEY, (KeyPressed(), BEGUN), KeyReleased(), "listening 1", FinishUtterance()
    ),
    "and what was said is thought about": case(
        KEY, (KeyPressed(), BEGUN, KeyReleased()), RELEASED, "thinking 1"
    ),
    "a key that was never pressed": case(KEY, (), KeyReleased(), "idle"),
    "no wake word where there is only a key": case(KEY, (), WakeHeard(0), "idle"),
    "a key held in silence": case(
        KEY,
        (KeyPressed(), BEGUN, RELEASED),
        nothing_said(1, EndReason.RELEASED),
        "idle",
        StopListening(),
    ),
    "a key is no wake word: no second chance": case(
        WAKE,
        (KeyPressed(), BEGUN, RELEASED),
        nothing_said(1, EndReason.RELEASED),
        "idle",
        StopListening(),
    ),
    # Hands-free.
    "any speech is meant": case(HANDS_FREE, (), BEGUN, "listening 1", BeginTurn(1)),
    "no key is needed": case(HANDS_FREE, (), KeyPressed(), "listening"),
    "no sign is given": case(HANDS_FREE, (), StillQuiet(), "listening"),
    "it listens on": case(HANDS_FREE, (), NOBODY, "listening", LISTEN),
    "also after an answer": case(
        HANDS_FREE,
        (BEGUN, ENDED, TurnSpoke(1)),
        TurnOver(1, Outcome.ANSWERED),
        "listening",
        StopListening(),
        LISTEN,
    ),
    "and after nothing": case(
        HANDS_FREE, (BEGUN, ENDED), nothing_said(1), "listening", StopListening(), LISTEN
    ),
    # A voice beside the answer.
    "a voice holds the answer": case(
        WAKE, ANSWERING, VoiceHeard(900), "listening", HoldAnswer(1), Listen(900, Attention.BEGUN)
    ),
    "also one that has not begun": case(
        WAKE, ASKED, VoiceHeard(900), "listening", HoldAnswer(1), Listen(900, Attention.BEGUN)
    ),
    "without a sound less where only stop interrupts": case(
        ONLY_STOP,
        ANSWERING,
        VoiceHeard(900),
        "listening",
        HoldAnswer(1, silently=False),
        Listen(900, Attention.BEGUN),
    ),
    "not where it hears itself": case(DEAF, ANSWERING, VoiceHeard(900), "speaking 1"),
    "not where nothing interrupts": case(RUDE, ANSWERING, VoiceHeard(900), "speaking 1"),
    "not while somebody speaks anyway": case(WAKE, SAYING, VoiceHeard(900), "listening 1"),
    "not twice": case(WAKE, HELD, VoiceHeard(990), "listening"),
    "not while it is found out what the last one was": case(
        WAKE, (*ON_TRIAL, ENDED), VoiceHeard(990), "thinking 2"
    ),
    "not when nothing more is heard": case(
        WAKE, (*ANSWERING, InputEnded()), VoiceHeard(990), "speaking 1"
    ),
    "the held turn speaks for itself": case(WAKE, (*ON_TRIAL, ENDED), TurnSpoke(1), "thinking 2"),
    "it is transcribed on trial": case(
        WAKE, HELD, SpeechStarted(900), "listening 2", BeginTurn(2, Trial.WORDS)
    ),
    "no sign during a hold": case(WAKE, HELD, StillQuiet(), "listening"),
    "it was meant": case(
        WAKE, ON_TRIAL, InterruptionMeant(2), "listening 2", CancelTurn(1), GiveFloor(2)
    ),
    "it proves so after its end": case(
        WAKE,
        (*ON_TRIAL, ENDED),
        InterruptionMeant(2),
        "thinking 2",
        CancelTurn(1),
        GiveFloor(2),
        Watch(),
    ),
    "it is watched from its end on, too": case(
        WAKE, (*ON_TRIAL, InterruptionMeant(2)), ENDED, "thinking 2", Watch()
    ),
    "nobody watches during a trial": case(WAKE, ON_TRIAL, ENDED, "thinking 2"),
    "what has the floor needs none": case(WAKE, ANSWERING, InterruptionMeant(1), "speaking 1"),
    "it was not meant": case(
        WAKE,
        (*ON_TRIAL, ENDED),
        nothing_said(2),
        "speaking 1",
        StopListening(),
        ResumeAnswer(1),
        Watch(),
    ),
    "that is known before its end": case(
        WAKE, ON_TRIAL, nothing_said(2), "speaking 1", StopListening(), ResumeAnswer(1), Watch()
    ),
    "nobody knows what it was": case(
        WAKE,
        (*ON_TRIAL, ENDED),
        TurnOver(2, Outcome.FAILED),
        "speaking 1",
        StopListening(),
        ResumeAnswer(1),
        Watch(),
    ),
    "no speech after all": case(WAKE, HELD, NOBODY, "speaking 1", ResumeAnswer(1), Watch()),
    "what was resumed can be held again": case(
        WAKE,
        (*ON_TRIAL, nothing_said(2)),
        VoiceHeard(2000),
        "listening",
        HoldAnswer(1),
        Listen(2000, Attention.BEGUN),
    ),
    "and is over when it is": case(
        NO_FOLLOW_UP,
        (*ON_TRIAL, nothing_said(2)),
        TurnOver(1, Outcome.ANSWERED),
        "idle",
        StopListening(),
    ),
    "an interruption is answered": case(
        WAKE, (*ON_TRIAL, InterruptionMeant(2), ENDED), TurnSpoke(2), "speaking 2"
    ),
    "a wake word during a hold": case(
        WAKE, HELD, WakeHeard(950), "listening", StopListening(), CancelTurn(1), Listen(950)
    ),
    "a wake word during a trial ends both": case(
        WAKE,
        ON_TRIAL,
        WakeHeard(950),
        "listening",
        StopListening(),
        CancelTurn(1),
        CancelTurn(2),
        Listen(950),
    ),
    "a key during a trial ends both": case(
        WAKE,
        ON_TRIAL,
        KeyPressed(),
        "listening",
        StopListening(),
        CancelTurn(1),
        CancelTurn(2),
        Listen(attention=Attention.HELD),
    ),
    "stop during a hold": case(WAKE, HELD, StopAsked(), "idle", StopListening(), CancelTurn(1)),
    "stop during a trial ends both": case(
        WAKE, (*ON_TRIAL, ENDED), StopAsked(), "idle", StopListening(), CancelTurn(1), CancelTurn(2)
    ),
    # Stop.
    "stop while it answers": case(
        WAKE, ANSWERING, StopAsked(), "idle", StopListening(), CancelTurn(1)
    ),
    "stop while it listens": case(WAKE, (WakeHeard(0),), StopAsked(), "idle", StopListening()),
    "stop where nothing goes on": case(WAKE, (), StopAsked(), "idle"),
    "stop without hands": case(
        HANDS_FREE, (BEGUN, ENDED), StopAsked(), "listening", StopListening(), CancelTurn(1), LISTEN
    ),
    # The follow-up window.
    "an answer may be followed up": case(
        WAKE,
        ANSWERING,
        TurnOver(1, Outcome.ANSWERED, has_spoken=True),
        "follow-up",
        PlayEarcon(Earcon.LISTENING),
        StopListening(),
        FOLLOW_UP,
    ),
    "not one without a word": case(
        WAKE, ASKED, TurnOver(1, Outcome.ANSWERED), "idle", StopListening()
    ),
    "not one that failed": case(
        WAKE,
        ANSWERING,
        TurnOver(1, Outcome.FAILED, has_spoken=True),
        "idle",
        PlayEarcon(Earcon.ERROR),
        StopListening(),
    ),
    "a question is listened after, follow-ups or not": case(
        NO_FOLLOW_UP,
        ANSWERING,
        TurnOver(1, Outcome.ANSWERED, has_spoken=True, asks=True),
        "follow-up",
        PlayEarcon(Earcon.LISTENING),
        StopListening(),
        FOLLOW_UP,
    ),
    "what follows needs no wake word": case(
        WAKE, ANSWERED, BEGUN, "listening 2", BeginTurn(2, is_addressed=False)
    ),
    "nothing follows": case(WAKE, ANSWERED, NOBODY, "idle", PlayEarcon(Earcon.DONE)),
    "nothing of what follows is understood": case(
        WAKE,
        (*ANSWERED, BEGUN, ENDED),
        nothing_said(2),
        "idle",
        PlayEarcon(Earcon.DONE),
        StopListening(),
    ),
    "what follows is answered, and followed up": case(
        WAKE,
        (*ANSWERED, BEGUN, ENDED, TurnSpoke(2)),
        TurnOver(2, Outcome.ANSWERED, has_spoken=True),
        "follow-up",
        PlayEarcon(Earcon.LISTENING),
        StopListening(),
        FOLLOW_UP,
    ),
    "the wake word in the follow-up window": case(
        WAKE, ANSWERED, WakeHeard(2000), "listening", StopListening(), Listen(2000)
    ),
    "after it, one is addressed again": case(
        WAKE, (*ANSWERED, WakeHeard(2000)), BEGUN, "listening 2", BeginTurn(2)
    ),
    "the wake word in what follows": case(
        WAKE,
        (*ANSWERED, BEGUN),
        WakeHeard(2000),
        "listening",
        StopListening(),
        CancelTurn(2),
        Listen(2000),
    ),
    "a key in the follow-up window": case(
        WAKE, ANSWERED, KeyPressed(), "listening", StopListening(), Listen(attention=Attention.HELD)
    ),
    "stop in the follow-up window": case(WAKE, ANSWERED, StopAsked(), "idle", StopListening()),
    "no voice is an interruption there": case(WAKE, ANSWERED, VoiceHeard(2000), "follow-up"),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    manners, before, event, after, wanted = SCENARIOS[name]
    state, commands = run(manners, *before, event)
    turn = "" if state.turn_id is None else f" {state.turn_id}"
    assert f"{state.phase}{turn}" == after
    assert commands == wanted


@pytest.mark.parametrize("late", [TurnSpoke(1), TurnOver(1, Outcome.FAILED), InterruptionMeant(1)])
@pytest.mark.parametrize(
    "after", [(WakeHeard(900), SpeechStarted(950)), (StopAsked(),), (KeyPressed(),)]
)
def test_what_a_cancelled_turn_still_reports_changes_nothing(
    after: tuple[Event, ...], late: Event
) -> None:
    before, _ = run(WAKE, *ANSWERING, *after)
    assert run(WAKE, *ANSWERING, *after, late) == (before, [])


@pytest.mark.parametrize("late", [TurnSpoke(1), TurnOver(1, Outcome.FAILED)])
def test_what_an_interrupted_turn_still_reports_changes_nothing(late: Event) -> None:
    before, _ = run(WAKE, *ON_TRIAL, InterruptionMeant(2))
    assert run(WAKE, *ON_TRIAL, InterruptionMeant(2), late) == (before, [])


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ANSWERED])
def test_a_held_turn_that_ends_leaves_the_floor_to_the_one_on_trial(outcome: Outcome) -> None:
    over = TurnOver(1, outcome)
    state, commands = run(WAKE, *ON_TRIAL, over)
    assert (state.phase, state.turn_id, state.held_id) == (Phase.LISTENING, 2, None)
    # Cancelled although it is gone: the speaker is on hold until then.
    assert commands == [CancelTurn(1), GiveFloor(2)]
    state, commands = run(WAKE, *ON_TRIAL, ENDED, over)
    assert (state.phase, state.turn_id, state.held_id) == (Phase.THINKING, 2, None)
    assert commands == [CancelTurn(1), GiveFloor(2), Watch()]


def test_a_held_turn_that_ends_is_not_resumed() -> None:
    over = TurnOver(1, Outcome.FAILED)
    state, commands = run(WAKE, *HELD, over)
    assert (state.turn_id, state.held_id) == (None, None)
    assert commands == [CancelTurn(1)]
    # What is said is a question like any other from here on.
    assert run(WAKE, *HELD, over, BEGUN)[1] == [BeginTurn(2)]


def test_beside_an_answer_that_goes_on_only_stop_is_on_trial() -> None:
    _, commands = run(ONLY_STOP, *HELD, SpeechStarted(900))
    assert commands == [BeginTurn(2, Trial.STOP)]
    answered = TurnOver(1, Outcome.ANSWERED, has_spoken=True)
    state, commands = run(ONLY_STOP, *ON_TRIAL, answered)
    assert (state.phase, state.turn_id, state.held_id) == (Phase.IDLE, None, None)
    assert CancelTurn(2) in commands
    assert not {GiveFloor(2), CancelTurn(1)}.intersection(commands)
    state, commands = run(ONLY_STOP, *ON_TRIAL, InterruptionMeant(2))
    assert (state.turn_id, commands) == (2, [CancelTurn(1), GiveFloor(2)])


def test_a_resumed_turn_is_as_addressed_as_it_was() -> None:
    unaddressed = (*ANSWERED, BEGUN, ENDED)
    held = (VoiceHeard(2000), SpeechStarted(2000), nothing_said(3))
    state, commands = run(WAKE, *unaddressed, *held, nothing_said(2))
    assert state.phase is Phase.IDLE
    assert LISTEN not in commands


@pytest.mark.parametrize(
    ("before", "last"),
    [
        (ASKED, TurnOver(1, Outcome.ANSWERED)),
        (ANSWERING, TurnOver(1, Outcome.ANSWERED, has_spoken=True)),
        ((*ON_TRIAL, ENDED, nothing_said(2)), TurnOver(1, Outcome.ANSWERED)),
        ((*ON_TRIAL, ENDED, InterruptionMeant(2)), TurnOver(2, Outcome.ANSWERED)),
    ],
)
def test_it_is_over_when_the_input_has_ended_and_the_answer_been_given(
    before: tuple[Event, ...], last: Event
) -> None:
    assert not run(WAKE, *before, InputEnded())[0].is_over
    assert run(WAKE, *before, InputEnded(), last)[0].is_over
    assert not run(WAKE, *before, last)[0].is_over


def test_it_is_over_at_once_where_nothing_was_asked() -> None:
    for manners in (WAKE, KEY, HANDS_FREE):
        assert run(manners, InputEnded())[0].is_over


def test_a_voice_at_the_very_end_of_the_input_is_no_question_without_end() -> None:
    # Nothing is heard any more that could end the utterance.
    assert FinishUtterance() in run(WAKE, *HELD, InputEnded())[1]
    assert FinishUtterance() in run(WAKE, *ON_TRIAL, InputEnded())[1]
