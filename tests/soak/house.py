"""The real pipeline with fake engines on a simulated sound card, for as long as somebody lives there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Final, TypeVar, cast

import msgspec

from tests.soak.card import EndlessDuplex
from tests.soak.engines import (
    CountingSkills,
    ForgetfulLlm,
    Lore,
    ThriftyWake,
    UnevenExecutor,
    all_words,
)
from tests.support.coded_speech import Codebook
from tests.support.fakes import FakeStt, FakeTts, FakeVad
from voiced.assistant import Assistant
from voiced.config import Settings
from voiced.core.conversation import Conversation
from voiced.core.signals import LeaveAsked, Outcome
from voiced.core.speculation import Speculation
from voiced.core.state import Activation, Phase
from voiced.ear import Ear
from voiced.events import AssistantEvent, PhaseChanged, TurnEnded
from voiced.inference import Hosted
from voiced.pipeline import Parts, Session
from voiced.responder import ReplyLimits, Responder
from voiced.skills.backchannels import Backchannels
from voiced.skills.recall import Recall
from voiced.skills.skillset import SkillSet
from voiced.tasks import unwrapped

E = TypeVar("E")

METER: Final = "read meter"
LIGHT: Final = "switch light"
STORY: Final = "tell me about"
SHORT: Final = "what is"

_SKILLS: Final = {METER: "meter {} is fine", LIGHT: "!light {} is on now"}
_MODEL: Final = {
    SHORT: "that is {}. no more.",
    STORY: "the story of {} is long. there was a king. he had no crown. his name was {}. "
    "he lived in a house of stone. the end of {}.",
}

_COSTS_S: Final = {"ear": 0.0, "stt": 0.004, "llm": 0.015, "tts": 0.02, "skills": 0.001}
"""What a call of an engine takes on average; the ear's must not be late."""


class House:
    """One assistant, and how its person tells what it does."""

    def __init__(self, random: Random) -> None:
        self.codebook = Codebook()
        answers = [*_SKILLS.values(), *_MODEL.values()]
        all_words(self.codebook, [*_SKILLS, *_MODEL, *answers, "okay nabu i do not know"])
        self.card = EndlessDuplex(self.codebook)
        self.stt = FakeStt(self.codebook)
        self.skills = CountingSkills(Lore(_SKILLS, {"stop": ""}))
        self.lore = (Lore(_SKILLS, {}), Lore(_MODEL, {}))
        """What the skills and the language model answer; a skill's effect is a "!"."""
        self.settings = Settings()
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.phase = Phase.IDLE
        self.sessions = 0
        self.is_reminding = False
        """Whether it says something, or is about to, that nobody asked for."""
        self._random = random
        self._next_settings: Settings | None = None
        self._assistant: Assistant | None = None
        self._reloaded = asyncio.Event()

    @property
    def assistant(self) -> Assistant:
        """The one of the session that runs."""
        assert self._assistant is not None, "nobody lives here"
        return self._assistant

    @asynccontextmanager
    async def lived_in(self) -> AsyncIterator[None]:
        """Run the assistant while the context lasts; raises what ends it before."""
        async with AsyncExitStack() as engines:

            async def hosted(name: str, engine: E) -> Hosted[E]:
                executor = UnevenExecutor(self._random, _COSTS_S[name])
                host = await Hosted.load(name, lambda: engine, executor)
                engines.push_async_callback(host.close)
                return host

            responder = Responder(
                cast("Hosted[SkillSet]", await hosted("skills", self.skills)),
                await hosted("llm", ForgetfulLlm(Lore(_MODEL, {}))),
                Conversation.begin("be brief"),
                ReplyLimits(100, 0.3),
                lambda: datetime(2026, 1, 1, tzinfo=UTC),
                backchannels=Backchannels("en"),
                recall=Recall("en"),
            )
            parts = Parts(
                await hosted("ear", Ear(FakeVad(), ThriftyWake(self.codebook))),
                await hosted("stt", self.stt),
                await hosted("tts", FakeTts(self.codebook)),
                responder,
                Speculation.FIRST_CLAUSE,
                ThriftyWake.phrases,
                FakeTts.rate_hz,
            )
            with unwrapped():
                async with asyncio.TaskGroup() as group, self.card.sink, self.card.source:
                    living = group.create_task(self._live(parts), name="house")
                    while self._assistant is None:
                        await asyncio.sleep(0.1)
                    yield
                    living.cancel()

    async def reload(self, settings: Settings) -> None:
        """End the session at the next quiet moment, and begin another with `settings`."""
        self._next_settings = settings
        self._reloaded.clear()
        self.assistant.post(LeaveAsked())
        await self._reloaded.wait()

    async def _live(self, parts: Parts) -> None:
        while True:
            self.sessions += 1
            level = self.settings.conversation.speculation
            if level != "auto":
                parts = replace(parts, speculation=Speculation(level))
            session = Session(
                self.settings,
                parts,
                Activation.WAKE,
                self.card.source,
                self.card.sink,
                self._observe,
                turns_begun=sum(self.outcomes.values()),
            )
            self._assistant = session.assistant
            self.phase = Phase.IDLE
            self._reloaded.set()
            await session.run()
            assert self._next_settings is not None, "the session ended by itself"
            self.settings, self._next_settings = self._next_settings, None

    def _observe(self, event: AssistantEvent) -> None:
        match event:
            case PhaseChanged(phase):
                self.phase = phase
            case TurnEnded(report):
                self.outcomes[report.outcome] += 1
            case _:
                pass


def other_manners(random: Random) -> Settings:
    """Some way of holding a conversation."""
    defaults = Settings()
    conversation = msgspec.structs.replace(
        defaults.conversation,
        barge_in=random.choice(("voice", "voice", "wake")),
        follow_up_ms=random.choice((0, 5000, 5000)),
        speculation=random.choice(("off", "transcript", "first-clause", "first-clause")),
    )
    return msgspec.structs.replace(defaults, conversation=conversation)
