"""Scripted conversations on virtual time: the real pipeline, fake engines, a simulated sound card."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from tests.support.coded_speech import Codebook, silence
from tests.support.fakes import FakeLlm, FakeStt, FakeTts, FakeVad, FakeWake
from tests.support.virtual_time import VirtualExecutor, run_virtual
from voiced.assistant import Assistant
from voiced.audio.earcons import earcon
from voiced.audio.simulated import SimulatedDuplex
from voiced.core.conversation import Conversation
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.core.state import Activation
from voiced.daemon import run_together
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
from voiced.listener import Ear, Listener
from voiced.player import Player
from voiced.responder import ReplyLimits, Responder
from voiced.skills.contracts import SkillMatch, World
from voiced.turn import Stages
from voiced.types import SAMPLE_RATE_HZ, Earcon, SkillReply

E = TypeVar("E")


class FakeSkills:
    """Skills that are a table."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        self._replies = replies

    def match(self, text: str) -> SkillMatch | None:
        return SkillMatch(text, text) if text in self._replies else None

    def answer(self, match: SkillMatch, world: World) -> SkillReply:
        return SkillReply(match.intent, self._replies[match.intent])


@dataclass
class Scene:
    """One conversation. `script` plays the person; everything else is built with the defaults."""

    activation: Activation = Activation.WAKE
    skills: Mapping[str, str] = field(default_factory=lambda: {"what time is it": "noon"})
    answers: Mapping[str, str] = field(default_factory=dict)
    cost_s: float = 0.0
    """How long each call of an engine takes, in virtual time."""

    def __post_init__(self) -> None:
        self.codebook = Codebook()
        self.stt = FakeStt(self.codebook)
        self.llm = FakeLlm(self.answers)
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
        llm = await self._hosted("llm", self.llm)
        tts = await self._hosted("tts", FakeTts(self.codebook))
        skills = await self._hosted("skills", FakeSkills(self.skills))
        async with self.card.sink as sink, self.card.source as source:
            self.responder = Responder(
                skills,
                llm,
                Conversation.begin("be brief"),
                ReplyLimits(60, 0.3),
                lambda: datetime(2026, 1, 1, tzinfo=UTC),
            )
            hearing = Hearing(stt, is_streaming=True, silence_ms=700, wake_phrases=("okay nabu",))
            stages = Stages(self.responder, tts, Player(sink))
            earcons = {name: earcon(name, SAMPLE_RATE_HZ) for name in Earcon}
            self.assistant = Assistant(self.activation, hearing, stages, earcons, self._observe)
            segmenter = Segmenter(SegmenterSettings())
            listener = Listener(
                source, ear, segmenter, self.assistant.post, self._observe, max_held_ms=20_000
            )
            person = asyncio.ensure_future(script(self))
            await run_together(self.assistant, listener, stages.player)
            await person
            self.recording = self.card.recording()
        for hosted in (ear, stt, llm, tts, skills):
            await hosted.close()

    async def _hosted(self, name: str, engine: E) -> Hosted[E]:
        return await Hosted.load(name, lambda: engine, VirtualExecutor(self.cost_s))


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
