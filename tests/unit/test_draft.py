"""An answer that is worked out before it is certain that it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.coded_speech import Codebook
from tests.support.fakes import FakeLlm, FakeSkills, FakeTts
from tests.support.virtual_time import VirtualExecutor, run_virtual
from voiced.audio.simulated import SimulatedDuplex
from voiced.core.conversation import Conversation
from voiced.core.speculation import Speculation
from voiced.draft import Draft, Stages
from voiced.errors import EngineError
from voiced.inference import Hosted
from voiced.player import playing
from voiced.responder import ReplyLimits, Responder
from voiced.skills.contracts import World
from voiced.skills.phrases import Phrases
from voiced.types import BLOCK_SAMPLES, AudioChunk, Prefill, Transcript

STORY = "There was a king. He ruled for long. Nobody knows his name."
SKILLS = {
    "what time is it": "it is noon",
    "turn on the light": "!the light is on",
    "never mind": "",
}
ANSWERS = {"tell me a story": STORY}


class SpyTts(FakeTts):
    """Notes what it is asked to say; a clause with "broken" in it breaks it."""

    def __init__(self, codebook: Codebook) -> None:
        super().__init__(codebook)
        self.said: list[str] = []

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        self.said.append(clause)
        if "broken" in clause:
            raise EngineError("the voice broke")
        return super().synthesize(clause)


@dataclass
class Desk:
    """What drafts are made with, and what became of them."""

    speculation: Speculation = Speculation.FIRST_CLAUSE
    skills: Mapping[str, str] = field(default_factory=lambda: SKILLS)
    answers: Mapping[str, str] = field(default_factory=lambda: ANSWERS)
    cost_s: float = 0.0

    def __post_init__(self) -> None:
        self.codebook = Codebook()
        self.tts = SpyTts(self.codebook)
        self.llm = FakeLlm(self.answers, lambda _: 0.7)
        self.fake_skills = FakeSkills(self.skills, {})
        self.told: list[str] = []
        self.read: list[Prefill] = []
        self.sounded: list[float] = []

    def work(self, script: Callable[[Desk], Awaitable[None]]) -> Desk:
        """Run `script`; a task that it leaves behind fails the test."""
        run_virtual(self._work(script))
        return self

    async def _work(self, script: Callable[[Desk], Awaitable[None]]) -> None:
        self.card = SimulatedDuplex()
        skills = await self._hosted("skills", self.fake_skills)
        llm = await self._hosted("llm", self.llm)
        tts = await self._hosted("tts", self.tts)
        self.responder = Responder(
            skills,
            llm,
            Conversation.begin("be brief"),
            ReplyLimits(60, 0.3),
            World(lambda: datetime(2026, 1, 1, tzinfo=UTC)),
            Phrases.of("en"),
        )
        self.has_floor = asyncio.Event()
        self.has_floor.set()
        async with self.card.sink as sink, playing(sink) as self.player:
            self.stages = Stages(self.responder, tts, self.player, self.speculation)
            await script(self)
        for hosted in (skills, llm, tts):
            await hosted.close()

    async def _hosted(self, name: str, engine: object) -> Hosted[Any]:
        return await Hosted.load(name, lambda: engine, VirtualExecutor(self.cost_s))

    async def draft(self, question: str) -> Draft:
        plan = await self.responder.consider(Transcript(question))
        return Draft(
            plan,
            self.stages,
            has_floor=self.has_floor,
            on_read=self.read.append,
            on_clause=self.told.append,
            on_first_sound=lambda: self.sounded.append(asyncio.get_running_loop().time()),
        )

    @property
    def heard(self) -> str:
        return self.codebook.read(self.card.recording()[:, 1])

    @property
    def is_silent(self) -> bool:
        return not self.card.recording()[:, 1].any()


@pytest.mark.parametrize("question", [*SKILLS, *ANSWERS])
def test_nothing_is_heard_or_done_before_it_is_committed(question: str) -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft(question)
        await asyncio.sleep(30)
        assert desk.is_silent
        assert (desk.told, desk.sounded, desk.fake_skills.effects) == ([], [], [])
        assert draft.playback.heard() == ""
        await draft.drop()
        await asyncio.sleep(30)
        assert desk.is_silent
        assert (desk.told, desk.sounded, desk.fake_skills.effects) == ([], [], [])

    Desk().work(script)


@pytest.mark.parametrize("question", ["what time is it", "tell me a story"])
def test_what_was_prepared_is_heard_in_the_next_block(question: str) -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft(question)
        await asyncio.sleep(10)
        committed_sample = desk.card.position_samples
        draft.commit()
        await draft.finished()
        first = int(np.flatnonzero(desk.card.recording()[:, 1])[0])
        assert first - committed_sample <= BLOCK_SAMPLES

    Desk(cost_s=0.05).work(script)


def test_an_effect_is_had_once_and_after_the_commit() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("turn on the light")
        await asyncio.sleep(5)
        assert desk.tts.said == []
        draft.commit()
        await draft.finished()
        assert desk.fake_skills.effects == ["turn on the light"]
        assert desk.heard == "the light is on"
        assert desk.told == draft.clauses == ["the light is on"]

    Desk(cost_s=0.02).work(script)


def test_one_clause_is_made_ahead_and_no_more() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("tell me a story")
        await asyncio.sleep(30)
        assert desk.tts.said == draft.clauses == ["There was a king."]
        # As many words as it takes to know that the clause is over.
        assert desk.llm._context[-5:] == ["There", "was", "a", "king.", "He"]
        assert [prefill.end_probability for prefill in desk.read] == [0.7]
        assert draft.prefill == desk.read[0]
        draft.commit()
        await draft.finished()
        assert desk.heard == "there was a king he ruled for long nobody knows his name"
        assert " ".join(draft.clauses) == STORY
        assert desk.told == desk.tts.said == draft.clauses
        assert draft.playback.heard() == STORY
        assert len(desk.sounded) == 1
        assert list(draft.marks_s) == ["first_token", "first_clause"]

    Desk(cost_s=0.01).work(script)


def test_what_is_dropped_costs_no_more_than_its_work() -> None:
    async def script(desk: Desk) -> None:
        dropped = await desk.draft("tell me a story")
        await asyncio.sleep(5)
        await dropped.drop()
        words = len(desk.llm._context)
        await asyncio.sleep(5)
        assert len(desk.llm._context) == words
        wanted = await desk.draft("what time is it")
        wanted.commit()
        await wanted.finished()
        assert desk.heard == "it is noon"

    Desk(cost_s=0.01).work(script)


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.1, 0.35, 1.0, 4.0])
@pytest.mark.parametrize("is_committed", [False, True])
def test_it_can_be_dropped_at_any_time(after_s: float, is_committed: bool) -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("tell me a story")
        if is_committed:
            draft.commit()
        await asyncio.sleep(after_s)
        desk.player.silence()
        await draft.drop()
        await asyncio.sleep(0.02)
        said, told = list(desk.tts.said), list(desk.told)
        recorded = desk.card.position_samples
        await asyncio.sleep(5)
        assert not desk.card.recording()[recorded:, 1].any()
        assert (desk.tts.said, desk.told) == (said, told)
        assert is_committed or desk.is_silent
        # The engines are free for the next.
        again = await desk.draft("tell me a story")
        again.commit()
        await again.finished()
        assert again.playback.heard() == STORY

    Desk(cost_s=0.03).work(script)


def test_dropped_when_it_is_over() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("what time is it")
        draft.commit()
        await draft.finished()
        await draft.drop()
        assert draft.playback.heard() == "it is noon"

    Desk().work(script)


BROKEN = {"break": "broken at once", "break later": "this is said first. that is broken."}


def test_a_failure_before_the_commit_is_told_when_it_is_waited_for() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("break")
        await asyncio.sleep(5)
        draft.commit()
        with pytest.raises(EngineError, match="the voice broke"):
            await draft.finished()
        await draft.drop()
        assert desk.is_silent
        assert desk.told == []

    Desk(answers=BROKEN).work(script)


def test_a_failure_of_what_nobody_wanted_is_not_told() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("break")
        await asyncio.sleep(5)
        await draft.drop()

    Desk(answers=BROKEN).work(script)


def test_a_failure_in_the_middle() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("break later")
        draft.commit()
        with pytest.raises(EngineError, match="the voice broke"):
            await draft.finished()
        await draft.drop()

    Desk(answers=BROKEN).work(script)


def test_a_defect_in_what_nobody_wants_is_told_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def defect(_: Prefill) -> None:
        raise ZeroDivisionError

    async def script(desk: Desk) -> None:
        plan = await desk.responder.consider(Transcript("tell me a story"))
        draft = Draft(plan, desk.stages, has_floor=desk.has_floor, on_read=defect)
        await asyncio.sleep(1)
        await draft.drop()

    Desk().work(script)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("speculation", [Speculation.OFF, Speculation.TRANSCRIPT])
@pytest.mark.parametrize("question", ["what time is it", "turn on the light", "tell me a story"])
def test_nothing_is_done_ahead_where_that_is_not_wanted(
    speculation: Speculation, question: str
) -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft(question)
        await asyncio.sleep(10)
        assert (desk.read, desk.llm.prefills, desk.tts.said) == ([], [], [])
        assert (draft.clauses, draft.marks_s) == ([], {})
        draft.commit()
        await draft.finished()
        assert " ".join(draft.clauses) == {**SKILLS, **ANSWERS}[question].removeprefix("!")
        assert draft.playback.heard() == " ".join(draft.clauses)

    Desk(speculation).work(script)


def test_the_language_model_belongs_to_who_has_the_floor() -> None:
    async def script(desk: Desk) -> None:
        desk.has_floor.clear()
        draft = await desk.draft("tell me a story")
        await asyncio.sleep(10)
        assert (desk.llm.prefills, desk.tts.said) == ([], [])
        desk.has_floor.set()
        await asyncio.sleep(1)
        assert len(desk.llm.prefills) == 1
        assert desk.is_silent
        draft.commit()
        await draft.finished()
        assert draft.playback.heard() == STORY

    Desk().work(script)


def test_an_answer_without_a_word_is_over_at_once() -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft("never mind")
        await asyncio.sleep(1)
        draft.commit()
        await asyncio.wait_for(draft.finished(), 0.5)
        assert (draft.clauses, desk.told, desk.sounded) == ([], [], [])

    Desk().work(script)


@given(
    st.sampled_from([*SKILLS, *ANSWERS]),
    st.sampled_from(Speculation),
    st.integers(0, 1500),
    st.sampled_from([0.0, 0.01, 0.07]),
)
def test_whenever_it_is_committed_all_of_it_is_heard_once(
    question: str, speculation: Speculation, commit_ms: int, cost_s: float
) -> None:
    async def script(desk: Desk) -> None:
        draft = await desk.draft(question)
        await asyncio.sleep(commit_ms / 1000)
        assert desk.is_silent
        assert desk.fake_skills.effects == []
        draft.commit()
        await draft.finished()
        answer = {**SKILLS, **ANSWERS}[question]
        assert draft.playback.heard() == answer.removeprefix("!")
        assert desk.heard == answer.lower().replace(".", "").removeprefix("!")
        assert desk.told == draft.clauses
        assert len(desk.fake_skills.effects) == answer.startswith("!")

    Desk(speculation, cost_s=cost_s).work(script)
