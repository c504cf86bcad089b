"""One exchange: an utterance while it is spoken, its readings, and the answer to the last of them.

At each pause what was said so far is read, judged and answered in advance (a `Draft`), so that the answer is
there when the turn ends. If the person goes on, the draft of what they had said is dropped for the next. A
turn never raises what goes wrong in it: it ends, says how in its report, and the assistant goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from voiced.core.endpointing import Endpointer, Evidence
from voiced.core.interruption import Interjection, is_meant
from voiced.core.signals import Event, InterruptionMeant, Outcome, Trial, TurnSpoke
from voiced.core.timeline import Timeline
from voiced.core.trace import Fate
from voiced.draft import Draft, Stages
from voiced.errors import VoicedError
from voiced.events import Observer, ReplyGrew, TranscriptGrew, TurnReport, Understood
from voiced.hearing import Ended, Growing, Hearing, Paused, Reading, WentOn
from voiced.responder import Plan
from voiced.revisions import Revisions
from voiced.types import EndReason, Prefill, ReplyPath, Transcript, samples_to_ms
from voiced.utterance import Utterance

_log = logging.getLogger(__name__)


class Turn:
    """One exchange from the first sound of a question to the last of its answer."""

    def __init__(
        self,
        turn_id: int,
        stages: Stages,
        post: Callable[[Event], None],
        observe: Observer,
        *,
        trial: Trial = Trial.NONE,
        is_addressed: bool = True,
    ) -> None:
        """With a `trial` another answer is on hold, and it is to be found out whether this interrupts
        it; until `give_floor` nothing is answered. Not `is_addressed`: the person may be talking to
        somebody else, so what is not understood is passed over in silence.
        """
        self.turn_id = turn_id
        self._stages = stages
        self._post = post
        self._observe = observe
        self._is_addressed = is_addressed
        self._trial = trial
        self._has_floor = asyncio.Event()
        if trial is Trial.NONE:
            self._has_floor.set()
        self._timeline = Timeline()
        self._revisions = Revisions(self._timeline)
        self._transcript = Transcript("")
        self._plan: Plan | None = None
        self._draft: Draft | None = None
        self._end_reason = EndReason.SILENCE
        self._is_pause = False
        self._reported: TurnReport | None = None

    async def hear(
        self, utterance: Utterance, hearing: Hearing, endpointer: Endpointer
    ) -> TurnReport:
        """Transcribe an utterance while it is spoken, and answer it."""
        self._timeline.begin(utterance.begun_ms, utterance.begun_at_s)
        return await self._guarded(self._hear(utterance, hearing, endpointer))

    async def announce(self, text: str) -> TurnReport:
        """Say something that nobody asked for now."""
        self._timeline.begin(0.0, _clock_s())
        return await self._guarded(self._say(text))

    async def read(self, text: str) -> TurnReport:
        """Answer a typed question."""
        self._timeline.begin(0.0, _clock_s())
        return await self._guarded(self._read(Transcript(text)))

    def give_floor(self) -> None:
        """It was an interruption; the answer that it interrupts is gone."""
        self._has_floor.set()

    def says(self, phrase: str) -> bool:
        """Whether the clause that is being played has `phrase` in it."""
        return self._draft is not None and phrase.lower() in self._draft.playback.clause.lower()

    def cancelled(self) -> TurnReport:
        """What had become of it when it was cancelled; the conversation keeps what was heard.

        Where it had ended already, how it ended.
        """
        return self._report(Outcome.CANCELLED)

    async def _guarded(self, work: Coroutine[None, None, Outcome]) -> TurnReport:
        outcome, failure = Outcome.FAILED, ""
        try:
            outcome = await work
        except VoicedError as error:
            _log.warning("turn %d failed: %s", self.turn_id, error)
            failure = str(error)
        except Exception as error:  # noqa: BLE001  # no utterance may end the process
            _log.exception("turn %d failed by a defect in voiced", self.turn_id)
            failure = f"{type(error).__name__}: {error}"
        finally:
            if self._draft is not None:
                await self._draft.drop()
        # Nothing is awaited from here on: either this is the report, or `cancelled` gives one.
        return self._report(outcome, failure)

    def _report(self, outcome: Outcome, error: str = "") -> TurnReport:
        if self._reported is not None:
            return self._reported
        draft = self._draft
        is_exchange = self._plan is not None and self._plan.path is not ReplyPath.ANNOUNCEMENT
        if is_exchange and draft is not None and draft.clauses and draft.playback.has_sounded:
            self._stages.responder.remember(
                self._transcript.text,
                draft.playback.heard(),
                interrupted=outcome is not Outcome.ANSWERED,
            )
        if draft is not None:
            self._timeline.mark_all(draft.marks_s)
        self._reported = TurnReport(
            turn_id=self.turn_id,
            outcome=outcome,
            transcript=self._transcript,
            reply=" ".join(draft.clauses) if draft is not None and draft.is_committed else "",
            path=self._plan.path if self._plan is not None else ReplyPath.NONE,
            end_reason=self._end_reason,
            timings_ms=self._timeline.timings_ms,
            trace=self._revisions.trace(draft, is_answer=draft is not None and draft.is_committed),
            error=error,
        )
        return self._reported

    async def _hear(
        self, utterance: Utterance, hearing: Hearing, endpointer: Endpointer
    ) -> Outcome:
        async with aclosing(hearing.follow(utterance)) as readings:
            async for reading in readings:
                if not await self._take(reading, utterance, endpointer):
                    return Outcome.NOTHING_SAID
        # Without an end it was dropped: whatever was understood of it, nobody waits for an answer.
        return Outcome.NOTHING_SAID if utterance.end is None else await self._answer()

    async def _take(self, reading: Reading, utterance: Utterance, endpointer: Endpointer) -> bool:
        """Act on the next reading; False where there is nothing to answer."""
        match reading:
            case Growing(text, speech_ms):
                self._observe(TranscriptGrew(self.turn_id, text))
                is_backchannel = self._stages.responder.is_backchannel(text)
                words = len(text.split())
                self._weigh(Interjection(words, speech_ms, is_backchannel=is_backchannel))
            case Paused(transcript, end_sample, speech_ms):
                self._is_pause = True
                plan = await self._stages.responder.consider(transcript)
                if not self._weigh(_interjection(plan, speech_ms)):
                    return False
                await self._revise(plan, end_sample, utterance, endpointer)
            case WentOn(pause_ms):
                # What was said before earned this pause, and not the next one.
                self._is_pause = False
                utterance.be_patient(endpointer.patience_ms(Evidence(has_words=True)))
                endpointer.went_on(pause_ms)
            case Ended(transcript, end):
                self._transcript = transcript
                self._end_reason = end.reason
                self._timeline.endpoint(end, utterance.ended_at_s)
                self._timeline.mark("transcript", _clock_s())
                return await self._conclude(transcript, utterance)
        return True

    def _weigh(self, heard: Interjection) -> bool:
        """Whether this may be worth an answer: False where it was no interruption of the one on hold."""
        if self._trial is Trial.NONE:
            return True
        meant = is_meant(heard, only_stop=self._trial is Trial.STOP)
        if meant:
            self._trial = Trial.NONE
            self._post(InterruptionMeant(self.turn_id))
        return meant is not False

    async def _revise(
        self, plan: Plan, end_sample: int, utterance: Utterance, endpointer: Endpointer
    ) -> None:
        """What was said so far has been read: judge the pause, and prepare the answer."""
        self._transcript = plan.transcript
        judge = partial(self._judge, plan, utterance, endpointer)
        if self._draft is not None and self._draft.plan.transcript.text == plan.transcript.text:
            self._revisions.keep()
            judge(self._draft.prefill)
            return
        await self._drop_draft()
        self._plan = plan
        self._revisions.begin(plan, samples_to_ms(end_sample), _clock_s())
        judge(None)
        if plan.transcript.text:
            self._draft = self._drafted(plan, judge)

    def _judge(
        self, plan: Plan, utterance: Utterance, endpointer: Endpointer, prefill: Prefill | None
    ) -> None:
        said = None if prefill is None else prefill.end_probability
        evidence = replace(plan.evidence, end_probability=said)
        silence_ms = endpointer.patience_ms(evidence)
        self._revisions.judged(silence_ms, prefill)
        if self._is_pause:
            utterance.be_patient(silence_ms)

    async def _conclude(self, transcript: Transcript, utterance: Utterance) -> bool:
        """The utterance has ended: see to it that the draft is the answer to all of it."""
        if not transcript.text:
            return False
        draft = self._draft
        is_same = draft is not None and draft.plan.transcript.text == transcript.text
        if is_same and draft is not None and not draft.has_failed:
            return True
        # What went wrong in advance is tried once more in earnest: its engine is a new one by now.
        await self._drop_draft()
        plan = await self._stages.responder.consider(transcript)
        if not self._weigh(_interjection(plan, utterance.speech_ms)):
            return False
        end_ms = samples_to_ms(utterance.start_sample) + utterance.speech_ms
        self._revisions.begin(plan, end_ms, _clock_s())
        self._plan = plan
        self._draft = self._drafted(plan)
        return True

    async def _read(self, transcript: Transcript) -> Outcome:
        self._transcript = transcript
        self._plan = await self._stages.responder.consider(transcript)
        self._revisions.begin(self._plan, 0.0, _clock_s())
        self._draft = self._drafted(self._plan)
        return await self._answer()

    async def _say(self, text: str) -> Outcome:
        self._plan = Plan(Transcript(""), ReplyPath.ANNOUNCEMENT, speech=text)
        self._draft = self._drafted(self._plan)
        return await self._answer()

    async def _answer(self) -> Outcome:
        """Commit the draft, and see it through."""
        plan, draft = self._plan, self._draft
        if plan is None or draft is None:
            return Outcome.NOTHING_SAID
        if plan.path is ReplyPath.NONE and not self._is_addressed:
            return Outcome.NOTHING_SAID
        await self._has_floor.wait()
        self._timeline.mark("commit", _clock_s())
        if plan.path is not ReplyPath.ANNOUNCEMENT:
            self._observe(Understood(self.turn_id, plan.transcript))
        draft.commit()
        await draft.finished()
        self._timeline.mark("done", _clock_s())
        return Outcome.ANSWERED

    def _drafted(self, plan: Plan, on_read: Callable[[Prefill], None] = lambda _: None) -> Draft:
        return Draft(
            plan,
            self._stages,
            has_floor=self._has_floor,
            on_read=on_read,
            on_clause=lambda clause: self._observe(ReplyGrew(self.turn_id, clause)),
            on_first_sound=self._first_sound,
        )

    async def _drop_draft(self) -> None:
        if self._draft is not None:
            await self._draft.drop()
            self._revisions.settle(self._draft, Fate.DROPPED)
            self._draft = None

    def _first_sound(self) -> None:
        self._timeline.mark("first_audio", _clock_s())
        self._post(TurnSpoke(self.turn_id))


def _interjection(plan: Plan, speech_ms: float) -> Interjection:
    return Interjection(
        words=len(plan.transcript.text.split()),
        speech_ms=speech_ms,
        is_pause=True,
        confidence=plan.transcript.confidence,
        is_backchannel=plan.is_backchannel,
        is_match=plan.match is not None,
        is_stop=plan.is_stop,
    )


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
