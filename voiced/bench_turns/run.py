"""All scenes, one after another: the composition root of `voiced bench turns`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final

import msgspec

from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.room import Room
from voiced.audio.simulated import SimulatedDuplex
from voiced.audio.wav import Pace
from voiced.bench_turns.cast import Cast, Spoken, recorded, synthesised
from voiced.bench_turns.engines import LongWindedEngines, WatchedEngines
from voiced.bench_turns.figures import Results, RoomResult
from voiced.bench_turns.lines import Line, alternating, load_script, thinned
from voiced.bench_turns.person import Person
from voiced.bench_turns.reference import run_reference
from voiced.bench_turns.scenes import barge_in, echo, latency, pauses
from voiced.bench_turns.scoring import active_dbfs, at_level
from voiced.bench_turns.sounds import cough, hum, thump
from voiced.bench_turns.stage import Addressee, Pipeline, on_stage
from voiced.config import Settings
from voiced.core.state import Activation
from voiced.events import Observer
from voiced.pipeline import run_assistant
from voiced.workshop import Engines

_NOISY_EVERY: Final = 5
"""Every so many sentences of the latency scene are said beside a noise: not a multiple of two, nor of the
number of voices, so that each path and each voice has some.
"""


class SceneName(StrEnum):
    """What `--only` chooses from."""

    LATENCY = "latency"
    PAUSES = "pauses"
    BARGE_IN = "barge-in"
    ECHO = "echo"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured: one scene or all; recordings in place of the script's sentences."""

    only: SceneName | None = None
    is_quick: bool = False
    recordings: Path | None = None

    def has(self, scene: SceneName) -> bool:
        """Whether the scene is played. Recordings have no marks where a person might pause."""
        if self.only is not None:
            return scene is self.only
        return not (scene is SceneName.PAUSES and self.recordings)


@dataclass(frozen=True, slots=True)
class _Amounts:
    """How much of each scene is played."""

    sentences: int
    """Of commands, and of questions."""
    hesitations: int
    interruptions: int
    backchannels: int
    rooms: int
    interruptions_a_room: int
    own_speech_s: float


_FULL: Final = _Amounts(99, 999, 24, 20, 99, 8, 600.0)
_QUICK: Final = _Amounts(1, 2, 1, 1, 1, 1, 10.0)

Progress = Callable[[str, float, float], None]
"""Is told of a scene how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """All that will be said, as it sounds; the numbers are pauses and moments, in milliseconds."""

    sentences: list[tuple[Spoken, bool]]
    hesitations: list[tuple[Spoken, int]]
    interruptions: list[Spoken]
    backchannels: list[Spoken]
    prompts: list[Spoken]
    story: str
    own_dbfs: float
    """How loud the assistant speaks."""


class Bench:
    """Everything that can be made before the clock runs. Raises `VoicedError`."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self.plan = plan
        self.settings = settings
        self._amounts = _QUICK if plan.is_quick else _FULL
        self._lines = self._prepared()

    def _prepared(self) -> _Lines:
        script, amounts = load_script(), self._amounts
        with Cast(script.voices, self.settings.language) as cast:

            def say(lines: Sequence[Line]) -> list[Spoken]:
                return [cast.say(line) for line in lines]

            commands = thinned(script.commands, amounts.sentences)
            questions = thinned(script.questions, amounts.sentences)
            if self.plan.recordings is None:
                sentences = say(alternating(commands, questions))
                interruptions = say(script.interruptions)
            else:
                sentences = interruptions = recorded(self.plan.recordings)
                sentences = sentences[: 2 * amounts.sentences]
            noises = [
                Spoken("mm-hm", "low", (hum(115.0),)),
                Spoken("cough", "", (cough(),)),
                Spoken("mm-hm", "high", (hum(190.0),)),
                Spoken("door", "", (thump(),)),
            ]
            return _Lines(
                sentences=[
                    (spoken, number % _NOISY_EVERY == _NOISY_EVERY - 1)
                    for number, spoken in enumerate(sentences)
                ],
                hesitations=[
                    (cast.say(line), ms)
                    for line, ms in _hesitations(script.pauses, amounts.hesitations)
                ],
                interruptions=interruptions,
                backchannels=[*noises, *say(script.backchannels)],
                prompts=say(script.prompts),
                story=" ".join(script.long_answer),
                own_dbfs=self._own_dbfs(script.long_answer[0]),
            )

    def _own_dbfs(self, text: str) -> float:
        with closing(Engines(self.settings).tts()) as voice:
            return active_dbfs(synthesised(voice, text))

    async def perform(self, progress: Progress) -> Results:
        """Play the scenes. Raises `VoicedError`."""
        results = Results()
        if self.plan.has(SceneName.LATENCY) or self.plan.has(SceneName.PAUSES):
            await self._conversation(results, progress)
        if self.plan.has(SceneName.LATENCY):
            await self._reference(results, progress)
        if self.plan.has(SceneName.BARGE_IN):
            await self._interruptions(results, progress)
        if self.plan.has(SceneName.ECHO):
            for number, room in enumerate(echo.rooms()[-self._amounts.rooms :]):
                await self._room(results, room, number, progress)
        return results

    async def _conversation(self, results: Results, progress: Progress) -> None:
        engines, person = WatchedEngines(self.settings), Person()
        lines = self._lines
        async with on_stage(
            _voiced(self.settings, engines), SimulatedDuplex(person), person
        ) as stage:
            if self.plan.has(SceneName.LATENCY):
                count = _counter(progress, "latency", len(lines.sentences))
                results.voiced = await latency.play(stage, lines.sentences, count)
            if self.plan.has(SceneName.PAUSES):
                count = _counter(progress, "pauses", len(lines.hesitations))
                results.hesitations = await pauses.play(stage, lines.hesitations, count)
            results.readings = replace(engines.readings)

    async def _reference(self, results: Results, progress: Progress) -> None:
        person, sentences = Person(), self._lines.sentences
        pipeline = partial(run_reference, self.settings)
        async with on_stage(pipeline, SimulatedDuplex(person), person) as stage:
            count = _counter(progress, "reference", len(sentences))
            results.reference = await latency.play(stage, sentences, count)

    async def _interruptions(self, results: Results, progress: Progress) -> None:
        lines, amounts, person = self._lines, self._amounts, Person()
        interruptions = _at(barge_in.POINTS_MS, lines.interruptions, amounts.interruptions)
        sounds = _at(barge_in.POINTS_MS, lines.backchannels, amounts.backchannels)
        total = len(interruptions) + len(sounds)
        count = _counter(progress, "barge-in", total)
        async with on_stage(self._long_winded(1), SimulatedDuplex(person), person) as stage:
            results.interruptions = await barge_in.interrupt(
                stage, lines.prompts, lines.story, interruptions, count
            )
            results.backchannels = await barge_in.nod(
                stage, lines.prompts, lines.story, sounds, count
            )

    async def _room(
        self, results: Results, room: echo.Surroundings, number: int, progress: Progress
    ) -> None:
        lines, amounts = self._lines, self._amounts
        name = f"room of {room.rt60_s} s, echo at {room.echo_db:.0f} dB"
        # As loud as the echo of the assistant's voice.
        level_dbfs = lines.own_dbfs + room.echo_db
        prompts = [_louder(spoken, level_dbfs) for spoken in lines.prompts]
        # Each room hears other sentences at each moment.
        order = [*lines.interruptions[number:], *lines.interruptions[:number]]
        people = [_louder(spoken, level_dbfs) for spoken in order]
        interruptions = _at(echo.POINTS_MS, people, amounts.interruptions_a_room)
        count = _counter(progress, name, len(interruptions))
        person, acoustics = Person(), partial(Room, room.rt60_s, room.echo_db, seed=number)
        card = SimulatedDuplex(person, room=acoustics())
        async with on_stage(self._long_winded(1), card, person) as stage:
            interrupted = await barge_in.interrupt(
                stage, prompts, lines.story, interruptions, count
            )
        person = Person()
        card = SimulatedDuplex(person, room=acoustics(), pace=Pace.FAST)
        async with on_stage(self._long_winded(1), card, person) as stage:
            monologue = await echo.listen(
                stage,
                prompts,
                amounts.own_speech_s,
                lambda done_s: progress(f"{name}: own speech", done_s, amounts.own_speech_s),
            )
        results.rooms.append(RoomResult(room, tuple(interrupted), monologue))

    def _long_winded(self, times: int) -> Pipeline:
        """The assistant, whose language model tells the story so many times."""
        llm = msgspec.structs.replace(self.settings.llm, max_tokens=4096)
        settings = msgspec.structs.replace(self.settings, llm=llm)
        story = " ".join([self._lines.story] * times)
        return _voiced(settings, LongWindedEngines(settings, story))


def _voiced(settings: Settings, engines: Engines) -> Pipeline:
    async def run(
        source: AudioSource,
        open_sink: Callable[[int], AudioSink],
        observe: Observer,
        on_ready: Callable[[Addressee], None],
    ) -> None:
        await run_assistant(
            settings, source, open_sink, Activation.SPEECH, observe, on_ready, engines=engines
        )

    return run


def _at(points_ms: Sequence[int], sounds: Sequence[Spoken], count: int) -> list[tuple[Spoken, int]]:
    """The sounds, over and over, each at the next of the moments; no pair twice before it must be."""
    pairs: list[tuple[Spoken, int]] = []
    shift = 0
    for number, spoken in zip(range(count), cycle(sounds), strict=False):
        if number and number % len(sounds) == 0 and len(sounds) % len(points_ms) == 0:
            shift += 1
        pairs.append((spoken, points_ms[(number + shift) % len(points_ms)]))
    return pairs


def _hesitations(lines: Sequence[Line], count: int) -> list[tuple[Line, int]]:
    """Every line with every pause, or `count` of these, of other lines and other pauses."""
    everything = [(line, pause_ms) for pause_ms in pauses.PAUSES_MS for line in lines]
    if count >= len(everything):
        return everything
    return list(zip(thinned(lines, count), cycle(pauses.PAUSES_MS), strict=False))


def _louder(spoken: Spoken, level_dbfs: float) -> Spoken:
    return replace(spoken, parts=(at_level(spoken.samples, level_dbfs),))


def _counter(progress: Progress, scene: str, total: int) -> Callable[[], None]:
    done = 0
    progress(scene, done, total)

    def count() -> None:
        nonlocal done
        done += 1
        progress(scene, done, total)

    return count
