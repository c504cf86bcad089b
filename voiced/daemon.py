"""The composition root: what the configuration names is built here, started, and stopped in order.

Nothing else names concrete engines, devices or files, and nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import cached_property
from typing import Final, Self, TypeVar

import numpy as np
import platformdirs
from msgspec import Struct

from voiced.assistant import Assistant
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.device import DeviceSink, DeviceSource
from voiced.audio.earcons import earcon
from voiced.audio.portaudio import PortAudio
from voiced.config import NO_ENGINE, Settings
from voiced.core.clauses import ClauseSplitter
from voiced.core.conversation import Conversation
from voiced.core.prompt import EXAMPLES
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.core.state import Activation
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
from voiced.events import Observer, TurnReport
from voiced.hearing import Hearing
from voiced.inference import Hosted
from voiced.listener import Ear, Listener
from voiced.models import ModelStore
from voiced.player import Player, playing
from voiced.responder import ReplyLimits, Responder
from voiced.skills.sentences import expected_sentences
from voiced.skills.skillset import SkillSet
from voiced.speech import speak
from voiced.tasks import unwrapped
from voiced.turn import Stages, Turn
from voiced.types import Earcon, Samples

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
            sentences=lambda: expected_sentences(settings.language),
        )

    def vad(self) -> VoiceActivityDetector:
        return registry.build("vad", *self._chosen("vad", self.settings.vad.engine))

    def wake(self) -> WakeWordDetector:
        return registry.build("wake", *self._chosen("wake", self.settings.wake.engine))

    def ear(self, activation: Activation) -> Ear:
        """Voice activity, and the wake word where it may be said."""
        has_wake = self.settings.wake.enabled and activation is not Activation.KEY
        return Ear(self.vad(), self.wake() if has_wake else None)

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
        return SkillSet(self.settings.language)

    def _chosen(self, kind: str, name: str) -> tuple[str, Struct | None, BuildContext]:
        return name, self.settings.options(kind, name), self._context


class Workshop:
    """Gives engines threads, and closes all of them when it is left, last first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines = Engines(settings)
        self._hosted = AsyncExitStack()

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
        return Responder(skills, llm, conversation, limits, datetime.now)

    async def _host(self, name: str, build: Callable[[], E]) -> Hosted[E]:
        hosted = await Hosted.load(name, build)
        self._hosted.push_async_callback(hosted.close)
        return hosted


async def run_assistant(
    settings: Settings,
    source: AudioSource,
    open_sink: Callable[[int], AudioSink],
    activation: Activation,
    observe: Observer,
    on_ready: Callable[[Assistant], None] = lambda _: None,
) -> None:
    """Run the whole pipeline until the source ends and the last answer has been given.

    Engines are loaded side by side, then the source and the sink are opened (`open_sink` is given the
    voice's sample rate), then `on_ready` is called. Cancel it to stop: the speaker falls silent, tasks
    end, devices and engines are closed, in this order.
    Raises `VoicedError` for what cannot be built or opened, and for what ends a permanent task.
    """
    async with Workshop(settings) as workshop:
        with unwrapped():
            async with asyncio.TaskGroup() as loading:
                ear = loading.create_task(workshop.ear(activation))
                stt = loading.create_task(workshop.stt())
                tts = loading.create_task(workshop.tts())
                responder = loading.create_task(workshop.responder())
        await responder.result().warm_up()
        # What is loaded stays: the collector need not walk over it in the middle of a turn, which takes
        # up to 80 ms for hassil's tables alone (measured here).
        gc.collect()
        gc.freeze()
        is_streaming = await stt.result().run(lambda engine: engine.is_streaming)
        hearing = Hearing(
            stt.result(),
            is_streaming=is_streaming,
            silence_ms=settings.endpointing.silence_ms,
            wake_phrases=await ear.result().run(lambda ear: ear.phrases),
        )
        sink = open_sink(await tts.result().run(lambda voice: voice.rate_hz))
        async with sink, source:
            stages = Stages(responder.result(), tts.result(), Player(sink))
            earcons = _earcons(settings, sink.rate_hz)
            assistant = Assistant(activation, hearing, stages, earcons, observe)
            listener = Listener(
                source,
                ear.result(),
                Segmenter(_segmenter_settings(settings, activation)),
                assistant.post,
                observe,
                max_held_ms=settings.segmenter.max_utterance_ms,
            )
            on_ready(assistant)
            await run_together(assistant, listener, stages.player)


async def run_together(assistant: Assistant, listener: Listener, player: Player) -> None:
    """Run the permanent tasks until the assistant has nothing more to do; a failure of one ends all."""
    with unwrapped():
        async with asyncio.TaskGroup() as permanent:
            others = (
                permanent.create_task(player.run(), name="player"),
                permanent.create_task(listener.run(), name="listener"),
            )
            await assistant.run(listener)
            for task in others:
                task.cancel()


async def answer_text(
    settings: Settings, text: str, open_sink: Callable[[int], AudioSink], observe: Observer
) -> TurnReport:
    """Answer one typed question, and speak the answer into a sink. Raises `VoicedError`."""
    async with Workshop(settings) as workshop:
        with unwrapped():
            async with asyncio.TaskGroup() as loading:
                tts = loading.create_task(workshop.tts())
                responder = loading.create_task(workshop.responder())
        rate_hz = await tts.result().run(lambda voice: voice.rate_hz)
        async with open_sink(rate_hz) as sink, playing(sink) as player:
            stages = Stages(responder.result(), tts.result(), player)
            return await Turn(1, stages, lambda _: None, observe).read(text)


async def say_text(settings: Settings, text: str, open_sink: Callable[[int], AudioSink]) -> None:
    """Speak `text` into a sink. Raises `VoicedError`."""
    async with Workshop(settings) as workshop:
        tts = await workshop.tts()
        rate_hz = await tts.run(lambda voice: voice.rate_hz)
        async with open_sink(rate_hz) as sink, playing(sink) as player:
            await speak(_clauses(text), tts, player.begin())


async def _clauses(text: str) -> AsyncIterator[str]:
    splitter = ClauseSplitter()
    for clause in (*splitter.push(text), *splitter.flush()):
        yield clause


class Devices:
    """The microphone and the speaker that the configuration names; PortAudio starts with the first."""

    def __init__(self, settings: Settings) -> None:
        self._audio = settings.audio

    def microphone(self) -> AudioSource:
        """Raises `DeviceError` where there is no PortAudio."""
        return DeviceSource(self._portaudio, self._audio.input, latency_ms=self._audio.latency_ms)

    def speaker(self, rate_hz: int) -> AudioSink:
        """Best fed at `rate_hz`. Raises `DeviceError` where there is no PortAudio."""
        return DeviceSink(
            self._portaudio,
            self._audio.output,
            latency_ms=self._audio.latency_ms,
            rate_hz=rate_hz,
        )

    @cached_property
    def _portaudio(self) -> PortAudio:
        return PortAudio()


def _segmenter_settings(settings: Settings, activation: Activation) -> SegmenterSettings:
    speech, ends = settings.segmenter, settings.endpointing
    waits_for_ever = activation is Activation.SPEECH
    return SegmenterSettings(
        start_probability=speech.start_probability,
        stop_probability=speech.end_probability,
        onset_ms=speech.min_speech_ms,
        pre_roll_ms=speech.pre_roll_ms,
        pause_ms=ends.pause_ms,
        patience_ms=ends.silence_ms,
        max_utterance_ms=speech.max_utterance_ms,
        no_speech_ms=0 if waits_for_ever else ends.listen_timeout_ms,
    )


def _earcons(settings: Settings, rate_hz: int) -> dict[Earcon, Samples]:
    if not settings.sounds.enabled:
        return {}
    volume = settings.sounds.volume_percent / 100
    return {name: (earcon(name, rate_hz) * volume).astype(np.int16) for name in Earcon}
