"""The assistant's decisions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.state import (
    Activation,
    BeginTurn,
    CancelTurn,
    Event,
    FinishUtterance,
    InputEnded,
    KeyPressed,
    KeyReleased,
    Listen,
    Outcome,
    Phase,
    PlayEarcon,
    Started,
    State,
    StillQuiet,
    StopAsked,
    StopListening,
    TurnOver,
    TurnSpoke,
    WakeHeard,
    step,
)
from voiced.types import Earcon, EndReason, SpeechEnded, SpeechStarted

ENDED = SpeechEnded(100, 200, EndReason.SILENCE)
NOBODY = SpeechEnded(100, 200, EndReason.NO_SPEECH)


def run(activation: Activation, *events: Event) -> tuple[State, list[Any]]:
    """The state after `events`, and the commands of the last one."""
    state, commands = State(activation), ()
    for event in (Started(), *events):
        state, commands = step(state, event)
    return state, list(commands)


def test_a_wake_word_listens_from_where_it_ended() -> None:
    state, commands = run(Activation.WAKE, WakeHeard(640))
    assert state.phase is Phase.LISTENING
    assert commands == [Listen(after_sample=640)]


def test_speech_begins_the_turn() -> None:
    state, commands = run(Activation.WAKE, WakeHeard(0), SpeechStarted(10))
    assert state.turn_id == 1
    assert commands == [BeginTurn(1)]


@pytest.mark.parametrize("activation", list(Activation))
def test_speech_that_nobody_asked_for_begins_nothing(activation: Activation) -> None:
    state, commands = run(activation, StopAsked(), SpeechStarted(10))
    began = [BeginTurn(1)] if activation is Activation.SPEECH else []
    assert commands == began
    assert (state.turn_id is not None) is bool(began)


def test_a_turn_thinks_then_speaks_then_rests() -> None:
    events: list[Event] = [WakeHeard(0), SpeechStarted(0), ENDED]
    assert run(Activation.WAKE, *events)[0].phase is Phase.THINKING
    events.append(TurnSpoke(1))
    assert run(Activation.WAKE, *events)[0].phase is Phase.SPEAKING
    events.append(TurnOver(1, Outcome.ANSWERED))
    state, commands = run(Activation.WAKE, *events)
    assert (state.phase, state.turn_id, commands) == (Phase.IDLE, None, [])


def test_the_wake_word_interrupts_an_answer() -> None:
    state, commands = run(
        Activation.WAKE, WakeHeard(0), SpeechStarted(0), ENDED, TurnSpoke(1), WakeHeard(900)
    )
    assert state.phase is Phase.LISTENING
    assert commands == [CancelTurn(1), Listen(after_sample=900)]


def test_what_a_cancelled_turn_still_reports_changes_nothing() -> None:
    events = [
        WakeHeard(0),
        SpeechStarted(0),
        ENDED,
        TurnSpoke(1),
        WakeHeard(900),
        SpeechStarted(950),
    ]
    before, _ = run(Activation.WAKE, *events)
    for late in (TurnSpoke(1), TurnOver(1, Outcome.FAILED)):
        assert run(Activation.WAKE, *events, late) == (before, [])


def test_a_held_key_lasts_until_it_is_released() -> None:
    assert run(Activation.KEY, KeyPressed())[1] == [Listen(held=True)]
    assert run(Activation.KEY, KeyPressed(), SpeechStarted(0), KeyReleased())[1] == [
        FinishUtterance()
    ]
    assert run(Activation.KEY, KeyReleased())[1] == []


def test_nobody_speaks_after_the_wake_word() -> None:
    assert run(Activation.WAKE, WakeHeard(0), StillQuiet())[1] == [PlayEarcon(Earcon.LISTENING)]
    state, commands = run(Activation.WAKE, WakeHeard(0), NOBODY)
    assert (state.phase, commands) == (Phase.IDLE, [PlayEarcon(Earcon.DONE)])


def test_an_utterance_of_the_wake_word_alone_goes_on_listening() -> None:
    said_nothing = TurnOver(1, Outcome.NOTHING_SAID)
    events = (WakeHeard(0), SpeechStarted(0), ENDED)
    state, commands = run(Activation.WAKE, *events, said_nothing)
    assert (state.phase, commands) == (Phase.LISTENING, [Listen()])
    state, _ = run(Activation.SPEECH, SpeechStarted(0), ENDED, said_nothing)
    assert state.phase is Phase.LISTENING


def test_a_failed_turn_is_heard_to_fail() -> None:
    failed = TurnOver(1, Outcome.FAILED)
    assert run(Activation.WAKE, WakeHeard(0), SpeechStarted(0), ENDED, failed)[1] == [
        PlayEarcon(Earcon.ERROR)
    ]
    while_speaking = run(Activation.WAKE, WakeHeard(0), SpeechStarted(0), failed)[1]
    assert while_speaking == [PlayEarcon(Earcon.ERROR), StopListening()]


def test_it_is_over_when_the_input_has_ended_and_the_answer_been_given() -> None:
    events = (WakeHeard(0), SpeechStarted(0), ENDED, InputEnded())
    assert not run(Activation.WAKE, *events)[0].is_over
    assert run(Activation.WAKE, *events, TurnOver(1, Outcome.ANSWERED))[0].is_over


turn_ids = st.integers(1, 4)
events = st.one_of(
    st.builds(WakeHeard, st.integers(0, 10**6)),
    st.builds(SpeechStarted, st.integers(0, 10**6)),
    st.builds(SpeechEnded, st.just(0), st.just(0), st.sampled_from(EndReason)),
    st.builds(TurnSpoke, turn_ids),
    st.builds(TurnOver, turn_ids, st.sampled_from(Outcome), st.sampled_from(EndReason)),
    st.sampled_from([StillQuiet(), KeyPressed(), KeyReleased(), StopAsked()]),
)


@given(st.sampled_from(Activation), st.lists(events, max_size=60))
def test_there_are_never_two_turns(activation: Activation, happened: list[Event]) -> None:
    state, commands = step(State(activation), Started())
    alive: int | None = None
    begun: set[int] = set()
    for event in happened:
        if isinstance(event, TurnOver) and event.turn_id == alive:
            alive = None
        state, commands = step(state, event)
        for command in commands:
            if isinstance(command, CancelTurn):
                assert command.turn_id == alive
                alive = None
            if isinstance(command, BeginTurn):
                assert alive is None
                assert command.turn_id not in begun
                alive = command.turn_id
                begun.add(alive)
        assert state.turn_id == alive
        if state.phase in (Phase.THINKING, Phase.SPEAKING):
            assert alive is not None
        if state.phase is Phase.IDLE:
            assert alive is None
