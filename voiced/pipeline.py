"""What `workshop.py` builds is put together here, started, and stopped in order.

A `Session` is one assistant on open devices. The commands that run once and end use it from here, the one
that stays up for months from `daemon.py`. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np

from voiced.assistant import Assistant, Tap
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.device import DeviceSink, DeviceSource
from voiced.audio.earcons import earcon
from voiced.audio.pace import Pace
from voiced.audio.portaudio import PortAudio
from voiced.config import Settings
from voiced.core.clauses import ClauseSplitter
from voiced.core.endpointing import Endpointer, PatienceLimits
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.core.speculation import Speculation, affordable
from voiced.core.state import Activation, BargeIn, Manners, State
from voiced.draft import Stages
from voiced.ear import Ear
from voiced.engines.contracts import SpeechToText, TextToSpeech
from voiced.events import Observer, TurnReport
from voiced.hearing import Hearing
from voiced.inference import Host
from voiced.listener import Listener, Windows
from voiced.player import Player, playing
from voiced.rehearsal import Rehearsed, rehearse
from voiced.responder import Responder
from voiced.skills.contracts import World
from voiced.speech import speak
from voiced.tasks import unwrapped
from voiced.turn import Turn
from voiced.types import AudioChunk, Earcon
from voiced.workshop import Engines, Workshop

_log = logging.getLogger(__name__)

_ANSWER_MS: Final = 5_000
"""How long it listens after a question of its own where it otherwise does not."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The engines of one configuration, ready to work, and what was found out about them."""

    ear: Host[Ear]
    stt: Host[SpeechToText]
    tts: Host[TextToSpeech]
    responder: Responder
    speculation: Speculation
    wake_phrases: tuple[str, ...]
    voice_rate_hz: int


async def load_parts(workshop: Workshop, activation: Activation, world: World) -> Parts:
    """Load all engines side by side. Raises `VoicedError`."""
    with unwrapped():
        async with asyncio.TaskGroup() as loading:
            ear = loading.create_task(workshop.ear(activation))
            stt = loading.create_task(workshop.stt())
            tts = loading.create_task(workshop.tts())
            responder = loading.create_task(workshop.responder(world))
    return Parts(
        ear.result(),
        stt.result(),
        tts.result(),
        responder.result(),
        Speculation.OFF,
        wake_phrases=await ear.result().run(lambda ear: ear.phrases),
        voice_rate_hz=await tts.result().run(lambda voice: voice.rate_hz),
    )


async def rehearsed(settings: Settings, parts: Parts) -> Parts:
    """`parts` once they have answered a question, and with as much speculation as they have time for.

    Nobody may be using them. Raises `EngineError`.
    """
    took = await rehearse(parts.stt, parts.responder, parts.tts)
    # What is loaded stays: the collector need not walk over it in the middle of a turn, which takes
    # up to 80 ms for hassil's tables alone (measured here). What others took the place of may go.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return replace(parts, speculation=_speculation(settings, took))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a session finds: how many turns have been before, and whether the microphone delivers.

    One that `follows` another has no need to say that it is ready. `volume_percent` where it is another than
    configured. `has_far_end` where the speaker has one whenever it is there. `pace` as for `Listener`.
    """

    turns_begun: int = 0
    can_hear: bool = True
    follows: bool = False
    volume_percent: int | None = None
    has_far_end: bool = False
    pace: Pace | None = None


_AT_FIRST: Final = Circumstances()


class Session:
    """The permanent tasks of one configuration on devices that are open."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        activation: Activation,
        source: AudioSource,
        sink: AudioSink,
        observe: Observer,
        tap: Tap = lambda _turn_id, _utterance: None,
        found: Circumstances = _AT_FIRST,
    ) -> None:
        """`tap` as for `Assistant`."""
        volume_percent = found.volume_percent
        if volume_percent is None:
            volume_percent = settings.audio.volume_percent
        self.player = Player(sink, volume_percent)
        stages = Stages(parts.responder, parts.tts, self.player, parts.speculation)
        cancels_echo = settings.audio.echo_cancellation
        has_far_end = found.has_far_end or sink.far_end is not None
        self.assistant = Assistant(
            State(
                _manners(settings, activation, has_far_end=cancels_echo and has_far_end),
                turns_begun=found.turns_begun,
                can_hear=found.can_hear,
            ),
            Hearing(
                parts.stt,
                parts.wake_phrases,
                reads_pauses=parts.speculation is not Speculation.OFF,
            ),
            Endpointer(_patience_limits(settings)),
            stages,
            _earcons(settings, parts.voice_rate_hz, has_ready=not found.follows),
            observe,
            tap,
        )
        self.listener = Listener(
            source,
            parts.ear,
            Segmenter(_segmenter_settings(settings, activation)),
            self.assistant.post,
            observe,
            Windows(
                settings.segmenter.max_utterance_ms,
                settings.conversation.follow_up_ms or _ANSWER_MS,
            ),
            # The speaker's may be another one after it was away.
            far_end=lambda: sink.far_end if cancels_echo else None,
            pace=found.pace,
        )

    async def run(self) -> None:
        """Run until the input ends or the assistant leaves; a failure of one task ends all."""
        await run_together(self.assistant, self.listener, self.player)


async def run_assistant(
    settings: Settings,
    source: AudioSource,
    open_sink: Callable[[int], AudioSink],
    activation: Activation,
    observe: Observer,
    on_ready: Callable[[Assistant], None] = lambda _: None,
    *,
    engines: Engines | None = None,
    tap: Tap = lambda _turn_id, _utterance: None,
) -> None:
    """Run the whole pipeline once, until the source ends and the last answer has been given.

    Engines are loaded (by `engines`, where a benchmark brings its own), then the source and the
    sink are opened (`open_sink` is given the voice's sample rate), then `on_ready` is called. Cancel it to
    stop: the speaker falls silent, tasks end, devices and engines are closed, in this order.
    Raises `VoicedError` for what cannot be built or opened, and for what ends a permanent task.
    """
    async with Workshop(engines or Engines(settings), observe) as workshop:
        parts = await rehearsed(
            settings, await load_parts(workshop, activation, World(datetime.now))
        )
        sink = open_sink(parts.voice_rate_hz)
        async with sink, source:
            session = Session(settings, parts, activation, source, sink, observe, tap)
            on_ready(session.assistant)
            await session.run()


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
    async with Workshop(Engines(settings)) as workshop:
        with unwrapped():
            async with asyncio.TaskGroup() as loading:
                tts = loading.create_task(workshop.tts())
                responder = loading.create_task(workshop.responder(World(datetime.now)))
        rate_hz = await tts.result().run(lambda voice: voice.rate_hz)
        async with open_sink(rate_hz) as sink, playing(sink) as player:
            stages = Stages(responder.result(), tts.result(), player)
            return await Turn(1, stages, lambda _: None, observe).read(text)


async def say_text(settings: Settings, text: str, open_sink: Callable[[int], AudioSink]) -> None:
    """Speak `text` into a sink. Raises `VoicedError`."""
    async with Workshop(Engines(settings)) as workshop:
        tts = await workshop.tts()
        rate_hz = await tts.run(lambda voice: voice.rate_hz)
        async with open_sink(rate_hz) as sink, playing(sink) as player:
            playback = player.prepare()
            player.start(playback)
            await speak(_clauses(text), tts, playback)


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


def _speculation(settings: Settings, took: Rehearsed) -> Speculation:
    wanted = settings.conversation.speculation
    if wanted != "auto":
        return Speculation(wanted)
    level = affordable(took.look_ms, took.answer_ms)
    _log.info(
        "a look at what was said takes %.0f ms, an answer %.0f ms: speculation is %s",
        took.look_ms,
        took.answer_ms,
        level.value,
    )
    return level


def _manners(settings: Settings, activation: Activation, *, has_far_end: bool) -> Manners:
    wanted = settings.conversation.barge_in
    chosen = BargeIn.VOICE if has_far_end else BargeIn.WAKE
    return Manners(
        activation,
        barge_in=chosen if wanted == "auto" else BargeIn(wanted),
        follows_up=settings.conversation.follow_up_ms > 0,
        can_hear_itself=not has_far_end,
    )


def _patience_limits(settings: Settings) -> PatienceLimits:
    ends = settings.endpointing
    return PatienceLimits(base_ms=ends.silence_ms, longest_ms=ends.max_silence_ms)


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


def _earcons(
    settings: Settings, rate_hz: int, *, has_ready: bool = True
) -> dict[Earcon, AudioChunk]:
    if not settings.sounds.enabled:
        return {}
    volume = settings.sounds.volume_percent / 100
    names = [name for name in Earcon if has_ready or name is not Earcon.READY]
    sounds = {name: (earcon(name, rate_hz) * volume).astype(np.int16) for name in names}
    return {name: AudioChunk(samples, rate_hz) for name, samples in sounds.items()}
