"""The loop that decides: events in, commands out, one turn at a time.

The decisions themselves are in `core/state.py`; this carries them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from voiced.channel import Channel
from voiced.core.endpointing import Endpointer
from voiced.core.signals import (
    BeginTurn,
    CancelTurn,
    Command,
    Event,
    FinishUtterance,
    GiveFloor,
    HoldAnswer,
    Listen,
    PlayEarcon,
    ResumeAnswer,
    Started,
    StillQuiet,
    StopListening,
    TurnOver,
    VoiceHeard,
    WakeHeard,
    Watch,
)
from voiced.core.state import Manners, State, step
from voiced.draft import Stages
from voiced.events import Observer, PhaseChanged, TurnEnded
from voiced.hearing import Hearing
from voiced.listener import Listener, Utterance
from voiced.turn import Turn
from voiced.types import (
    Earcon,
    EndReason,
    Samples,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
)

_EVENTS_AHEAD: Final = 64

_OF_SPEECH: Final = (
    SpeechStarted,
    SpeechPaused,
    SpeechResumed,
    SpeechEnded,
    StillQuiet,
    VoiceHeard,
)


@dataclass(frozen=True, slots=True)
class _Live:
    turn: Turn
    task: asyncio.Task[None]


class Assistant:
    """Owns the state and the turns that are alive; `run` is its permanent task."""

    def __init__(
        self,
        manners: Manners,
        hearing: Hearing,
        endpointer: Endpointer,
        stages: Stages,
        earcons: Mapping[Earcon, Samples],
        observe: Observer,
    ) -> None:
        """`earcons` are at the speaker's rate; one that is missing is not played."""
        self._state = State(manners)
        self._hearing = hearing
        self._endpointer = endpointer
        self._stages = stages
        self._earcons = earcons
        self._observe = observe
        self._events: Channel[Event] = Channel(_EVENTS_AHEAD)
        # The one that has the floor, and at times one whose answer is on hold.
        self._live: dict[int, _Live] = {}

    def post(self, event: Event) -> None:
        """Tell it what has happened. Call it on the loop's thread."""
        self._events.send_nowait(event)

    async def run(self, listener: Listener) -> None:
        """Answer what `listener` hears until its input ends and the last answer has been given."""
        self.post(Started())
        try:
            async for event in self._events:
                if isinstance(event, WakeHeard) and self._says(event.phrase):
                    continue
                before = self._state.phase
                self._state, commands = step(self._state, event)
                for command in commands:
                    await self._carry_out(command, listener)
                if self._state.phase is not before:
                    self._observe(PhaseChanged(self._state.phase))
                if self._state.is_over:
                    return
        finally:
            for turn_id in list(self._live):
                await self._cancel(turn_id)

    def _says(self, phrase: str) -> bool:
        """Whether voiced itself is saying the wake word: an echo canceller leaves some of it."""
        is_silent = self._stages.player.is_held
        return not is_silent and any(live.turn.says(phrase) for live in self._live.values())

    async def _carry_out(self, command: Command, listener: Listener) -> None:  # noqa: C901, PLR0912  # a table
        player = self._stages.player
        match command:
            case Listen():
                self._forget_speech()
                listener.listen(command)
            case Watch():
                listener.watch()
            case FinishUtterance():
                listener.finish(EndReason.RELEASED)
            case StopListening():
                self._forget_speech()
                listener.stop_listening()
            case BeginTurn():
                utterance = listener.take_utterance()
                if utterance is not None:
                    self._begin_turn(command, utterance)
            case GiveFloor(turn_id):
                if turn_id in self._live:
                    self._live[turn_id].turn.give_floor()
            case HoldAnswer(silently=silently):
                if silently:
                    player.hold()
            case ResumeAnswer():
                player.resume()
            case CancelTurn(turn_id):
                await self._cancel(turn_id)
            case PlayEarcon(earcon):
                if earcon in self._earcons:
                    await player.play_earcon(self._earcons[earcon])
            case _:
                assert_never(command)

    def _forget_speech(self) -> None:
        """What was posted of the utterance that is dropped now is no news of the next one."""
        for event in self._events.take_all():
            if not isinstance(event, _OF_SPEECH):
                self._events.send_nowait(event)

    def _begin_turn(self, begin: BeginTurn, utterance: Utterance) -> None:
        turn = Turn(
            begin.turn_id,
            self._stages,
            self.post,
            self._observe,
            trial=begin.trial,
            is_addressed=begin.is_addressed,
        )
        task = asyncio.create_task(self._attend(turn, utterance), name=f"turn-{begin.turn_id}")
        self._live[begin.turn_id] = _Live(turn, task)

    async def _attend(self, turn: Turn, utterance: Utterance) -> None:
        report = await turn.hear(utterance, self._hearing, self._endpointer)
        if self._live.pop(turn.turn_id, None) is None:
            # It is being cancelled, and its end reported there.
            return
        self._observe(TurnEnded(report))
        self.post(
            TurnOver(turn.turn_id, report.outcome, report.end_reason, has_spoken=bool(report.reply))
        )

    async def _cancel(self, turn_id: int) -> None:
        """Silence first, then drop the work."""
        self._stages.player.silence()
        live = self._live.pop(turn_id, None)
        if live is None:
            return
        live.task.cancel()
        await asyncio.wait({live.task})
        self._observe(TurnEnded(live.turn.cancelled()))
