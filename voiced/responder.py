"""From what was said to what to answer: a skill where one matches, else the language model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from voiced.core.clauses import ClauseSplitter
from voiced.core.conversation import Conversation, Exchange
from voiced.core.endpointing import Evidence, is_doubtful
from voiced.engines.contracts import LanguageModel
from voiced.inference import Host
from voiced.skills.contracts import Question, Reply, SkillMatch, World
from voiced.skills.phrases import Phrases
from voiced.skills.skillset import SkillSet
from voiced.types import Prefill, ReplyPath, Transcript

_NOT_UNDERSTOOD: Final = "Sorry, I did not understand that."
_STOP_INTENTS: Final = ("HassNevermind", "VoicedStop")
_NO_MODEL: Final = "I can't answer that: I have no language model."

_QUESTION_LASTS_S: Final = 30.0
"""After so long a "yes" may be said to somebody else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a transcript would be answered. Made without any effect, so that it can be dropped.

    `end_share` is how often expected sentences that begin like this end here; see
    `SkillSet.end_share`. `is_backchannel` where it only says that somebody listens, `is_stop` where it
    asks for quiet, `is_recall` where it asks for the rest of an answer that was cut off.
    """

    transcript: Transcript
    path: ReplyPath
    match: SkillMatch | None = None
    has_effect: bool = False
    end_share: float | None = None
    is_backchannel: bool = False
    is_stop: bool = False
    is_recall: bool = False
    speech: str = ""
    """What is said, where nothing has to be found out for it: an announcement."""

    @property
    def evidence(self) -> Evidence:
        """What it says about whether the sentence is whole."""
        return Evidence(
            has_words=bool(self.transcript.text),
            confidence=self.transcript.confidence,
            is_match=self.match is not None,
            is_open_match=self.match is not None and self.match.is_open,
            end_share=self.end_share,
        )


@dataclass(frozen=True, slots=True)
class _Open:
    """A question that was asked, and until when it is open by the loop's clock."""

    question: Question
    until_s: float


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """`min_confidence`: a transcript below it is asked for again rather than answered from."""

    max_tokens: int
    min_confidence: float


class Responder:
    """Answers transcripts, and keeps the conversation that the answers belong to."""

    def __init__(
        self,
        skills: Host[SkillSet],
        llm: Host[LanguageModel] | None,
        conversation: Conversation,
        limits: ReplyLimits,
        world: World,
        phrases: Phrases,
    ) -> None:
        """`world` is what skills find; what was said last is added to it."""
        self._skills = skills
        self._llm = llm
        self._reader: Host[LanguageModel] | None = None
        self._conversation = conversation
        self._limits = limits
        self._world = world
        self._phrases = phrases
        self._catching_up = threading.Event()
        self._asked = ("", conversation)
        # What the latest answer asks, with the request that it answers; and what was asked and heard.
        self._asking: tuple[str, Question | None] = ("", None)
        self._question: _Open | None = None

    @property
    def conversation(self) -> Conversation:
        """What was said so far, and what was heard of the answers."""
        return self._conversation

    def go_on_from(self, exchanges: Sequence[Exchange]) -> None:
        """What was said to another one was said to this one."""
        self._conversation = replace(self._conversation, exchanges=tuple(exchanges))
        self._catch_up()

    @property
    def has_question(self) -> bool:
        """Whether it waits for a yes or a no."""
        return self._question is not None and _clock_s() < self._question.until_s

    def is_backchannel(self, text: str) -> bool:
        """Whether `text` only says that somebody listens."""
        return self._phrases.backchannels.matches(text)

    async def consider(self, transcript: Transcript) -> Plan:
        """How `transcript` would be answered."""
        question = self._question.question if self._question and self.has_question else None
        return await self._skills.run(lambda skills: self._plan(skills, transcript, question))

    def _plan(self, skills: SkillSet, transcript: Transcript, question: Question | None) -> Plan:
        text = transcript.text
        match = skills.match(text)
        consent = None if question is None else self._phrases.consent.given(text)
        if question is not None and consent is False:
            return Plan(
                transcript,
                ReplyPath.SKILL,
                speech=question.no_speech or self._phrases.consent.all_right,
            )
        if question is not None and consent:
            match = replace(question.yes, is_confirmed=True, is_open=False)
        is_clear = transcript.confidence >= self._limits.min_confidence
        path = ReplyPath.NONE
        if match is not None:
            path = ReplyPath.SKILL
        elif is_clear and self._llm is not None:
            path = ReplyPath.MODEL
        return Plan(
            transcript,
            path,
            match,
            has_effect=match is not None and skills.has_effect(match),
            end_share=skills.end_share(text),
            is_backchannel=self.is_backchannel(text),
            is_stop=match is not None and match.intent in _STOP_INTENTS,
            is_recall=path is ReplyPath.MODEL
            and self._phrases.recall.matches(text)
            and self._conversation.before_interruption() is not None,
        )

    async def read(self, plan: Plan) -> Prefill | None:
        """Have the language model read what was said: to answer it, or to judge whether it is whole.

        None where neither is wanted. Cancelling stops the reading. Raises `EngineError`.
        """
        is_doubtful_match = plan.match is not None and is_doubtful(plan.evidence)
        is_wanted = plan.path is ReplyPath.MODEL or is_doubtful_match
        if self._llm is None or not is_wanted:
            return None
        self._catching_up.set()
        question = plan.transcript.text
        # What has read the question is what answers it, whatever is built in its place meanwhile.
        self._reader = reader = await self._llm.working()
        fitted = await reader.run(lambda model: self._fitted(question, model))
        self._asked = (question, fitted)
        messages = fitted.asking(question)
        cut_off = fitted.before_interruption() if plan.is_recall else None
        if cut_off is not None:
            # Small models do not find their own thread again: the question that they were answering is
            # put to them once more. Measured: asked what they were saying, 1 of 10 answers went on with
            # it; asked the question itself, 10 of 10 began with the words that had been heard.
            before, asked = cut_off
            messages = before.asking(asked)
        cancel = threading.Event()
        try:
            return await reader.run(lambda model: model.extend(messages, cancel))
        except asyncio.CancelledError:
            cancel.set()
            raise

    async def answer(
        self, plan: Plan, on_first_token: Callable[[], None]
    ) -> AsyncGenerator[str, None]:
        """The answer, clause by clause, after `read`; a skill that has effects has them now.

        `on_first_token` is called when the first word of the answer is known. Wrap it in
        `contextlib.aclosing`. Raises `EngineError`.
        """
        self._asking = (plan.transcript.text, None)
        if plan.is_stop:
            self._question = None
        if plan.speech:
            on_first_token()
            yield plan.speech
        elif plan.match is not None:
            match, world = plan.match, replace(self._world, last_reply=self._last_reply)
            reply = await skill_reply(self._skills, match, world)
            self._asking = (plan.transcript.text, reply.question)
            on_first_token()
            if reply.speech:
                yield reply.speech
        elif plan.path is ReplyPath.MODEL and self._reader is not None:
            opening = f"{self._phrases.recall.again} " if plan.is_recall else ""
            async with aclosing(self._generate(self._reader, on_first_token)) as clauses:
                async for clause in clauses:
                    yield opening + clause
                    opening = ""
        else:
            on_first_token()
            yield _NO_MODEL if self._llm is None else _NOT_UNDERSTOOD

    def remember(self, question: str, heard: str, *, interrupted: bool) -> None:
        """Keep an exchange, with the words of the answer that were really heard.

        The language model reads it while nobody waits (a skill's answer it has not seen at all), so that
        the next question is all that is new to it; `read` does not wait for that either.
        """
        request, new = self._asking
        self._question = None
        if new is not None and request == question:
            self._question = _Open(new, _clock_s() + _QUESTION_LASTS_S)
        asked, fitted = self._asked
        # What had to be forgotten to ask is forgotten once it was asked in earnest.
        before = fitted if asked == question else self._conversation
        self._conversation = before.after(question, heard, is_interrupted=interrupted)
        self._catch_up()

    def _catch_up(self) -> None:
        """Have the language model read what was said while nobody waits."""
        if self._llm is not None:
            messages, cancel = self._conversation.messages, threading.Event()
            self._catching_up = cancel
            self._llm.submit(lambda model: model.extend(messages, cancel))

    async def _generate(
        self, llm: Host[LanguageModel], on_first_token: Callable[[], None]
    ) -> AsyncGenerator[str, None]:
        splitter = ClauseSplitter()
        max_tokens = self._limits.max_tokens
        async with aclosing(llm.stream(lambda m: m.generate(max_tokens=max_tokens))) as pieces:
            async for piece in pieces:
                on_first_token()
                for clause in splitter.push(piece):
                    yield clause
        for clause in splitter.flush():
            yield clause

    def _fitted(self, question: str, model: LanguageModel) -> Conversation:
        budget_tokens = model.context_tokens - self._limits.max_tokens
        return self._conversation.fitted(question, model.count_tokens, budget_tokens)

    @property
    def _last_reply(self) -> str:
        exchanges = self._conversation.exchanges
        return exchanges[-1].heard if exchanges else ""


async def skill_reply(skills: Host[SkillSet], match: SkillMatch, world: World) -> Reply:
    """What the skill of `match` replies, which has its effects now. Raises `VoicedError`."""
    answer = await skills.run(lambda skills: skills.answer(match, world))
    return answer if isinstance(answer, Reply) else await answer()


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
