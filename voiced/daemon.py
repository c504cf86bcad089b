"""The composition root: what the configuration names is built here, started, and stopped in order.

Nothing else names concrete engines, devices or files, and nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final, TypeVar

import platformdirs

from voiced.assistant import Assistant
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.device import DeviceSink, DeviceSource
from voiced.audio.earcons import earcon
from voiced.audio.portaudio import PortAudio
from voiced.config import NO_ENGINE, Settings
from voiced.core.clauses import ClauseSplitter
from voiced.core.conversation import Conversation
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.core.state import Activation
from voiced.engines import registry
from voiced.engines.contracts import BuildContext, LanguageModel, SpeechToText, TextToSpeech
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


def build_context(settings: Settings) -> BuildContext:
    """What engines may know of the world, from the configuration and this machine."""
    return BuildContext(
        models=ModelStore(),
        cache_dir=platformdirs.user_cache_path("voiced"),
        language=settings.language,
        threads=settings.threads or min(_MOST_THREADS, len(os.sched_getaffinity(0))),
        sentences=lambda: expected_sentences(settings.language),
    )


class Workshop:
    """Builds what the configuration names, each engine on a thread of its own.

    Everything that was built is closed when the workshop is left, last first.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built = AsyncExitStack()
        self.context = build_context(settings)

    async def __aenter__(self) -> Workshop:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._built.aclose()

    async def keep(self, loading: Coroutine[None, None, Hosted[E]]) -> Hosted[E]:
        """Wait for an engine and close it with the rest."""
        hosted = await loading
        self._built.push_async_callback(hosted.close)
        return hosted

    async def ear(self, activation: Activation) -> Hosted[Ear]:
        """Voice activity, and the wake word where it may be said."""
        chosen = self._settings

        def build() -> Ear:
            vad = registry.build(
                "vad", chosen.vad.engine, chosen.options("vad", chosen.vad.engine), self.context
            )
            if activation is Activation.KEY or not chosen.wake.enabled:
                return Ear(vad, None)
            options = chosen.options("wake", chosen.wake.engine)
            return Ear(vad, registry.build("wake", chosen.wake.engine, options, self.context))

        return await self.keep(Hosted.load("ear", build))

    async def stt(self) -> Hosted[SpeechToText]:
        """The recogniser."""
        name = self._settings.stt.engine
        options = self._settings.options("stt", name)
        return await self.keep(
            Hosted.load("stt", lambda: registry.build("stt", name, options, self.context))
        )

    async def llm(self) -> Hosted[LanguageModel] | None:
        """The language model; None where the configuration wants none."""
        name = self._settings.llm.engine
        if name == NO_ENGINE:
            return None
        options = self._settings.options("llm", name)
        return await self.keep(
            Hosted.load("llm", lambda: registry.build("llm", name, options, self.context))
        )

    async def tts(self) -> Hosted[TextToSpeech]:
        """The voice, or the one to fall back to where the first one's model is missing or broken."""
        name, fallback = self._settings.tts.engine, self._settings.tts.fallback
        try:
            return await self._voice(name)
        except ModelError as error:
            if fallback in (NO_ENGINE, name):
                raise
            _log.warning("%s; speaking with %s instead", error, fallback)
            return await self._voice(fallback)

    async def _voice(self, name: str) -> Hosted[TextToSpeech]:
        options = self._settings.options("tts", name)
        return await self.keep(
            Hosted.load("tts", lambda: registry.build("tts", name, options, self.context))
        )

    async def responder(self) -> Responder:
        """Skills, language model, and the conversation between them."""
        settings = self._settings
        skills, llm = await asyncio.gather(
            self.keep(Hosted.load("skills", lambda: SkillSet(settings.language))), self.llm()
        )
        conversation = Conversation(settings.llm.system_prompt)
        limits = ReplyLimits(settings.llm.max_tokens, settings.stt.min_confidence)
        return Responder(skills, llm, conversation, limits, datetime.now)


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
            await _run_together(assistant, listener, stages.player)


async def _run_together(assistant: Assistant, listener: Listener, player: Player) -> None:
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


def microphone(settings: Settings, portaudio: PortAudio) -> AudioSource:
    """The microphone that the configuration names."""
    audio = settings.audio
    return DeviceSource(portaudio, audio.input, latency_ms=audio.latency_ms)


def speaker(settings: Settings, portaudio: PortAudio, rate_hz: int) -> AudioSink:
    """The speaker that the configuration names."""
    audio = settings.audio
    return DeviceSink(portaudio, audio.output, latency_ms=audio.latency_ms, rate_hz=rate_hz)


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
    return {name: earcon(name, rate_hz) for name in Earcon}
