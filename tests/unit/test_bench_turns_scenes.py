"""The scenes on virtual time, with an assistant of whom everything is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pytest

from tests.support.virtual_time import run_virtual
from tests.unit.bench_turns_tones import tone
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.levels import dbfs
from voiced.audio.simulated import SimulatedDuplex
from voiced.bench_turns.cast import Spoken
from voiced.bench_turns.person import Person
from voiced.bench_turns.scenes import barge_in, echo, latency, pauses
from voiced.bench_turns.stage import Addressee, Stage, on_stage
from voiced.core.signals import Event, Outcome, StopAsked
from voiced.core.state import Phase
from voiced.errors import EngineError
from voiced.events import Observer, PhaseChanged, ReplyGrew, TurnEnded, TurnReport
from voiced.types import (
    BLOCK_MS,
    BLOCK_SAMPLES,
    EndReason,
    ReplyPath,
    Samples,
    Transcript,
    ms_to_samples,
    samples_to_ms,
)

T = TypeVar("T")

SPEECH_DBFS = -45.0


@dataclass
class Robot:
    """Answers `patience_ms` after any sound with a tone; `hears_while_speaking` stops it."""

    patience_ms: int = 300
    answer_ms: int = 20_000
    hears_while_speaking: bool = False
    fails_on_start: bool = False

    async def run(
        self,
        source: AudioSource,
        open_sink: Callable[[int], AudioSink],
        observe: Observer,
        on_ready: Callable[[Addressee], None],
    ) -> None:
        if self.fails_on_start:
            raise EngineError("no voice")
        self._observe = observe
        self._task: asyncio.Task[None] | None = None
        self._turns = 0
        self._said_until: int | None = None
        async with open_sink(16_000) as sink, source:
            self._sink = sink
            observe(PhaseChanged(Phase.LISTENING))
            on_ready(self)
            async for chunk in source.blocks():
                self._hear(chunk.samples, chunk.end_sample)
            self._stop()

    def post(self, event: Event) -> None:
        if isinstance(event, StopAsked):
            self._said_until = None
            self._stop()

    def _hear(self, samples: Samples, now: int) -> None:
        is_speaking = self._task is not None and not self._task.done()
        if dbfs(samples) > SPEECH_DBFS and (not is_speaking or self.hears_while_speaking):
            self._stop()
            self._said_until = now
        waited = None if self._said_until is None else now - self._said_until
        if waited is not None and waited >= ms_to_samples(self.patience_ms):
            self._said_until = None
            self._task = asyncio.ensure_future(self._answer(now))

    def sound(self) -> Samples:
        return tone(self.answer_ms)

    def _stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._sink.flush()
            self._end(Outcome.CANCELLED)
        self._task = None

    async def _answer(self, endpoint: int) -> None:
        self._turns += 1
        self._endpoint_ms = samples_to_ms(endpoint)
        self._observe(PhaseChanged(Phase.THINKING))
        self._observe(PhaseChanged(Phase.SPEAKING))
        await self._sink.write(self.sound())
        await self._sink.drain()
        self._end(Outcome.ANSWERED)

    def _end(self, outcome: Outcome) -> None:
        report = TurnReport(
            turn_id=self._turns,
            outcome=outcome,
            transcript=Transcript("stop that"),
            reply="a tone",
            path=ReplyPath.SKILL,
            end_reason=EndReason.SILENCE,
            timings_ms={"endpoint": self._endpoint_ms},
        )
        self._observe(TurnEnded(report))
        self._observe(PhaseChanged(Phase.LISTENING))


def spoken(*parts_ms: int) -> Spoken:
    return Spoken("stop that", "tone", tuple(tone(ms, -26) for ms in parts_ms))


def played(robot: Robot, scene: Callable[[Stage], Awaitable[T]]) -> T:
    async def run() -> T:
        person = Person()
        async with on_stage(robot.run, SimulatedDuplex(person), person) as stage:
            return await scene(stage)
        raise AssertionError  # mypy cannot know that on_stage swallows nothing

    return run_virtual(run())


def nothing(*_: float) -> None:
    pass


def test_latency_is_the_time_from_the_last_sound_to_the_first() -> None:
    said = []
    lines = [(spoken(1000), False), (spoken(600), True), (spoken(410), False)]
    replies = played(
        Robot(patience_ms=300), lambda s: latency.play(s, lines, lambda: said.append(1))
    )
    assert len(said) == 3
    for reply in replies[:2]:
        # A block has to be heard to its end, and what is written is played from the next one on.
        assert reply.voice_to_voice_ms == pytest.approx(300 + 2 * BLOCK_MS, abs=BLOCK_MS)
        assert reply.commit_to_sound_ms == pytest.approx(BLOCK_MS, abs=BLOCK_MS)
        assert reply.path is ReplyPath.SKILL
        assert not reply.was_cut_off
    assert [reply.is_noisy for reply in replies] == [False, True, False]


def test_an_answer_before_the_end_of_the_sentence_has_no_latency() -> None:
    pause = np.zeros(ms_to_samples(600), np.int16)
    hesitant = Spoken("stop that", "tone", (tone(400, -26), pause, tone(400, -26)))
    (reply,) = played(Robot(), lambda s: latency.play(s, [(hesitant, False)], nothing))
    assert reply.was_cut_off
    assert reply.voice_to_voice_ms is None


def test_no_answer_is_told_from_a_late_one() -> None:
    robot = Robot(patience_ms=60_000)
    (reply,) = played(robot, lambda s: latency.play(s, [(spoken(500), False)], nothing))
    assert reply.voice_to_voice_ms is None
    assert reply.path is ReplyPath.NONE


def test_a_pause_shorter_than_the_patience_cuts_nothing_off() -> None:
    lines = [(spoken(500, 500), pause_ms) for pause_ms in (300, 500, 700, 900)]
    found = played(Robot(patience_ms=600), lambda s: pauses.play(s, lines, nothing))
    assert [each.was_cut_off for each in found] == [False, False, True, True]
    assert [each.was_missed for each in found] == [False] * 4
    assert [len(each.heard) for each in found] == [1, 1, 1, 1]


def test_an_end_that_is_not_noticed_is_missed() -> None:
    robot = Robot(patience_ms=3500)
    (found,) = played(robot, lambda s: pauses.play(s, [(spoken(400, 400), 300)], nothing))
    assert found.was_missed
    assert not found.was_cut_off


def interruptions(robot: Robot) -> list[barge_in.Interruption]:
    lines = [(spoken(700), 400), (spoken(900), 1500)]
    return played(robot, lambda s: barge_in.interrupt(s, [spoken(800)], "", lines, nothing))


def test_who_stops_for_a_person_notices_them() -> None:
    for found in interruptions(Robot(hears_while_speaking=True)):
        assert found.was_noticed
        assert found.silence_ms == pytest.approx(2 * BLOCK_MS, abs=BLOCK_MS)
        assert found.has_first_word


def test_who_talks_on_does_not() -> None:
    for found in interruptions(Robot()):
        assert not found.was_noticed
        assert found.silence_ms is None
        assert not found.has_first_word


def test_who_pauses_and_goes_on_has_not_been_interrupted() -> None:
    class Doubtful(Robot):
        has_paused = False

        def _hear(self, samples: Samples, now: int) -> None:
            is_speaking = self._task is not None and not self._task.done()
            if not is_speaking or self.has_paused or dbfs(samples) < SPEECH_DBFS:
                super()._hear(samples, now)
                return
            self.has_paused = True
            assert self._task is not None
            self._task.cancel()
            self._sink.flush()
            self._task = asyncio.ensure_future(self._go_on())

        async def _go_on(self) -> None:
            await asyncio.sleep(1.0)
            await self._sink.write(tone(20_000))

    lines = [(spoken(600), 500)]
    (found,) = played(
        Doubtful(), lambda s: barge_in.interrupt(s, [spoken(800)], "", lines, nothing)
    )
    assert found.was_silenced
    assert not found.was_noticed
    assert found.silence_ms is None


def test_who_is_between_two_clauses_notices_but_falls_silent_at_no_time() -> None:
    class TwoClauses(Robot):
        def sound(self) -> Samples:
            pause = np.zeros(ms_to_samples(400), np.int16)
            return np.concatenate([tone(1000), pause, tone(10_000)])

    robot, lines = TwoClauses(hears_while_speaking=True), [(spoken(600), 1200)]
    (found,) = played(robot, lambda s: barge_in.interrupt(s, [spoken(800)], "", lines, nothing))
    assert found.was_noticed
    assert found.silence_ms is None


def test_an_answer_that_is_not_the_story_is_not_interrupted() -> None:
    class Sorry(Robot):
        async def _answer(self, endpoint: int) -> None:
            self._observe(ReplyGrew(1, "Sorry, I did not understand that."))
            await super()._answer(endpoint)

    def scene(stage: Stage) -> Awaitable[list[barge_in.Interruption]]:
        lines = [(spoken(600), 500)]
        return barge_in.interrupt(stage, [spoken(800)], "The sea is wide.", lines, nothing)

    assert played(Sorry(), scene) == []


def test_who_is_silent_already_has_noticed_nobody() -> None:
    (found,) = played(
        Robot(answer_ms=700),
        lambda s: barge_in.interrupt(s, [spoken(800)], "", [(spoken(700), 1500)], nothing),
    )
    assert found.was_silent_already
    assert not found.was_noticed


@pytest.mark.parametrize("hears", [False, True])
def test_an_answer_that_a_cough_ends_is_told_from_one_that_goes_on(hears: bool) -> None:
    robot = Robot(hears_while_speaking=hears)
    (found,) = played(
        robot, lambda s: barge_in.nod(s, [spoken(800)], "", [(spoken(300), 500)], nothing)
    )
    assert found.has_ended_answer is hears


def test_own_speech_is_counted_until_there_is_enough() -> None:
    robot = Robot(answer_ms=4000)
    found = played(robot, lambda s: echo.listen(s, [spoken(800)], 10.0, nothing))
    assert found.own_speech_s == pytest.approx(12.0, abs=0.1)
    assert found.false_barge_ins == 0


def test_an_answer_that_pauses_for_nobody_is_a_false_barge_in() -> None:
    class Jumpy(Robot):
        async def _answer(self, endpoint: int) -> None:
            asyncio.get_running_loop().call_later(
                1.0, lambda: self._observe(PhaseChanged(Phase.LISTENING))
            )
            await super()._answer(endpoint)

    found = played(Jumpy(answer_ms=2000), lambda s: echo.listen(s, [spoken(800)], 3.0, nothing))
    assert found.false_barge_ins == 2


def test_a_pipeline_that_cannot_start_raises_what_it_raises() -> None:
    async def scene(stage: Stage) -> None:
        raise AssertionError("there is nothing to play to")

    with pytest.raises(EngineError, match="no voice"):
        played(Robot(fails_on_start=True), scene)


def test_the_person_gives_noise_and_speech_on_the_recordings_timeline() -> None:
    async def scene(stage: Stage) -> tuple[int, Samples]:
        await stage.wait(500)
        begin = stage.person.say(tone(200, -26))
        await stage.wait(1000)
        return begin, stage._card.recording()[:, 0]

    begin, person = played(Robot(patience_ms=60_000), scene)
    loud = np.flatnonzero(np.abs(person) > 1000)
    assert loud[0] == pytest.approx(begin, abs=BLOCK_SAMPLES / 10)
    assert np.all(np.any(person.reshape(-1, BLOCK_SAMPLES) != 0, axis=1))
