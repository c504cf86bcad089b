"""What voiced is measured against, with real engines."""

from __future__ import annotations

import asyncio
from functools import partial

from voiced.audio.simulated import SimulatedDuplex
from voiced.bench_turns.cast import Cast
from voiced.bench_turns.lines import Line, load_script
from voiced.bench_turns.person import Person
from voiced.bench_turns.reference import SILENCE_MS, run_reference
from voiced.bench_turns.scenes import latency
from voiced.bench_turns.stage import on_stage
from voiced.config import Settings
from voiced.types import ReplyPath

LINES = (Line(("what time is it",), "rms"), Line(("what is the capital of italy",), "rms"))


def test_the_reference_answers_one_thing_after_the_other() -> None:
    with Cast(load_script().voices, "en") as cast:
        lines = [(cast.say(line), False) for line in LINES]
    done: list[int] = []

    async def run() -> list[latency.Reply]:
        person = Person()
        pipeline = partial(run_reference, Settings())
        async with on_stage(pipeline, SimulatedDuplex(person), person) as stage:
            return await latency.play(stage, lines, lambda: done.append(1))
        raise AssertionError

    replies = asyncio.run(run())
    assert [reply.heard for reply in replies] == [line.text for line in LINES]
    assert [reply.path for reply in replies] == [ReplyPath.SKILL, ReplyPath.MODEL]
    assert len(done) == 2
    for reply in replies:
        assert reply.voice_to_voice_ms is not None
        assert reply.voice_to_voice_ms > SILENCE_MS
        assert reply.report is not None
        marks = list(reply.report.timings_ms)
        assert marks == ["speech_end", "endpoint", "transcript", "first_token", "first_audio"]
        assert list(reply.timings_ms.values()) == sorted(reply.timings_ms.values())
