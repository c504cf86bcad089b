"""One exchange: an utterance while it is spoken, its transcript, the answer, the answer's sound.

The stages run side by side and pass values on as soon as they have them: recognition decodes while the
person speaks, the voice speaks the first clause while the second is being written. A turn never raises
what goes wrong in it: it ends, says how in its report, and the assistant goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from voiced.channel import Channel
from voiced.core.state import Event, Outcome, TurnSpoke
from voiced.core.timeline import Timeline
from voiced.engines.contracts import TextToSpeech
from voiced.errors import VoicedError
from voiced.events import Observer, ReplyGrew, TranscriptGrew, TurnReport, Understood
from voiced.hearing import Hearing
from voiced.inference import Hosted
from voiced.listener import Utterance
from voiced.player import Player
from voiced.responder import Responder
from voiced.speech import speak
from voiced.tasks import unwrapped
from voiced.types import EndReason, ReplyPath, Transcript

_log = logging.getLogger(__name__)

_CLAUSES_AHEAD: Final = 4
"""How many clauses may wait for the voice before the language model does."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What answers are made with; shared by all turns, used by one at a time."""

    responder: Responder
    tts: Hosted[TextToSpeech]
    player: Player


class Turn:
    """One exchange from the first sound of a question to the last of its answer."""

    def __init__(
        self, turn_id: int, stages: Stages, post: Callable[[Event], None], observe: Observer
    ) -> None:
        self.turn_id = turn_id
        self._stages = stages
        self._post = post
        self._observe = observe
        self._timeline = Timeline()
        self._transcript = Transcript("")
        self._path = ReplyPath.NONE
        self._clauses: list[str] = []
        self._end_reason = EndReason.SILENCE
        self._playback = stages.player.begin(self._first_sound)

    async def hear(self, utterance: Utterance, hearing: Hearing) -> TurnReport:
        """Transcribe an utterance while it is spoken, and answer it."""
        return await self._guarded(self._hear(utterance, hearing))

    async def read(self, text: str) -> TurnReport:
        """Answer a typed question."""
        self._timeline.start(_clock_s())
        self._transcript = Transcript(text)
        return await self._guarded(self._answer())

    def cancelled(self) -> TurnReport:
        """What had become of it when it was cancelled; the conversation keeps what was heard."""
        return self._report(Outcome.CANCELLED)

    async def _guarded(self, work: Coroutine[None, None, Outcome]) -> TurnReport:
        try:
            return self._report(await work)
        except VoicedError as error:
            _log.warning("turn %d failed: %s", self.turn_id, error)
            return self._failed(str(error))
        except Exception as error:  # noqa: BLE001  # no utterance may end the process
            _log.exception("turn %d failed by a defect in voiced", self.turn_id)
            return self._failed(f"{type(error).__name__}: {error}")

    def _failed(self, error: str) -> TurnReport:
        self._stages.player.silence()
        return self._report(Outcome.FAILED, error)

    def _report(self, outcome: Outcome, error: str = "") -> TurnReport:
        if self._clauses:
            self._stages.responder.remember(
                self._transcript.text,
                self._playback.heard(),
                interrupted=outcome is not Outcome.ANSWERED,
            )
        return TurnReport(
            turn_id=self.turn_id,
            outcome=outcome,
            transcript=self._transcript,
            reply=" ".join(self._clauses),
            path=self._path,
            end_reason=self._end_reason,
            timings_ms=self._timeline.timings_ms,
            error=error,
        )

    async def _hear(self, utterance: Utterance, hearing: Hearing) -> Outcome:
        self._transcript = await hearing.transcribe(
            utterance,
            self._stages.responder.is_whole,
            lambda text: self._observe(TranscriptGrew(self.turn_id, text)),
        )
        if utterance.end is not None:
            self._end_reason = utterance.end.reason
            self._timeline.endpoint(utterance.end, utterance.ended_at_s)
            self._timeline.mark("transcript", _clock_s())
        if not self._transcript.text:
            return Outcome.NOTHING_SAID
        self._observe(Understood(self.turn_id, self._transcript))
        return await self._answer()

    async def _answer(self) -> Outcome:
        clauses: Channel[str] = Channel(_CLAUSES_AHEAD)
        speaking = speak(clauses, self._stages.tts, self._playback, self._on_clause)
        with unwrapped():
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._write(clauses), name=f"turn-{self.turn_id}-write")
                stages.create_task(speaking, name=f"turn-{self.turn_id}-speak")
        self._timeline.mark("done", _clock_s())
        return Outcome.ANSWERED

    async def _write(self, clauses: Channel[str]) -> None:
        try:
            answer = await self._stages.responder.answer(self._transcript, self._first_token)
            self._path = answer.path
            async with aclosing(answer.clauses) as written:
                async for clause in written:
                    self._clauses.append(clause)
                    await clauses.send(clause)
        finally:
            clauses.close()

    def _on_clause(self, clause: str) -> None:
        self._observe(ReplyGrew(self.turn_id, clause))

    def _first_token(self) -> None:
        self._timeline.mark("first_token", _clock_s())

    def _first_sound(self) -> None:
        self._timeline.mark("first_audio", _clock_s())
        self._post(TurnSpoke(self.turn_id))


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
