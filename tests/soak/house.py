"""The real pipeline with fake engines on a simulated sound card, for as long as somebody lives there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random
from typing import Final, cast

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
from voiced.audio.reconnecting import ReconnectingSink, ReconnectingSource
from voiced.config import Settings
from voiced.core.signals import Outcome
from voiced.core.state import Activation, Phase
from voiced.ear import Ear
from voiced.engines.contracts import LanguageModel, SpeechToText, TextToSpeech
from voiced.events import AssistantEvent, PhaseChanged, TurnEnded
from voiced.models import ModelStore
from voiced.sessions import Sessions
from voiced.skills.contracts import World
from voiced.skills.skillset import SkillSet
from voiced.sound import OnMicrophone, OnSpeaker, Sound
from voiced.tasks import unwrapped
from voiced.workshop import Engines

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

_REHEARSED: Final = {"how far away is the moon": "far."}
"""What is asked before anybody lives there."""

_COSTS_S: Final = {"ear": 0.0, "stt": 0.004, "llm": 0.015, "tts": 0.02, "skills": 0.001}
"""What a call of an engine takes on average; the ear's must not be late."""


class FakeEngines(Engines):
    """Gives what it was given, whatever is configured; each call takes a random time."""

    def __init__(self, settings: Settings, house: House, random: Random) -> None:
        super().__init__(settings, house.models)
        self._house = house
        self._random = random

    def executor(self, name: str) -> Executor:
        return UnevenExecutor(self._random, _COSTS_S[name])

    def ear(self, activation: Activation) -> Ear:
        return Ear(FakeVad(), ThriftyWake(self._house.codebook))

    def stt(self) -> SpeechToText:
        return self._house.stt

    def llm(self) -> LanguageModel:
        return ForgetfulLlm(Lore(_MODEL, _REHEARSED))

    def tts(self) -> TextToSpeech:
        return FakeTts(self._house.codebook)

    def skills(self) -> SkillSet:
        return cast("SkillSet", self._house.skills)


class House:
    """One assistant, and how its person tells what it does."""

    def __init__(self, random: Random) -> None:
        self.codebook = Codebook()
        answers = [*_SKILLS.values(), *_MODEL.values(), *_REHEARSED.values()]
        all_words(self.codebook, [*_SKILLS, *_MODEL, *answers, "okay nabu i do not know"])
        self.card = EndlessDuplex(self.codebook)
        self.models = ModelStore()
        self.stt = FakeStt(self.codebook)
        self.skills = CountingSkills(Lore(_SKILLS, {"stop": ""}))
        self.lore = (Lore(_SKILLS, {}), Lore(_MODEL, {}))
        """What the skills and the language model answer; a skill's effect is a "!"."""
        self.settings = _with_manners(Settings(), speculation="first-clause")
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.phase = Phase.IDLE
        self.reloads = 0
        self.is_reminding = False
        """Whether it says something, or is about to, that nobody asked for."""
        self.sessions = Sessions(
            lambda settings: FakeEngines(settings, self, random),
            self._open_sound,
            self._observe,
            World(datetime.now),
        )

    @property
    def assistant(self) -> Assistant:
        """The one of the session that runs."""
        return self.sessions.session.assistant

    @asynccontextmanager
    async def lived_in(self) -> AsyncIterator[None]:
        """Run the assistant while the context lasts; raises what ends it before."""
        with unwrapped():
            async with asyncio.TaskGroup() as group:
                living = group.create_task(self.sessions.run(self.settings), name="house")
                await self.sessions.begun()
                yield
                living.cancel()

    async def reload(self, settings: Settings) -> None:
        """Go on with `settings` from the next quiet moment on."""
        await self.sessions.reload(settings)
        self.settings = settings
        self.reloads += 1

    def _open_sound(
        self,
        settings: Settings,
        rate_hz: int,
        on_microphone: OnMicrophone,
        on_speaker: OnSpeaker,
        *,
        is_muted: bool,
    ) -> Sound:
        return Sound(
            ReconnectingSource(lambda: self.card.source, on_microphone, is_muted=is_muted),
            ReconnectingSink(lambda: self.card.sink, rate_hz, on_speaker),
        )

    def _observe(self, event: AssistantEvent) -> None:
        match event:
            case PhaseChanged(phase):
                self.phase = phase
            case TurnEnded(report):
                self.outcomes[report.outcome] += 1
            case _:
                pass


def other_manners(random: Random) -> Settings:
    """Some way of holding a conversation; at times another echo canceller, too, and so another ear."""
    defaults = Settings()
    audio = msgspec.structs.replace(defaults.audio, noise_suppression=random.random() < 0.5)
    return _with_manners(
        msgspec.structs.replace(defaults, audio=audio),
        barge_in=random.choice(("voice", "voice", "wake")),
        follow_up_ms=random.choice((0, 5000, 5000)),
        speculation=random.choice(("off", "transcript", "first-clause", "first-clause")),
    )


def _with_manners(settings: Settings, **manners: str | int) -> Settings:
    conversation = msgspec.structs.replace(settings.conversation, **manners)
    return msgspec.structs.replace(settings, conversation=conversation)
