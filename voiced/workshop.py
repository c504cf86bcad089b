"""What the configuration names is built here, and closed in order.

With `daemon.py` the composition root: nothing else names concrete engines, devices or files.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final, Self, TypeVar

import platformdirs
from msgspec import Struct

from voiced.audio.front_end import FrontEnd
from voiced.config import NO_ENGINE, Settings
from voiced.core.conversation import Conversation
from voiced.core.prompt import EXAMPLES
from voiced.core.state import Activation
from voiced.ear import Ear
from voiced.engines import registry
from voiced.engines.contracts import (
    BuildContext,
    LanguageModel,
    SpeechToText,
    TextToSpeech,
    VoiceActivityDetector,
    WakeWordDetector,
)
from voiced.errors import ModelError
from voiced.inference import Hosted
from voiced.models import ModelStore
from voiced.responder import ReplyLimits, Responder
from voiced.skills.backchannels import Backchannels
from voiced.skills.recall import Recall
from voiced.skills.sentence_cache import cached_sentences
from voiced.skills.skillset import SkillSet

_log = logging.getLogger(__name__)

_MOST_THREADS: Final = 4
"""More than four threads slow small models down: they spend their time waiting for each other."""

E = TypeVar("E")


class Engines:
    """Loads what the configuration names. Each call loads anew, and blocks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._context = BuildContext(
            models=ModelStore(),
            cache_dir=platformdirs.user_cache_path("voiced"),
            language=settings.language,
            threads=settings.threads or min(_MOST_THREADS, len(os.sched_getaffinity(0))),
            sentences=self._sentences,
        )

    def _sentences(self) -> Sequence[str]:
        return cached_sentences(self.settings.language, self._context.cache_dir)

    def vad(self) -> VoiceActivityDetector:
        return registry.build("vad", *self._chosen("vad", self.settings.vad.engine))

    def wake(self) -> WakeWordDetector:
        return registry.build("wake", *self._chosen("wake", self.settings.wake.engine))

    def ear(self, activation: Activation) -> Ear:
        """Voice activity, and the wake word where it may be said."""
        has_wake = self.settings.wake.enabled and activation is not Activation.KEY
        return Ear(self.vad(), self.wake() if has_wake else None, self.front_end())

    def front_end(self) -> FrontEnd | None:
        """What takes echo and noise out of the microphone's sound; None where nothing is to be done."""
        audio = self.settings.audio
        if not audio.echo_cancellation and not audio.noise_suppression:
            return None
        return FrontEnd(
            echo_cancellation=audio.echo_cancellation, noise_suppression=audio.noise_suppression
        )

    def stt(self) -> SpeechToText:
        return registry.build("stt", *self._chosen("stt", self.settings.stt.engine))

    def llm(self) -> LanguageModel:
        return registry.build("llm", *self._chosen("llm", self.settings.llm.engine))

    def tts(self) -> TextToSpeech:
        """The voice, or the one to fall back to where the first one's model is missing or broken."""
        name, fallback = self.settings.tts.engine, self.settings.tts.fallback
        try:
            return registry.build("tts", *self._chosen("tts", name))
        except ModelError as error:
            if fallback in (NO_ENGINE, name):
                raise
            _log.warning("%s; speaking with %s instead", error, fallback)
            return registry.build("tts", *self._chosen("tts", fallback))

    def skills(self) -> SkillSet:
        return SkillSet(self.settings.language, sentences=self._sentences())

    def _chosen(self, kind: str, name: str) -> tuple[str, Struct | None, BuildContext]:
        return name, self.settings.options(kind, name), self._context


class Workshop:
    """Gives engines threads, and closes all of them when it is left, last first."""

    def __init__(self, engines: Engines) -> None:
        self._settings = engines.settings
        self._engines = engines
        self._hosted = AsyncExitStack()

    @property
    def settings(self) -> Settings:
        """What it builds from."""
        return self._settings

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hosted.aclose()

    async def ear(self, activation: Activation) -> Hosted[Ear]:
        return await self._host("ear", lambda: self._engines.ear(activation))

    async def stt(self) -> Hosted[SpeechToText]:
        return await self._host("stt", self._engines.stt)

    async def tts(self) -> Hosted[TextToSpeech]:
        return await self._host("tts", self._engines.tts)

    async def responder(self) -> Responder:
        """Skills, the language model where there is one, and the conversation with both."""
        llm_settings = self._settings.llm
        skills = await self._host("skills", self._engines.skills)
        llm = None
        if llm_settings.engine != NO_ENGINE:
            llm = await self._host("llm", self._engines.llm)
        limits = ReplyLimits(llm_settings.max_tokens, self._settings.stt.min_confidence)
        conversation = Conversation.begin(llm_settings.system_prompt, EXAMPLES)
        language = self._settings.language
        return Responder(
            skills,
            llm,
            conversation,
            limits,
            datetime.now,
            backchannels=Backchannels(language),
            recall=Recall(language),
        )

    async def _host(self, name: str, build: Callable[[], E]) -> Hosted[E]:
        hosted = await Hosted.load(name, build)
        self._hosted.push_async_callback(hosted.close)
        return hosted
