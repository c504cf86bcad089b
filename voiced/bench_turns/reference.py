"""What everybody builds: the same engines and models as voiced's, one after another.

A fixed silence ends the utterance; only then it is transcribed, all of it at once; the language model reads
its whole prompt and writes its whole answer; the answer is synthesised and played sentence by sentence. It
hears nothing while it answers.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import numpy as np

from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.resample import StreamResampler
from voiced.bench_turns.stage import Addressee
from voiced.config import NO_ENGINE, Settings
from voiced.core.conversation import Conversation
from voiced.core.prompt import EXAMPLES
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.core.signals import Event, Outcome, StopAsked
from voiced.core.state import Phase
from voiced.engines.contracts import (
    LanguageModel,
    SpeechToText,
    TextToSpeech,
    VoiceActivityDetector,
)
from voiced.events import Observer, PhaseChanged, TurnEnded, TurnReport
from voiced.inference import Hosted
from voiced.responder import skill_reply
from voiced.skills.contracts import World
from voiced.skills.skillset import SkillSet
from voiced.types import (
    BLOCK_SAMPLES,
    AudioChunk,
    EndReason,
    Message,
    ReplyPath,
    Role,
    Samples,
    SpeechEnded,
    SpeechStarted,
    Transcript,
    ms_to_samples,
    samples_to_ms,
)
from voiced.workshop import Engines

E = TypeVar("E")

SILENCE_MS: Final = 700
"""The silence that ends an utterance: what the common frameworks have as a default, 0.5 to 0.8 s."""

_MEMORY_MS: Final = 2000
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")
_UNRELATED: Final = (Message(Role.USER, "Something else."),)
"""What the language model reads between two questions, so that nothing of its prompt is cached."""

_APOLOGY: Final = "Sorry, I did not understand that."


@dataclass(frozen=True, slots=True)
class _Engines:
    vad: Hosted[VoiceActivityDetector]
    stt: Hosted[SpeechToText]
    skills: Hosted[SkillSet]
    llm: Hosted[LanguageModel] | None
    tts: Hosted[TextToSpeech]


async def run_reference(
    settings: Settings,
    source: AudioSource,
    open_sink: Callable[[int], AudioSink],
    observe: Observer,
    on_ready: Callable[[Addressee], None],
) -> None:
    """Answer what `source` brings, until it ends. Raises `VoicedError`."""
    async with _loaded(settings) as engines:
        rate_hz = await engines.tts.run(lambda voice: voice.rate_hz)
        async with open_sink(rate_hz) as sink, source:
            reference = _Reference(settings, engines, sink, observe)
            await reference.forget()
            on_ready(reference)
            await reference.run(source)


@asynccontextmanager
async def _loaded(settings: Settings) -> AsyncIterator[_Engines]:
    makers = Engines(settings)
    async with AsyncExitStack() as open_engines:

        async def host(name: str, build: Callable[[], E]) -> Hosted[E]:
            hosted = await Hosted.load(name, build)
            open_engines.push_async_callback(hosted.close)
            return hosted

        has_model = settings.llm.engine != NO_ENGINE
        yield _Engines(
            vad=await host("vad", makers.vad),
            stt=await host("stt", makers.stt),
            skills=await host("skills", makers.skills),
            llm=await host("llm", makers.llm) if has_model else None,
            tts=await host("tts", makers.tts),
        )


class _Reference:
    """One utterance, then one answer."""

    def __init__(
        self, settings: Settings, engines: _Engines, sink: AudioSink, observe: Observer
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._sink = sink
        self._observe = observe
        speech = settings.segmenter
        self._segmenter = Segmenter(
            SegmenterSettings(
                start_probability=speech.start_probability,
                stop_probability=speech.end_probability,
                onset_ms=speech.min_speech_ms,
                pre_roll_ms=speech.pre_roll_ms,
                patience_ms=SILENCE_MS,
                max_utterance_ms=speech.max_utterance_ms,
                no_speech_ms=0,
            )
        )
        self._conversation = Conversation.begin(settings.llm.system_prompt, EXAMPLES)
        self._memory: deque[AudioChunk] = deque(maxlen=ms_to_samples(_MEMORY_MS) // BLOCK_SAMPLES)
        self._utterance: list[AudioChunk] | None = None
        self._answering: asyncio.Task[None] | None = None
        self._turns = 0

    def post(self, event: Event) -> None:
        """Obeys `StopAsked` and nothing else."""
        if isinstance(event, StopAsked) and self._answering is not None:
            self._answering.cancel()
            self._sink.flush()

    async def run(self, source: AudioSource) -> None:
        """Listen, answer, listen again."""
        self._listen(0)
        try:
            async for chunk in source.blocks():
                probability = await self._engines.vad.run(
                    lambda vad, chunk=chunk: vad.probability(chunk)  # type: ignore[misc]
                )
                self._hear(chunk, probability)
                if self._answering is not None and self._answering.done():
                    self._answering = None
                    self._listen(chunk.end_sample)
        finally:
            if self._answering is not None:
                self._answering.cancel()
                await asyncio.wait({self._answering})

    async def forget(self) -> None:
        """Have the language model read something else, so that it knows nothing of the prompt."""
        if self._engines.llm is not None:
            cancel = threading.Event()
            await self._engines.llm.run(lambda model: model.extend(_UNRELATED, cancel))

    def _listen(self, since: int) -> None:
        self._segmenter.begin(since)
        self._utterance = None
        self._observe(PhaseChanged(Phase.LISTENING))

    def _hear(self, chunk: AudioChunk, probability: float) -> None:
        self._memory.append(chunk)
        if self._utterance is not None:
            self._utterance.append(chunk)
        for event in self._segmenter.process(probability, chunk.end_sample):
            match event:
                case SpeechStarted(start_sample):
                    self._utterance = [c for c in self._memory if c.end_sample > start_sample]
                case SpeechEnded() if self._utterance is not None and self._answering is None:
                    self._observe(PhaseChanged(Phase.THINKING))
                    answer = self._answer(event, self._utterance)
                    self._answering = asyncio.create_task(answer, name="reference-answer")
                    self._utterance = None
                case _:
                    pass

    async def _answer(self, end: SpeechEnded, utterance: Sequence[AudioChunk]) -> None:
        self._turns += 1
        timings_ms = {
            "speech_end": samples_to_ms(end.speech_end_sample),
            "endpoint": samples_to_ms(end.decided_sample),
        }
        begun_s = asyncio.get_running_loop().time()

        def mark(name: str) -> None:
            if name not in timings_ms:
                since_ms = (asyncio.get_running_loop().time() - begun_s) * 1000
                timings_ms[name] = round(timings_ms["endpoint"] + since_ms, 1)

        transcript, text, path = Transcript(""), "", ReplyPath.NONE
        outcome = Outcome.ANSWERED
        try:
            transcript = await self._engines.stt.run(partial(_transcribed, utterance))
            mark("transcript")
            text, path = await self._text(transcript)
            mark("first_token")
            await self._speak(text, lambda: mark("first_audio"))
        except asyncio.CancelledError:
            outcome = Outcome.CANCELLED
        await self.forget()
        report = TurnReport(
            turn_id=self._turns,
            outcome=outcome,
            transcript=transcript,
            reply=text,
            path=path,
            end_reason=EndReason.SILENCE,
            timings_ms=timings_ms,
        )
        self._observe(TurnEnded(report))

    async def _text(self, transcript: Transcript) -> tuple[str, ReplyPath]:
        match = await self._engines.skills.run(lambda skills: skills.match(transcript.text))
        if match is not None:
            reply = await skill_reply(self._engines.skills, match, World(datetime.now))
            return reply.speech, ReplyPath.SKILL
        if transcript.confidence < self._settings.stt.min_confidence or self._engines.llm is None:
            return _APOLOGY, ReplyPath.NONE
        messages = self._conversation.asking(transcript.text)
        think = partial(_thought, messages, self._settings.llm.max_tokens)
        return await self._engines.llm.run(think), ReplyPath.MODEL

    async def _speak(self, text: str, on_first_sound: Callable[[], None]) -> None:
        for sentence in _SENTENCE_END.split(text.strip()):
            sound = await self._engines.tts.run(partial(_synthesised, sentence, self._sink.rate_hz))
            on_first_sound()
            self._observe(PhaseChanged(Phase.SPEAKING))
            await self._sink.write(sound)
        await self._sink.drain()


def _transcribed(utterance: Sequence[AudioChunk], stt: SpeechToText) -> Transcript:
    session = stt.open()
    try:
        for chunk in utterance:
            session.feed(chunk)
        return session.transcript()
    finally:
        session.close()


def _thought(messages: Sequence[Message], max_tokens: int, model: LanguageModel) -> str:
    model.extend(messages, threading.Event())
    return "".join(model.generate(max_tokens=max_tokens))


def _synthesised(sentence: str, rate_hz: int, voice: TextToSpeech) -> Samples:
    chunks = [chunk.samples for chunk in voice.synthesize(sentence)]
    resampler = StreamResampler(voice.rate_hz, rate_hz)
    pieces = [resampler.process(chunk) for chunk in chunks]
    return np.concatenate([np.zeros(0, np.int16), *pieces, resampler.flush()])
