"""The same with real engines, synthetic voices and the pace of real time.

What a recogniser makes of a synthetic voice is not what is tested here: a question counts as answered when
a turn that began with it has spoken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tests.soak.life import Lived
from tests.soak.tally import Tally
from tests.soak.usage import Looks
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.simulated import SimulatedDuplex
from voiced.bench_turns.cast import Cast, Spoken
from voiced.bench_turns.lines import alternating, load_script, thinned
from voiced.bench_turns.person import Person
from voiced.bench_turns.sounds import cough, thump
from voiced.bench_turns.stage import Addressee, Stage, on_stage
from voiced.config import Settings
from voiced.core.signals import Outcome
from voiced.core.state import Activation, Phase
from voiced.events import Observer
from voiced.pipeline import run_assistant
from voiced.types import BLOCK_SAMPLES, AudioChunk, Samples

_ANSWER_WITHIN_MS: Final = 60_000
_LOOK_EVERY: Final = 5


class _NoRecording(SimulatedDuplex):
    def _record(self, spoken: AudioChunk | None, played: Samples) -> None:
        self._position += BLOCK_SAMPLES


async def live_really(
    settings: Settings, seed: int, seconds: float, on_progress: Callable[[float, Tally], None]
) -> Lived:
    """Live for so many seconds of real time. Raises `VoicedError`."""
    script = load_script()
    with Cast(script.voices, settings.language) as cast:
        chosen = alternating(thinned(script.commands, 15), thinned(script.questions, 15))
        lines = [cast.say(line) for line in chosen]
        interruptions = [cast.say(line) for line in script.interruptions]

    async def pipeline(
        source: AudioSource,
        open_sink: Callable[[int], AudioSink],
        observe: Observer,
        on_ready: Callable[[Addressee], None],
    ) -> None:
        await run_assistant(settings, source, open_sink, Activation.SPEECH, observe, on_ready)

    random, tally, looks, person = Random(seed), Tally(), Looks(), Person()
    outcomes = dict.fromkeys(Outcome, 0)
    loop = asyncio.get_running_loop()
    async with on_stage(pipeline, _NoRecording(person), person) as stage:
        begin_s = loop.time()
        while loop.time() < begin_s + seconds:
            await _speak(stage, random, tally, lines, interruptions)
            on_progress(loop.time() - begin_s, tally)
            await stage.wait(random.choice((500, 3000, 20_000)))
            for ended in stage.ended:
                outcomes[ended.report.outcome] += 1
            stage.ended.clear()
            if tally.asked % _LOOK_EVERY == 0:
                looks.look(sum(outcomes.values()))
        lived_s = loop.time() - begin_s
    return Lived(lived_s, sum(outcomes.values()), 1, outcomes, tally, 0, looks)


async def _speak(
    stage: Stage,
    random: Random,
    tally: Tally,
    lines: Sequence[Spoken],
    interruptions: Sequence[Spoken],
) -> None:
    tally.asked += 1
    asked = random.choice(lines)
    said_at = await _say(stage, asked.samples)
    chance = random.random()
    if chance < 0.5 and await stage.until(lambda: stage.phase is Phase.SPEAKING, 20_000):
        await stage.wait(random.uniform(200, 2500))
        if chance < 0.3:
            tally.asked += 1
            tally.interrupted += 1
            asked = random.choice(interruptions)
            said_at = await _say(stage, asked.samples)
        else:
            await _say(stage, random.choice((cough, thump))())
    if await stage.until(lambda: _has_answered(stage, said_at), _ANSWER_WITHIN_MS):
        tally.answered += 1
    else:
        ended = [(each.report.outcome.value, each.report.error) for each in stage.ended]
        tally.lost.append(f"asked {asked.text!r}: it is {stage.phase.value}, {ended}")
        await stage.hush()


async def _say(stage: Stage, samples: Samples) -> int:
    """Say it, and wait for its end, which is what comes back."""
    end = stage.person.say(samples) + len(samples)
    await stage.until(lambda: stage.position >= end, _ANSWER_WITHIN_MS)
    return end


def _has_answered(stage: Stage, since: int) -> bool:
    return any(
        each.report.outcome is Outcome.ANSWERED and each.sample >= since for each in stage.ended
    )
