"""What the configuration names is built here, kept working, and closed.

With `pipeline.py` and `daemon.py` the composition root: nothing else names concrete engines or devices.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Self, TypeVar, cast

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
from voiced.events import Observer
from voiced.inference import Host
from voiced.isolation import isolated
from voiced.models import ModelStore
from voiced.responder import ReplyLimits, Responder
from voiced.skills.contracts import World
from voiced.skills.phrases import Phrases
from voiced.skills.sentence_cache import cached_sentences
from voiced.skills.skillset import SkillSet
from voiced.supervised import Supervised
from voiced.types import Message

_log = logging.getLogger(__name__)

_MOST_THREADS: Final = 4
"""More than four threads slow small models down: they spend their time waiting for each other."""

_EAR_DEADLINE_S: Final = 5.0
"""A block takes the ear a millisecond; so long it may be deaf."""

_READING: Final = 4
"""How many times as long as anything else it may take the language model to read a long conversation."""

E = TypeVar("E")


class Engines:
    """Loads what the configuration names. Each call loads anew, and blocks."""

    def __init__(self, settings: Settings, models: ModelStore | None = None) -> None:
        """`models` where somebody builds again and again: to read the catalogue takes memory."""
        self.settings = settings
        self._context = BuildContext(
            models=models or ModelStore(),
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
        return cast("SpeechToText", self._built("stt", self.settings.stt.engine))

    def llm(self) -> LanguageModel:
        return cast("LanguageModel", self._built("llm", self.settings.llm.engine))

    def tts(self) -> TextToSpeech:
        return cast("TextToSpeech", self._built("tts", self.settings.tts.engine))

    def stand_in_llm(self) -> LanguageModel:
        """What answers where the language model cannot."""
        return cast("LanguageModel", self._built("llm", self.settings.llm.fallback))

    def stand_in_tts(self) -> TextToSpeech:
        """What speaks where the voice cannot."""
        return cast("TextToSpeech", self._built("tts", self.settings.tts.fallback))

    def skills(self) -> SkillSet:
        return SkillSet(self.settings.language, sentences=self._sentences())

    def executor(self, name: str) -> Executor | None:  # noqa: ARG002  # for those who override it
        """What the engine of that name lives on; None for a thread of its own."""
        return None

    def recipe(self, kind: str, *names: str) -> tuple[object, ...]:
        """What engines of that kind and these names are made from: equal where they would be the same."""
        settings = self.settings
        return (
            *((name, settings.options(kind, name)) for name in names),
            settings.language,
            settings.threads,
            kind in settings.engines.isolate,
            settings.engines.deadline_ms,
        )

    def _built(self, kind: Literal["stt", "llm", "tts"], name: str) -> object:
        if kind in self.settings.engines.isolate:
            return isolated(kind, *self._chosen(kind, name))
        return registry.build(kind, *self._chosen(kind, name))

    def _chosen(self, kind: str, name: str) -> tuple[str, Struct | None, BuildContext]:
        return name, self.settings.options(kind, name), self._context


@dataclass(frozen=True, slots=True)
class Part:
    """An engine, and what it was made from."""

    recipe: object
    host: Supervised[Any]


class Workshop:
    """Builds engines on threads of their own, keeps them working, and closes all when it is left.

    With a workshop `before`, what would be the same is taken from there and not built again; nothing
    changes there until `take_over`.
    """

    def __init__(
        self, engines: Engines, observe: Observer = lambda _: None, before: Workshop | None = None
    ) -> None:
        """`observe` is told of engines that fail, and work again."""
        self._engines = engines
        self._observe = observe
        self._before = before
        self.parts: dict[str, Part] = {}
        """What it has, by name."""

    @property
    def settings(self) -> Settings:
        """What it builds from."""
        return self._engines.settings

    @property
    def threads_lost(self) -> int:
        """How many threads hang for good in engines that were given up."""
        return sum(part.host.threads_lost for part in self.parts.values())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what was built here, or taken over, the last first."""
        inherited = () if self._before is None else self._before.parts.values()
        for part in reversed(self.parts.values()):
            if part not in inherited:
                await part.host.close()
        self.parts.clear()

    async def take_over(self) -> None:
        """Own what was taken from the workshop before, and close the rest of it."""
        if self._before is None:
            return
        before, self._before = self._before, None
        for name, part in self.parts.items():
            if before.parts.get(name) == part:
                del before.parts[name]
        await before.close()

    async def ear(self, activation: Activation) -> Host[Ear]:
        settings, engines = self.settings, self._engines
        recipe = (
            activation,
            settings.wake.enabled,
            settings.audio.echo_cancellation,
            settings.audio.noise_suppression,
            engines.recipe("vad", settings.vad.engine),
            engines.recipe("wake", settings.wake.engine),
        )
        return await self._part(
            "ear", recipe, [lambda: engines.ear(activation)], deadline_s=_EAR_DEADLINE_S
        )

    async def stt(self) -> Host[SpeechToText]:
        engines = self._engines
        recipe = engines.recipe("stt", self.settings.stt.engine)
        return await self._part("stt", recipe, [engines.stt])

    async def tts(self) -> Host[TextToSpeech]:
        engines, wanted = self._engines, self.settings.tts
        builds = [engines.tts]
        if wanted.fallback not in (NO_ENGINE, wanted.engine):
            builds.append(engines.stand_in_tts)
        recipe = engines.recipe("tts", wanted.engine, wanted.fallback)
        return _told(await self._part("tts", recipe, builds), wanted.engine, wanted.fallback)

    async def llm(self, prefix: Sequence[Message]) -> Host[LanguageModel] | None:
        """The language model, which has read `prefix` already; None where none is wanted."""
        engines, wanted = self._engines, self.settings.llm
        if wanted.engine == NO_ENGINE:
            return None
        builds = [partial(_begun, engines.llm, prefix)]
        if wanted.fallback not in (NO_ENGINE, wanted.engine):
            builds.append(partial(_begun, engines.stand_in_llm, prefix))
        recipe = (tuple(prefix), engines.recipe("llm", wanted.engine, wanted.fallback))
        host = await self._part("llm", recipe, builds, deadline_s=_READING * self._deadline_s)
        return _told(host, wanted.engine, wanted.fallback)

    async def responder(self, world: World) -> Responder:
        """Skills, the language model where there is one, and a new conversation with both."""
        wanted, language = self.settings.llm, self.settings.language
        skills = await self._part("skills", language, [self._engines.skills])
        conversation = Conversation.begin(wanted.system_prompt, EXAMPLES)
        return Responder(
            skills,
            await self.llm(conversation.prefix),
            conversation,
            ReplyLimits(wanted.max_tokens, self.settings.stt.min_confidence),
            world,
            Phrases.of(language),
        )

    @property
    def _deadline_s(self) -> float:
        return self.settings.engines.deadline_ms / 1000

    async def _part(
        self,
        name: str,
        recipe: object,
        builds: Sequence[Callable[[], E]],
        *,
        deadline_s: float | None = None,
    ) -> Supervised[E]:
        part = None if self._before is None else self._before.parts.get(name)
        if part is None or part.recipe != recipe:
            host = await Supervised.load(
                name,
                builds,
                self._observe,
                deadline_s=deadline_s or self._deadline_s,
                new_executor=partial(self._engines.executor, name),
            )
            part = Part(recipe, host)
        self.parts[name] = part
        return part.host


def _told(host: Supervised[E], engine: str, fallback: str) -> Supervised[E]:
    if host.is_substituted:
        _log.warning("%s: %s stands in for %s", host.name, fallback, engine)
    return host


def _begun(build: Callable[[], LanguageModel], prefix: Sequence[Message]) -> LanguageModel:
    model = build()
    try:
        model.begin(prefix, threading.Event())
    except BaseException:
        model.close()
        raise
    return model
