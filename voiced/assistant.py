"""The loop that decides: events in, commands out, one turn at a time.

The decisions themselves are in `core/state.py`; this carries them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from voiced.channel import Channel
from voiced.core.state import (
    Activation,
    BeginTurn,
    CancelTurn,
    Command,
    Event,
    FinishUtterance,
    Listen,
    PlayEarcon,
    Started,
    State,
    StopListening,
    TurnOver,
    step,
)
from voiced.events import Observer, PhaseChanged, TurnEnded, TurnReport
from voiced.hearing import Hearing
from voiced.listener import Listener, Utterance
from voiced.turn import Stages, Turn
from voiced.types import Earcon, EndReason, Samples

_EVENTS_AHEAD: Final = 64


@dataclass(frozen=True, slots=True)
class _Live:
    turn: Turn
    task: asyncio.Task[None]


class Assistant:
    """Owns the state and the turn that is alive; `run` is its permanent task."""

    def __init__(
        self,
        activation: Activation,
        hearing: Hearing,
        stages: Stages,
        earcons: Mapping[Earcon, Samples],
        observe: Observer,
    ) -> None:
        """`earcons` are at the speaker's rate; one that is missing is not played."""
        self._state = State(activation)
        self._hearing = hearing
        self._stages = stages
        self._earcons = earcons
        self._observe = observe
        self._events: Channel[Event] = Channel(_EVENTS_AHEAD)
        self._live: _Live | None = None

    def post(self, event: Event) -> None:
        """Tell it what has happened. Call it on the loop's thread."""
        self._events.send_nowait(event)

    async def run(self, listener: Listener) -> None:
        """Answer what `listener` hears until its input ends and the last answer has been given."""
        self.post(Started())
        try:
            async for event in self._events:
                before = self._state.phase
                self._state, commands = step(self._state, event)
                for command in commands:
                    await self._carry_out(command, listener)
                if self._state.phase is not before:
                    self._observe(PhaseChanged(self._state.phase))
                if self._state.is_over:
                    return
        finally:
            await self._drop_turn()

    async def _carry_out(self, command: Command, listener: Listener) -> None:
        match command:
            case Listen():
                listener.listen(command.after_sample, held=command.held)
            case FinishUtterance():
                listener.finish(EndReason.RELEASED)
            case StopListening():
                listener.stop_listening()
            case BeginTurn(turn_id):
                utterance = listener.take_utterance()
                if utterance is not None:
                    self._begin_turn(turn_id, utterance)
            case CancelTurn():
                await self._drop_turn()
            case PlayEarcon(earcon):
                if earcon in self._earcons:
                    self._stages.player.play_earcon(self._earcons[earcon])
            case _:
                assert_never(command)

    def _begin_turn(self, turn_id: int, utterance: Utterance) -> None:
        turn = Turn(turn_id, self._stages, self.post, self._observe)
        task = asyncio.create_task(self._attend(turn, utterance), name=f"turn-{turn_id}")
        self._live = _Live(turn, task)

    async def _attend(self, turn: Turn, utterance: Utterance) -> None:
        report = await turn.hear(utterance, self._hearing)
        self._end(turn.turn_id, report)

    def _end(self, turn_id: int, report: TurnReport) -> None:
        self._live = None
        self._observe(TurnEnded(report))
        self.post(TurnOver(turn_id, report.outcome, report.end_reason))

    async def _drop_turn(self) -> None:
        """Silence first, then drop the work."""
        self._stages.player.silence()
        live, self._live = self._live, None
        if live is None:
            return
        live.task.cancel()
        await asyncio.wait({live.task})
        self._observe(TurnEnded(live.turn.cancelled()))
