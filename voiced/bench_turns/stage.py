"""Where the scenes happen: a pipeline on a simulated sound card, and a person in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.simulated import SimulatedDuplex
from voiced.bench_turns.person import Person
from voiced.core.signals import Event, StopAsked
from voiced.core.state import Phase
from voiced.events import (
    AssistantEvent,
    Observer,
    PhaseChanged,
    ReplyGrew,
    TurnEnded,
    TurnReport,
    Understood,
)
from voiced.tasks import unwrapped
from voiced.types import Samples, ms_to_samples

_STOP_MS: Final = 5_000
"""How long an answer may take to end once it has been told to: what runs is not always interrupted."""


_READY_MS: Final = 2000
"""How long nobody speaks at first: the assistant makes a sound when it is ready."""

_SETTLE_MS: Final = 100


class Addressee(Protocol):
    """What the person talks to, as far as it can be told anything but by speech."""

    def post(self, event: Event) -> None: ...


Pipeline = Callable[
    [AudioSource, Callable[[int], AudioSink], Observer, Callable[[Addressee], None]],
    Coroutine[None, None, None],
]
"""Runs until its source ends: (source, open_sink, observe, on_ready)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn that ended, and where in the recording."""

    report: TurnReport
    sample: int


class Stage:
    """One pipeline that runs, and what has become of it so far."""

    def __init__(self, person: Person, card: SimulatedDuplex) -> None:
        self.person = person
        self.ended: list[Ended] = []
        self.held: list[int] = []
        """Where in the recording an answer fell silent because a voice was heard."""
        self.phase = Phase.IDLE
        self._is_answering = False
        self.first_clause = ""
        """What the answer that goes on, or the last one, began with."""
        self._card = card
        self._addressee: Addressee | None = None

    @property
    def position(self) -> int:
        """Where in the recording it is now."""
        return self.person.position

    def assistant(self) -> Samples:
        """What the assistant has said, from the start of the recording."""
        return np.ascontiguousarray(self._card.recording()[:, 1])

    def reports_between(self, begin: int, end: int) -> list[TurnReport]:
        """The turns that ended in this part of the recording."""
        return [each.report for each in self.ended if begin <= each.sample < end]

    async def until(self, is_so: Callable[[], bool], within_ms: float) -> bool:
        """Wait until something is so; False where it is not within that time."""
        last = self.position + ms_to_samples(within_ms)
        while not is_so():
            if self.position >= last:
                return False
            await self.person.next_block()
        return True

    async def wait(self, wait_ms: float) -> None:
        """Let time pass."""
        await self.until(lambda: False, wait_ms)

    async def hush(self) -> None:
        """End whatever turn goes on, and wait until it has ended."""
        if self._addressee is None:
            return
        before, is_answering = len(self.ended), self._is_answering
        self._addressee.post(StopAsked())
        if is_answering:
            await self.until(lambda: len(self.ended) > before, _STOP_MS)
        await self.wait(_SETTLE_MS)

    def observe(self, event: AssistantEvent) -> None:
        """For the pipeline: this has happened."""
        match event:
            case Understood():
                self.first_clause = ""
            case ReplyGrew(clause=clause):
                self.first_clause = self.first_clause or clause
            case PhaseChanged(phase):
                if self._is_answering and phase is Phase.LISTENING:
                    self.held.append(self.position)
                self._is_answering |= phase in (Phase.THINKING, Phase.SPEAKING)
                self.phase = phase
            case TurnEnded(report):
                self._is_answering = False
                self.ended.append(Ended(report, self.position))
            case _:
                pass

    def on_ready(self, addressee: Addressee) -> None:
        """For the pipeline: it listens."""
        self._addressee = addressee


@asynccontextmanager
async def on_stage(
    pipeline: Pipeline, card: SimulatedDuplex, person: Person
) -> AsyncIterator[Stage]:
    """Run a pipeline on `card`, at which `person` sits, while the context lasts.

    Raises what ends the pipeline. When the context is left, the person goes, and the pipeline ends.
    """
    stage = Stage(person, card)
    ready = asyncio.Event()

    def on_ready(addressee: Addressee) -> None:
        stage.on_ready(addressee)
        ready.set()

    with unwrapped():
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(
                pipeline(card.source, lambda _: card.sink, stage.observe, on_ready)
            )
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not running.done():
                await stage.wait(_READY_MS)
                yield stage
                await stage.hush()
                person.leave()
