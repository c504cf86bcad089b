"""The loop that decides: events in, commands out, one turn at a time.

The decisions themselves are in `core/state.py`; this carries them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, assert_never

from voiced.channel import Channel
from voiced.core.decisions import step
from voiced.core.endpointing import Endpointer
from voiced.core.signals import (
    Announced,
    Asked,
    BeginRequest,
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
from voiced.core.state import State
from voiced.draft import Stages
from voiced.errors import UsageError
from voiced.events import Observer, PhaseChanged, TurnEnded, TurnReport
from voiced.hearing import Hearing
from voiced.listener import Listener
from voiced.observe.logs import of_turn
from voiced.turn import Turn
from voiced.types import (
    AudioChunk,
    Earcon,
    EndReason,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
)
from voiced.utterance import Utterance

_EVENTS_AHEAD: Final = 64

_REQUESTS_AHEAD: Final = 16
"""How much may wait to be said: more is no conversation."""

_OF_SPEECH: Final = (
    SpeechStarted,
    SpeechPaused,
    SpeechResumed,
    SpeechEnded,
    StillQuiet,
    VoiceHeard,
)


Tap = Callable[[int, Utterance], None]
"""Is given a turn's number, and what it is about to hear."""

_Work = Callable[[], Coroutine[None, None, TurnReport]]


@dataclass(frozen=True, slots=True)
class _Live:
    turn: Turn
    task: asyncio.Task[None]
    request_id: int | None = None


class Assistant:
    """Owns the state and the turns that are alive; `run` is its permanent task."""

    def __init__(
        self,
        state: State,
        hearing: Hearing,
        endpointer: Endpointer,
        stages: Stages,
        earcons: Mapping[Earcon, AudioChunk],
        observe: Observer,
        tap: Tap = lambda _turn_id, _utterance: None,
    ) -> None:
        """Begin in `state`. An earcon that is missing is not played; `tap` is given each utterance that a
        turn is begun for.
        """
        self._state = state
        self._hearing = hearing
        self._endpointer = endpointer
        self._stages = stages
        self._earcons = earcons
        self._observe = observe
        self._tap = tap
        self._events: Channel[Event] = Channel(_EVENTS_AHEAD)
        # The one that has the floor, and at times one whose answer is on hold.
        self._live: dict[int, _Live] = {}
        self._requests: dict[int, asyncio.Future[TurnReport]] = {}
        self._requests_made = 0

    @property
    def state(self) -> State:
        """What it is doing."""
        return self._state

    def post(self, event: Event) -> None:
        """Tell it what has happened. Call it on the loop's thread."""
        self._events.send_nowait(event)

    async def ask(self, text: str) -> TurnReport:
        """Answer a typed question; whatever goes on gives way. Returns when it has been answered.

        Cancelled where the assistant ends before. Raises `UsageError` where too much waits already.
        """
        return await self._request(lambda request_id: Asked(request_id, text))

    async def announce(self, text: str, *, rings: bool = False) -> TurnReport:
        """Say `text` as soon as nobody speaks; as `ask`."""
        return await self._request(lambda request_id: Announced(request_id, text, rings))

    async def _request(self, made: Callable[[int], Asked | Announced]) -> TurnReport:
        if len(self._requests) >= _REQUESTS_AHEAD:
            raise UsageError("too much waits to be said already; try again in a moment")
        self._requests_made += 1
        request = made(self._requests_made)
        reported = self._requests[request.request_id] = asyncio.Future()
        self.post(request)
        try:
            return await reported
        finally:
            del self._requests[request.request_id]

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
            for reported in self._requests.values():
                reported.cancel()

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
            case BeginRequest():
                self._begin_request(command)
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
        self._tap(turn.turn_id, utterance)
        self._start(turn, partial(turn.hear, utterance, self._hearing, self._endpointer))

    def _begin_request(self, begin: BeginRequest) -> None:
        turn = Turn(begin.turn_id, self._stages, self.post, self._observe)
        work = turn.read if isinstance(begin.request, Asked) else turn.announce
        self._start(turn, partial(work, begin.request.text), begin.request.request_id)

    def _start(self, turn: Turn, work: _Work, request_id: int | None = None) -> None:
        task = asyncio.create_task(self._attend(turn, work), name=f"turn-{turn.turn_id}")
        self._live[turn.turn_id] = _Live(turn, task, request_id)

    async def _attend(self, turn: Turn, work: _Work) -> None:
        with of_turn(turn.turn_id):
            report = await work()
        live = self._live.pop(turn.turn_id, None)
        if live is None:
            # It is being cancelled, and its end reported there.
            return
        self._tell(report, live)
        self.post(
            TurnOver(
                turn.turn_id,
                report.outcome,
                report.end_reason,
                has_spoken=bool(report.reply),
                asks=self._stages.responder.has_question,
            )
        )

    async def _cancel(self, turn_id: int) -> None:
        """Silence first, then drop the work."""
        self._stages.player.silence()
        live = self._live.pop(turn_id, None)
        if live is None:
            return
        live.task.cancel()
        await asyncio.wait({live.task})
        self._tell(live.turn.cancelled(), live)

    def _tell(self, report: TurnReport, live: _Live) -> None:
        self._observe(TurnEnded(report))
        reported = self._requests.get(live.request_id) if live.request_id is not None else None
        if reported is not None and not reported.done():
            reported.set_result(report)
