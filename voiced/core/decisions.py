"""What the assistant does next: (state, event) -> (state, commands). Pure.

    IDLE ──wake word, key──► LISTENING ──end of speech──► THINKING ──first sound──► SPEAKING ──► IDLE
                                 ▲                            │                        │   (or FOLLOW_UP)
                                 ├───────── wake word, key ───┴────────────────────────┤
                                 └───────── a voice: the answer is on hold ────────────┘

At most one turn has the floor. It is born with speech, not with the wake word: until somebody speaks there
is nothing to transcribe. A wake word or a key during an answer ends that answer. A voice holds it: only
when its words are known is it an interruption, which ends the answer, or a mere "mm-hm", after which the
answer goes on.

What nobody spoke for (a typed question, a timer that is up) waits until nobody speaks, and is then a turn
like any other.
"""

from __future__ import annotations

from dataclasses import replace

from voiced.core.signals import (
    Announced,
    Asked,
    Attention,
    BeginRequest,
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
    LeaveAsked,
    Listen,
    ListenAsked,
    Outcome,
    PlayEarcon,
    ResumeAnswer,
    SoundBack,
    SoundGone,
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
from voiced.core.state import Activation, BargeIn, Phase, State
from voiced.types import Earcon, EndReason, SpeechEnded, SpeechStarted

Step = tuple[State, tuple[Command, ...]]


def step(state: State, event: Event) -> Step:
    """The next state and what to do. An event that means nothing in this state changes nothing."""
    after, commands = _react(state, event)
    if not after.requests or not (after.is_free or _waits_for_more(after)):
        return after, commands
    begun, begin = _begin_request(after)
    return begun, (*commands, *begin)


def _react(state: State, event: Event) -> Step:  # noqa: C901, PLR0912  # a table reads best whole
    manners = state.manners
    match event:
        case Started():
            rested, commands = _rest(state)
            ready = (PlayEarcon(Earcon.READY),) if manners.watches else ()
            return rested, (*ready, *commands)
        case WakeHeard(end_sample) if _may_wake(state):
            return _attend(state, Listen(end_sample))
        case KeyPressed() | ListenAsked() if not state.can_hear:
            return state, (PlayEarcon(Earcon.DEAF),)
        case ListenAsked() if manners.activation is not Activation.SPEECH:
            return _attend(state, Listen())
        case KeyPressed() if manners.activation is not Activation.SPEECH:
            return _attend(state, Listen(attention=Attention.HELD))
        case KeyReleased() if state.phase is Phase.LISTENING:
            return state, (FinishUtterance(),)
        case StillQuiet() if manners.activation is Activation.WAKE and _waits(state):
            return state, (PlayEarcon(Earcon.LISTENING),)
        case StopAsked():
            return _stop(state)
        case Asked():
            stopped, commands = _stop(state)
            return replace(stopped, requests=(event, *stopped.requests)), commands
        case Announced():
            return replace(state, requests=(*state.requests, event)), ()
        case SoundGone() if state.can_hear:
            return _sound_gone(replace(state, can_hear=False))
        case SoundBack() if not state.can_hear:
            heard = replace(state, can_hear=True)
            rested, commands = _rest(heard) if state.is_free else (heard, ())
            return rested, (PlayEarcon(Earcon.HEARING), *commands)
        case LeaveAsked():
            return replace(state, is_leaving=True), ()
        case InputEnded():
            finish = (FinishUtterance(),) if _is_listening(state) else ()
            return replace(state, input_ended=True), finish
        case VoiceHeard(onset_sample) if _may_be_interrupted(state):
            return _hold(state, onset_sample)
        case SpeechStarted() if _is_listening(state) and state.turn_id is None:
            return _begin(state)
        case SpeechEnded(reason=reason) if _is_listening(state):
            return _speech_ended(state, reason)
        case InterruptionMeant(turn_id) if turn_id == state.turn_id and state.held_id is not None:
            return _interrupt(state, turn_id, state.held_id)
        case TurnSpoke(turn_id) if turn_id == state.turn_id and state.phase is Phase.THINKING:
            return replace(state, phase=Phase.SPEAKING), ()
        case TurnOver(turn_id=turn_id) if turn_id == state.turn_id:
            return _turn_over(state, event)
        case TurnOver(turn_id=turn_id) if turn_id == state.held_id:
            return _held_turn_over(state, event)
    return state, ()


def _is_listening(state: State) -> bool:
    return state.phase in (Phase.LISTENING, Phase.FOLLOW_UP)


def _waits_for_more(state: State) -> bool:
    return state.phase is Phase.FOLLOW_UP and state.turn_id is None


def _waits(state: State) -> bool:
    return state.phase is Phase.LISTENING and state.turn_id is None and state.held_id is None


def _may_wake(state: State) -> bool:
    if state.manners.activation is Activation.KEY:
        return False
    is_answering = state.phase in (Phase.THINKING, Phase.SPEAKING) or state.held_id is not None
    return not is_answering or state.manners.barge_in is not BargeIn.OFF


def _may_be_interrupted(state: State) -> bool:
    is_answering = state.phase in (Phase.THINKING, Phase.SPEAKING)
    return (
        state.manners.watches and is_answering and state.held_id is None and not state.input_ended
    )


def _attend(state: State, listen: Listen) -> Step:
    """Somebody asks for attention: whatever goes on gives way, also a sentence begun before."""
    drop = _dropped(state)
    return _without_turns(state, Phase.LISTENING), (*drop, listen)


def _without_turns(state: State, phase: Phase) -> State:
    return replace(state, phase=phase, turn_id=None, held_id=None, request=None)


def _dropped(state: State) -> tuple[Command, ...]:
    turns = [turn_id for turn_id in (state.held_id, state.turn_id) if turn_id is not None]
    stop = (StopListening(),) if turns or _is_listening(state) else ()
    return (*stop, *map(CancelTurn, turns))


def _stop(state: State) -> Step:
    rested, commands = _rest(state)
    return rested, (*_dropped(state), *commands)


def _rest(state: State) -> Step:
    """Back to waiting: for the wake word, for a key, or for speech."""
    if state.manners.activation is Activation.SPEECH and state.can_hear:
        return _without_turns(state, Phase.LISTENING), (Listen(),)
    return _without_turns(state, Phase.IDLE), ()


def _sound_gone(state: State) -> Step:
    """What was being said is lost; what is being answered is not."""
    deaf = PlayEarcon(Earcon.DEAF)
    if not _is_listening(state):
        return state, (deaf,)
    if state.turn_id is not None:
        # Its utterance is closed, so that it ends by itself.
        return state, (StopListening(), deaf)
    after, commands = _rest(state) if state.held_id is None else _resume(state, state.held_id)
    return after, (StopListening(), *commands, deaf)


def _begin_request(state: State) -> Step:
    request, *waiting = state.requests
    turn_id = state.turns_begun + 1
    begun = replace(
        state,
        phase=Phase.THINKING,
        turn_id=turn_id,
        turns_begun=turn_id,
        is_addressed=True,
        requests=tuple(waiting),
        request=request,
    )
    stop = (StopListening(),) if _is_listening(state) else ()
    ring = (PlayEarcon(Earcon.RING),) if isinstance(request, Announced) and request.rings else ()
    watch = (Watch(),) if state.manners.watches else ()
    return begun, (*stop, *ring, BeginRequest(turn_id, request), *watch)


def _begin(state: State) -> Step:
    turn_id = state.turns_begun + 1
    is_addressed = state.phase is not Phase.FOLLOW_UP
    begun = replace(
        state,
        phase=Phase.LISTENING,
        turn_id=turn_id,
        turns_begun=turn_id,
        is_addressed=is_addressed,
        request=None if state.held_id is None else state.request,
    )
    trial = Trial.NONE
    if state.held_id is not None:
        trial = Trial.WORDS if state.manners.barge_in is BargeIn.VOICE else Trial.STOP
    return begun, (BeginTurn(turn_id, trial, is_addressed),)


def _hold(state: State, onset_sample: int) -> Step:
    """Silence first; what was said shows whether it was meant."""
    if state.turn_id is None:
        return state, ()
    silently = state.manners.barge_in is BargeIn.VOICE
    held = replace(
        state,
        phase=Phase.LISTENING,
        turn_id=None,
        held_id=state.turn_id,
        held_is_addressed=state.is_addressed,
    )
    return held, (
        HoldAnswer(state.turn_id, silently=silently),
        Listen(onset_sample, Attention.BEGUN),
    )


def _interrupt(state: State, turn_id: int, held_id: int) -> Step:
    watch = (Watch(),) if state.phase is Phase.THINKING and state.manners.watches else ()
    interrupted = replace(state, held_id=None, request=None)
    return interrupted, (CancelTurn(held_id), GiveFloor(turn_id), *watch)


def _speech_ended(state: State, reason: EndReason) -> Step:
    if state.turn_id is not None:
        watch = (Watch(),) if state.manners.watches and state.held_id is None else ()
        return replace(state, phase=Phase.THINKING), watch
    if state.held_id is not None:
        return _resume(state, state.held_id)
    rested, commands = _rest(state)
    if state.manners.activation is Activation.WAKE and reason is EndReason.NO_SPEECH:
        return rested, (PlayEarcon(Earcon.DONE), *commands)
    return rested, commands


def _resume(state: State, held_id: int) -> Step:
    resumed = replace(
        state,
        phase=Phase.SPEAKING,
        turn_id=held_id,
        held_id=None,
        is_addressed=state.held_is_addressed,
    )
    return resumed, (ResumeAnswer(held_id), Watch())


def _held_turn_over(state: State, over: TurnOver) -> Step:
    """The answer on hold is over: it failed, or it was not silenced and has been given."""
    if state.manners.barge_in is BargeIn.VOICE:
        if state.turn_id is not None:
            return _interrupt(state, state.turn_id, over.turn_id)
        return replace(state, held_id=None), (CancelTurn(over.turn_id),)
    # What is being said could only have stopped it.
    trial = () if state.turn_id is None else (CancelTurn(state.turn_id),)
    alone = replace(state, turn_id=over.turn_id, held_id=None, is_addressed=state.held_is_addressed)
    rested, commands = _turn_over(alone, over)
    return rested, (StopListening(), *trial, *commands)


def _turn_over(state: State, over: TurnOver) -> Step:
    if state.held_id is not None:
        # It was no interruption, or nobody will know what it was: the answer is still wanted.
        resumed, commands = _resume(state, state.held_id)
        return resumed, (StopListening(), *commands)
    rested, commands = _rest(state)
    # No voice is an interruption any more; and where it failed while the person still speaks, what
    # they go on to say belongs to no turn.
    commands = (StopListening(), *commands)
    match over.outcome:
        case Outcome.NOTHING_SAID if (
            state.can_hear
            and state.manners.activation is Activation.WAKE
            and over.end_reason is EndReason.SILENCE
        ):
            if not state.is_addressed:
                return rested, (PlayEarcon(Earcon.DONE), *commands)
            # "Okay Nabu" and a breath: its own last syllable looked like speech. The question comes.
            return _without_turns(state, Phase.LISTENING), (Listen(),)
        case Outcome.FAILED:
            return rested, (PlayEarcon(Earcon.ERROR), *commands)
        case Outcome.ANSWERED if over.has_spoken and _may_follow_up(state, asks=over.asks):
            follow_up = Listen(attention=Attention.FOLLOW_UP)
            return _without_turns(state, Phase.FOLLOW_UP), (
                PlayEarcon(Earcon.LISTENING),
                StopListening(),
                follow_up,
            )
        case _:
            return rested, commands


def _may_follow_up(state: State, *, asks: bool) -> bool:
    was_said = state.request is None or isinstance(state.request, Asked)
    is_wanted = state.manners.follows_up or asks
    is_woken = state.manners.activation is Activation.WAKE
    return is_wanted and is_woken and was_said and state.can_hear and not state.requests
