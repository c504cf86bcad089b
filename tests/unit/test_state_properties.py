"""The assistant's decisions, by property: whatever happens, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from voiced.core.decisions import step
from voiced.core.signals import (
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
from voiced.types import EndReason, SpeechEnded, SpeechStarted


@dataclass
class Floor:
    """Who may speak, as the commands have it; says where they make no sense."""

    begun: list[int] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    speaker: int | None = None
    """Has the floor."""
    trial: int | None = None
    held: int | None = None
    addressed: dict[int, bool] = field(default_factory=dict)
    is_watched: bool = False
    is_silenced: bool = False

    def over(self, turn_id: int) -> None:
        """A turn that is alive has ended by itself."""
        self.gone.add(turn_id)
        self.speaker, self.trial, self.held = (
            None if other == turn_id else other for other in (self.speaker, self.trial, self.held)
        )

    def obey(self, command: Command) -> None:
        match command:
            case BeginTurn(turn_id):
                assert not self.begun or turn_id > self.begun[-1]
                assert self.speaker is None
                assert self.trial is None
                assert (command.trial is Trial.NONE) == (self.held is None)
                self.begun.append(turn_id)
                self.addressed[turn_id] = command.is_addressed
                if command.trial is not Trial.NONE:
                    self.trial = turn_id
                else:
                    self.speaker = turn_id
            case HoldAnswer(turn_id):
                assert (self.speaker, self.held) == (turn_id, None)
                self.speaker, self.held = None, turn_id
                self.is_silenced = command.silently
            case ResumeAnswer(turn_id):
                assert turn_id == self.held
                assert turn_id not in self.gone
                assert self.speaker is None
                self.speaker, self.held = turn_id, None
                self.is_silenced = False
            case GiveFloor(turn_id):
                assert (self.trial, self.speaker, self.held) == (turn_id, None, None)
                self.speaker, self.trial = turn_id, None
            case CancelTurn(turn_id):
                assert turn_id in {self.speaker, self.trial, self.held} | self.gone
                self.over(turn_id)
                self.is_silenced = False
            case StopListening() | Listen():
                self.is_watched = False
            case Watch():
                assert self.speaker is not None
                self.is_watched = True
            case FinishUtterance() | PlayEarcon():
                pass

    def check(self, state: State) -> None:
        """At no time two turns have the floor, and the state knows who has."""
        assert self.speaker is None or self.trial is None
        assert state.turn_id == (self.trial if self.speaker is None else self.speaker)
        assert state.held_id == self.held
        # A speaker that nobody lets go on would say nothing ever again.
        assert not self.is_silenced or self.held is not None
        if state.phase in {Phase.THINKING, Phase.SPEAKING}:
            assert state.turn_id is not None
        if state.phase in {Phase.IDLE, Phase.FOLLOW_UP}:
            assert state.turn_id is None
            assert state.held_id is None
        if state.turn_id is not None:
            assert state.is_addressed == self.addressed[state.turn_id]
        if self.is_watched:
            assert state.turn_id is not None
            assert state.manners.watches


def fitting(state: State) -> list[Event]:
    """What may well happen next; random events seldom lead anywhere."""
    voice, began = VoiceHeard(0), SpeechStarted(0)
    ended, nobody = (
        SpeechEnded(0, 0, reason) for reason in (EndReason.SILENCE, EndReason.NO_SPEECH)
    )
    if state.turn_id is None:
        if state.phase is Phase.IDLE:
            return [WakeHeard(0), KeyPressed(), began]
        waiting: list[Event] = [began, began, nobody, StillQuiet(), KeyReleased()]
        return waiting if state.held_id is None else [*waiting, *over(state.held_id)]
    own = over(state.turn_id)
    if state.held_id is not None:
        meant, turns = InterruptionMeant(state.turn_id), (state.turn_id, state.held_id)
        return [ended, meant, voice, *map(TurnSpoke, turns), *own, *over(turns[1]), WakeHeard(0)]
    if state.phase is Phase.LISTENING:
        return [ended, ended, KeyReleased(), *own]
    return [voice, voice, TurnSpoke(state.turn_id), *own]


def over(turn_id: int) -> list[Event]:
    return [
        TurnOver(turn_id, Outcome.NOTHING_SAID),
        TurnOver(turn_id, Outcome.ANSWERED, has_spoken=True),
        TurnOver(turn_id, Outcome.FAILED),
    ]


def anything(random: Random) -> Event:
    turn_id = random.randint(1, 5)
    events: list[Event] = [
        *(StillQuiet(), StopAsked(), InputEnded(), KeyPressed(), KeyReleased()),
        *(WakeHeard(0), VoiceHeard(0), SpeechStarted(0)),
        *(TurnSpoke(turn_id), InterruptionMeant(turn_id)),
        SpeechEnded(0, 0, random.choice(list(EndReason))),
        TurnOver(turn_id, random.choice(list(Outcome)), random.choice(list(EndReason))),
    ]
    return random.choice(events)


@dataclass(frozen=True)
class Story:
    """`length` events, mostly fitting ones."""

    manners: Manners
    seed: int
    length: int

    def steps(self) -> Iterator[tuple[Event, State, tuple[Command, ...]]]:
        """Each event, and what it led to."""
        random = Random(self.seed)
        state, _ = step(State(self.manners), Started())
        for _ in range(self.length):
            is_fitting = random.random() < 0.85
            event = random.choice(fitting(state)) if is_fitting else anything(random)
            state, commands = step(state, event)
            yield event, state, commands


manners = st.builds(
    Manners,
    st.sampled_from([Activation.WAKE, *Activation]),
    st.sampled_from([BargeIn.VOICE, *BargeIn]),
    st.booleans(),
    st.sampled_from([False, False, True]),
)
# Lists of events, drawn one by one, are mostly too short for anything to be held in them.
stories = st.builds(Story, manners, st.integers(0, 2**32), st.integers(0, 80))


@given(stories)
def test_one_turn_at_a_time_has_the_floor(story: Story) -> None:
    floor = Floor()
    for event, state, commands in story.steps():
        if isinstance(event, TurnOver) and event.turn_id in floor.begun:
            floor.over(event.turn_id)
        for command in commands:
            floor.obey(command)
        floor.check(state)


@given(stories)
def test_what_was_held_comes_to_an_end(story: Story) -> None:
    """It is resumed, cancelled, or over by itself; and nothing is resumed after the others."""
    held: int | None = None
    gone: set[int] = set()
    begun = 0
    for event, state, commands in story.steps():
        if isinstance(event, TurnOver) and event.turn_id <= begun:
            gone.add(event.turn_id)
        begun = state.turns_begun
        for command in commands:
            match command:
                case HoldAnswer(turn_id):
                    assert held is None or held in gone
                    held = turn_id
                case ResumeAnswer(turn_id):
                    assert turn_id == held
                    assert turn_id not in gone
                    held = None
                case CancelTurn(turn_id):
                    gone.add(turn_id)
                case _:
                    pass
        assert state.held_id == (None if held in gone else held)


@given(stories)
def test_stop_ends_everything(story: Story) -> None:
    alive: set[int] = set()
    state = State(story.manners)
    for event, reached, commands in story.steps():
        state = reached
        if isinstance(event, TurnOver):
            alive.discard(event.turn_id)
        for command in commands:
            if isinstance(command, BeginTurn):
                alive.add(command.turn_id)
            elif isinstance(command, CancelTurn):
                alive.discard(command.turn_id)
    stopped, commands = step(state, StopAsked())
    assert {command.turn_id for command in commands if isinstance(command, CancelTurn)} == alive
    assert (stopped.turn_id, stopped.held_id) == (None, None)
