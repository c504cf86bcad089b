"""The answer to one reading of an utterance, worked out before it is certain that it is wanted.

Until it is committed nothing of it is heard and nothing has an effect: a draft can be dropped at any time,
and costs no more than its work. What it has made by then, up to the first clause, is played at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from voiced.channel import Channel
from voiced.core.speculation import Speculation
from voiced.engines.contracts import TextToSpeech
from voiced.errors import VoicedError
from voiced.inference import Host
from voiced.player import Player
from voiced.responder import Plan, Responder
from voiced.speech import speak
from voiced.tasks import unwrapped
from voiced.types import Prefill

_log = logging.getLogger(__name__)

_CLAUSES_AHEAD: Final = 4
"""How many clauses may wait for the voice before the language model does."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What answers are made with; shared by all turns, used by one at a time."""

    responder: Responder
    tts: Host[TextToSpeech]
    player: Player
    speculation: Speculation = Speculation.FIRST_CLAUSE


class Draft:
    """One answer on its way, in a task of its own from its creation on."""

    def __init__(
        self,
        plan: Plan,
        stages: Stages,
        *,
        has_floor: asyncio.Event,
        on_read: Callable[[Prefill], None] = lambda _: None,
        on_clause: Callable[[str], None] = lambda _: None,
        on_first_sound: Callable[[], None] = lambda: None,
    ) -> None:
        """It waits for `has_floor`: until then the language model belongs to another answer.

        `on_read` is told what the language model found out about the question, `on_clause` each clause
        that has been committed and spoken, `on_first_sound` when it begins to be heard.
        """
        self.plan = plan
        self.clauses: list[str] = []
        self.prefill: Prefill | None = None
        self.marks_s: dict[str, float] = {}
        self._stages = stages
        self._has_floor = has_floor
        self._on_read = on_read
        self._on_clause = on_clause
        self._unannounced: list[str] = []
        self._committed = asyncio.Event()
        self.playback = stages.player.prepare(on_first_sound)
        self._task = asyncio.create_task(self._work(), name="draft")

    @property
    def is_committed(self) -> bool:
        """Whether it is wanted, and may be heard."""
        return self._committed.is_set()

    @property
    def has_failed(self) -> bool:
        """Whether nothing more comes of it, because something went wrong."""
        return (
            self._task.done() and not self._task.cancelled() and self._task.exception() is not None
        )

    def commit(self) -> None:
        """It is wanted: let it be heard, and the rest of it be made."""
        self._committed.set()
        for clause in self._unannounced:
            self._on_clause(clause)
        self._stages.player.start(self.playback)

    async def finished(self) -> None:
        """Wait until all of it has been played. Raises what it failed of: `VoicedError`."""
        await self._task

    async def drop(self) -> None:
        """Stop its work; nothing of it is heard any more."""
        self.playback.stop()
        self._task.cancel()
        await asyncio.wait((self._task,))
        error = None if self._task.cancelled() else self._task.exception()
        if isinstance(error, VoicedError):
            _log.debug("a draft that is dropped had failed: %s", error)
        elif error is not None and not self.is_committed:
            # Who waits for a committed one is told; nobody waits for this, and it must not go unseen.
            _log.error("a draft failed by a defect in voiced", exc_info=error)

    async def _work(self) -> None:
        plan, is_eager = self.plan, self._stages.speculation is Speculation.FIRST_CLAUSE
        if not is_eager:
            await self._committed.wait()
        await self._has_floor.wait()
        self.prefill = await self._stages.responder.read(plan)
        if self.prefill is not None:
            self._on_read(self.prefill)
        if plan.has_effect:
            await self._committed.wait()
        clauses: Channel[str] = Channel(_CLAUSES_AHEAD)
        with unwrapped():
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._write(clauses), name="draft-write")
                stages.create_task(
                    speak(clauses, self._stages.tts, self.playback, self._spoken),
                    name="draft-speak",
                )

    async def _write(self, clauses: Channel[str]) -> None:
        try:
            answer = self._stages.responder.answer(self.plan, lambda: self._mark("first_token"))
            async with aclosing(answer) as written:
                async for clause in written:
                    self.clauses.append(clause)
                    await clauses.send(clause)
                    # One clause bridges the time in which the next is made; more would be waste.
                    await self._committed.wait()
        finally:
            clauses.close()

    def _spoken(self, clause: str) -> None:
        self._mark("first_clause")
        if self._committed.is_set():
            self._on_clause(clause)
        else:
            self._unannounced.append(clause)

    def _mark(self, name: str) -> None:
        self.marks_s.setdefault(name, asyncio.get_running_loop().time())
