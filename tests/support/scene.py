"""Scripted conversations on virtual time: the real pipeline, fake engines, a simulated sound card."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from tests.support.coded_speech import Codebook, silence
from tests.support.fakes import FakeLlm, FakeSkills, FakeStt, FakeTts, FakeVad, FakeWake
from tests.support.virtual_time import VirtualExecutor, run_virtual
from voiced.assistant import Assistant
from voiced.audio.earcons import earcon
from voiced.audio.simulated import SimulatedDuplex
from voiced.core.conversation import Conversation
from voiced.core.endpointing import Endpointer
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.core.speculation import Speculation
from voiced.core.state import Activation, BargeIn, Manners, State
from voiced.draft import Stages
from voiced.ear import Ear
from voiced.events import (
    AssistantEvent,
    Heard,
    PhaseChanged,
    ReplyGrew,
    TranscriptGrew,
    TurnEnded,
    TurnReport,
    Understood,
    Woken,
)
from voiced.hearing import Hearing
from voiced.inference import Hosted
from voiced.listener import Listener, Windows
from voiced.pipeline import run_together
from voiced.player import Player
from voiced.responder import ReplyLimits, Responder
from voiced.skills.contracts import World
from voiced.skills.phrases import Phrases
from voiced.tasks import unwrapped
from voiced.types import SAMPLE_RATE_HZ, AudioChunk, Earcon

E = TypeVar("E")


@dataclass
class Scene:
    """One conversation. `script` plays the person; everything else is built with the defaults."""

    activation: Activation = Activation.WAKE
    barge_in: BargeIn = BargeIn.VOICE
    can_hear_itself: bool = False
    follow_up_ms: int = 0
    speculation: Speculation = Speculation.FIRST_CLAUSE
    skills: Mapping[str, str] = field(default_factory=lambda: {"what time is it": "noon"})
    answers: Mapping[str, str] = field(default_factory=dict)
    end_shares: Mapping[str, float] = field(default_factory=dict)
    ends: Callable[[str], float | None] = lambda _: None
    """How likely the language model takes a sentence for whole."""
    cost_s: float = 0.0
    """How long each call of an engine takes, in virtual time."""
    llm_cost_s: float | None = None
    """The same of the language model, where it is slower than the others."""
    interrupted_at: int = 0
    """For scripts: the sample where what they said last ends."""

    def __post_init__(self) -> None:
        self.codebook = Codebook()
        self.stt = FakeStt(self.codebook)
        self.llm = FakeLlm(self.answers, self.ends)
        self.fake_skills = FakeSkills(self.skills, self.end_shares)
        self.events: list[AssistantEvent] = []
        self._happened = asyncio.Event()

    def play(self, script: Callable[[Scene], Awaitable[None]]) -> Scene:
        """Run the conversation to its end; afterwards `events`, `heard` and `reports` tell of it."""
        run_virtual(self._play(script))
        return self

    # For scripts

    def say(self, text: str, *, pause_ms: float = 0) -> None:
        """The person says `text` after what they are saying, then nothing for `pause_ms`."""
        self.card.say(self.codebook.say(text))
        self.card.say(silence(pause_ms))

    async def until(self, wanted: Callable[[AssistantEvent], bool]) -> None:
        """Wait for an event."""
        seen = len(self.events)
        while not any(wanted(event) for event in self.events[seen:]):
            self._happened.clear()
            await self._happened.wait()

    async def answered(self) -> None:
        """Wait for the end of the next turn."""
        await self.until(lambda event: isinstance(event, TurnEnded))

    # What became of it

    @property
    def heard(self) -> str:
        """The words that came out of the speaker."""
        return self.codebook.read(self.recording[:, 1])

    @property
    def reports(self) -> list[TurnReport]:
        return [event.report for event in self.events if isinstance(event, TurnEnded)]

    @property
    def story(self) -> list[str]:
        """The events in order, as short lines; levels and growing transcripts left out."""
        return [_line(e) for e in self.events if not isinstance(e, Heard | TranscriptGrew)]

    def _observe(self, event: AssistantEvent) -> None:
        self.events.append(event)
        self._happened.set()

    async def _play(self, script: Callable[[Scene], Awaitable[None]]) -> None:
        self.card = SimulatedDuplex()
        wake = None if self.activation is Activation.KEY else FakeWake(self.codebook)
        ear = await self._hosted("ear", Ear(FakeVad(), wake))
        stt = await self._hosted("stt", self.stt)
        llm = await self._hosted("llm", self.llm, self.llm_cost_s)
        tts = await self._hosted("tts", FakeTts(self.codebook))
        skills = await self._hosted("skills", self.fake_skills)
        async with self.card.sink as sink, self.card.source as source:
            self.responder = Responder(
                skills,
                llm,
                Conversation.begin("be brief"),
                ReplyLimits(60, 0.3),
                World(lambda: datetime(2026, 1, 1, tzinfo=UTC)),
                Phrases.of("en"),
            )
            prefix = self.responder.conversation.prefix
            await llm.run(lambda model: model.begin(prefix, threading.Event()))
            hearing = Hearing(
                stt, ("okay nabu",), reads_pauses=self.speculation is not Speculation.OFF
            )
            self.player = Player(sink)
            manners = Manners(
                self.activation, self.barge_in, self.follow_up_ms > 0, self.can_hear_itself
            )
            self.assistant = Assistant(
                State(manners),
                hearing,
                Endpointer(),
                Stages(self.responder, tts, self.player, self.speculation),
                {name: AudioChunk(earcon(name, SAMPLE_RATE_HZ)) for name in Earcon},
                self._observe,
            )
            segmenter = Segmenter(SegmenterSettings())
            listener = Listener(
                source,
                ear,
                segmenter,
                self.assistant.post,
                self._observe,
                Windows(20_000, self.follow_up_ms or 5_000),
            )
            with unwrapped():
                async with asyncio.TaskGroup() as both:
                    both.create_task(script(self))
                    await run_together(self.assistant, listener, self.player)
            self.recording = self.card.recording()
        for hosted in (ear, stt, llm, tts, skills):
            await hosted.close()

    async def _hosted(self, name: str, engine: E, cost_s: float | None = None) -> Hosted[E]:
        cost_s = self.cost_s if cost_s is None else cost_s
        return await Hosted.load(name, lambda: engine, VirtualExecutor(cost_s))


def _line(event: AssistantEvent) -> str:
    match event:
        case PhaseChanged(phase):
            return f"[{phase.value}]"
        case Woken(phrase=phrase):
            return f"wake: {phrase}"
        case Understood(transcript=transcript):
            return f"you: {transcript.text}"
        case ReplyGrew(clause=clause):
            return f"voiced: {clause}"
        case TurnEnded(report):
            return f"turn {report.turn_id}: {report.outcome.value}"
        case _:
            return repr(event)
