"""From what was said to what to answer: a skill where one matches, else the language model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from voiced.core.clauses import ClauseSplitter
from voiced.core.conversation import Conversation
from voiced.engines.contracts import LanguageModel
from voiced.inference import Hosted
from voiced.skills.contracts import World
from voiced.skills.skillset import SkillSet
from voiced.types import ReplyPath, Transcript

_NOT_UNDERSTOOD: Final = "Sorry, I did not understand that."
_NO_MODEL: Final = "I can't answer that: I have no language model."


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer on its way; close `clauses` to stop it."""

    path: ReplyPath
    clauses: AsyncGenerator[str, None]


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """`min_confidence`: a transcript below it is asked for again rather than answered from."""

    max_tokens: int
    min_confidence: float


class Responder:
    """Answers transcripts, and keeps the conversation that the answers belong to."""

    def __init__(
        self,
        skills: Hosted[SkillSet],
        llm: Hosted[LanguageModel] | None,
        conversation: Conversation,
        limits: ReplyLimits,
        now: Callable[[], datetime],
    ) -> None:
        """`now` is the wall clock."""
        self._skills = skills
        self._llm = llm
        self._conversation = conversation
        self._limits = limits
        self._now = now

    @property
    def conversation(self) -> Conversation:
        """What was said so far, and what was heard of the answers."""
        return self._conversation

    async def warm_up(self) -> None:
        """Have the language model read what stands before every conversation. Raises `EngineError`."""
        if self._llm is not None:
            prefix = self._conversation.prefix
            await self._llm.run(lambda model: model.extend(prefix, threading.Event()))

    async def is_whole(self, transcript: Transcript) -> bool:
        """Whether a skill takes this for a whole sentence, so that nothing has to follow it."""
        if transcript.confidence < self._limits.min_confidence:
            return False
        return await self._skills.run(lambda skills: skills.match(transcript.text)) is not None

    async def answer(self, transcript: Transcript, on_first_token: Callable[[], None]) -> Answer:
        """Begin to answer. `on_first_token` is called when the first word of the answer is known.

        Raises `EngineError`, as do the clauses.
        """
        match = await self._skills.run(lambda skills: skills.match(transcript.text))
        if match is not None:
            world = World(self._now, self._last_reply)
            reply = await self._skills.run(lambda skills: skills.answer(match, world))
            on_first_token()
            return Answer(ReplyPath.SKILL, _said(reply.speech))
        if transcript.confidence < self._limits.min_confidence or self._llm is None:
            on_first_token()
            apology = _NO_MODEL if self._llm is None else _NOT_UNDERSTOOD
            return Answer(ReplyPath.NONE, _said(apology))
        return Answer(ReplyPath.MODEL, self._think(self._llm, transcript.text, on_first_token))

    def remember(self, question: str, heard: str, *, interrupted: bool) -> None:
        """Keep an exchange, with the words of the answer that were really heard."""
        self._conversation = self._conversation.after(question, heard, is_interrupted=interrupted)

    async def _think(
        self, llm: Hosted[LanguageModel], question: str, on_first_token: Callable[[], None]
    ) -> AsyncGenerator[str, None]:
        self._conversation = await llm.run(lambda model: self._fitted(question, model))
        messages = self._conversation.asking(question)
        cancel = threading.Event()
        try:
            await llm.run(lambda model: model.extend(messages, cancel))
        except asyncio.CancelledError:
            cancel.set()
            raise
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


async def _said(speech: str) -> AsyncGenerator[str, None]:
    if speech:
        yield speech
