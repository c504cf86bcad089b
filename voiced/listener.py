"""The ear: reads the source, finds speech and wake words in it, and cuts utterances out of it.

It never stops reading. What was heard lately is kept (with its speech probability), so that an utterance
begins before its onset was certain, and so that the question in "okay nabu what time is it" is whole
although the wake word was recognised in the middle of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from voiced.audio.contracts import AudioSource
from voiced.audio.far_end import FarEnd
from voiced.audio.pace import Pace
from voiced.core.segmenter import Segmenter
from voiced.core.signals import (
    Attention,
    Event,
    InputEnded,
    Listen,
    SoundBack,
    SoundGone,
    StillQuiet,
    VoiceHeard,
    WakeHeard,
)
from voiced.ear import Ear, HeardBlock
from voiced.errors import EngineError
from voiced.events import Heard, Observer, Woken
from voiced.inference import Host
from voiced.types import (
    BLOCK_SAMPLES,
    AudioChunk,
    EndReason,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    ms_to_samples,
)
from voiced.utterance import Utterance, UtterancePart

_MEMORY_MS: Final = 2000
"""How much of the past is kept: more than any pre-roll, and than a wake word's detection delay."""

_SIGN_AFTER_MS: Final = 260
"""How long to wait after a wake word for the person to go on before a sound says "I listen": shorter
than the pause of somebody who waits for it, longer than the gap before "what" in one breath."""

_REACH_SAMPLES: Final = {
    Attention.OPEN: ms_to_samples(160),
    Attention.FOLLOW_UP: ms_to_samples(160),
    Attention.BEGUN: ms_to_samples(300),
}
"""How far back before the sample that it listens from an utterance may begin. After a wake word: how long
after its last sound it is reported in one breath with a question (microWakeWord: at most 147 ms, measured):
what was said since belongs to the question, what was said before does not. Beside an answer: a pre-roll."""

_BLOCKS_AT_ONCE: Final = 4
"""While nobody waits for anything, the ear hears 80 ms at once: what is handed from thread to thread costs
more than what is done with it. A wake word is noticed 60 ms later at most; the question behind it is not."""

_SPEECH: Final = 0.6
"""A block counts as speech for a held key from this probability on."""


@dataclass(frozen=True, slots=True)
class Windows:
    """How long a key may hold an utterance open, and how long an answer may be followed up."""

    held_ms: int
    follow_up_ms: int = 0


class Listener:
    """Owns the source; `run` is its permanent task.

    An ear that fails is waited for while it is built anew; what is heard meanwhile waits, too.
    """

    def __init__(
        self,
        source: AudioSource,
        ear: Host[Ear],
        segmenter: Segmenter,
        post: Callable[[Event], None],
        observe: Observer,
        windows: Windows,
        *,
        far_end: Callable[[], FarEnd | None] = lambda: None,
        pace: Pace | None = None,
    ) -> None:
        """`post` receives what happens (wake words, speech); `observe` the level of every block.

        `far_end` gives what the microphone hears of the speaker, where that is known.
        `pace` is told how many blocks may come at once.
        """
        self._source = source
        self._ear = ear
        self._segmenter = segmenter
        self._post = post
        self._observe = observe
        self._max_held_samples = ms_to_samples(windows.held_ms)
        self._follow_up_ms = windows.follow_up_ms
        self._far_end = far_end
        self._watching_since: int | None = None
        blocks = ms_to_samples(_MEMORY_MS) // BLOCK_SAMPLES
        self._memory: deque[HeardBlock] = deque(maxlen=blocks)
        self._utterance: Utterance | None = None
        self._begun: Utterance | None = None
        self._recorded_until = 0
        self._held_speech_end: int | None = None
        self._listening_since = 0
        self._is_quiet = False
        self._heard_samples = 0
        self._is_resumed = False
        self._waiting: list[AudioChunk] = []
        self._pace = pace or Pace()

    @property
    def heard_samples(self) -> int:
        """How far into the input it is."""
        return self._heard_samples

    def take_utterance(self) -> Utterance | None:
        """The utterance that began last, once; it may have ended already."""
        begun, self._begun = self._begun, None
        return begun

    async def run(self) -> None:
        """Listen until the source ends; what is being said then ends with it."""
        async for chunk in self._source.blocks():
            self._waiting.append(chunk)
            self._set_pace()
            if len(self._waiting) >= self._pace.blocks_at_once:
                await self._hear_waiting()
                # A file hands over block after block without waiting: let the others have their turn.
                await asyncio.sleep(0)
        await self._hear_waiting()
        self.finish(EndReason.END_OF_INPUT)
        self._post(InputEnded())

    def listen(self, listen: Listen) -> None:
        """Watch for an utterance, as `listen` says."""
        self.stop_listening()
        since = self.heard_samples if listen.after_sample is None else listen.after_sample
        self._listening_since = since
        self._is_quiet = listen.attention is Attention.OPEN
        if listen.attention is Attention.HELD:
            self._held_speech_end = since
            self._speech_event(SpeechStarted(since))
            self._set_pace()
            return
        is_follow_up = listen.attention is Attention.FOLLOW_UP
        events = self._segmenter.begin(
            since,
            earliest_sample=since - _REACH_SAMPLES[listen.attention],
            has_begun=listen.attention is Attention.BEGUN,
            no_speech_ms=self._follow_up_ms if is_follow_up else None,
        )
        for event in events:
            self._speech_event(event)
        for heard in list(self._memory):
            self._segment(heard)
        self._set_pace()

    def watch(self) -> None:
        """Look out for a person's voice beside the answer that is being made or spoken."""
        self._watching_since = self.heard_samples
        self._set_pace()

    def finish(self, reason: EndReason) -> None:
        """The utterance ends here, whatever the silence."""
        if self._held_speech_end is not None:
            self._speech_event(SpeechEnded(self._held_speech_end, self.heard_samples, reason))
        for event in self._segmenter.finish(reason):
            self._speech_event(event)

    def stop_listening(self) -> None:
        """Drop the utterance, and watch for none; what is heard from here on belongs to none."""
        self._watching_since = None
        if self._utterance is not None:
            self._utterance.parts.close()
        self._utterance = self._held_speech_end = None
        self._segmenter.finish(EndReason.RELEASED)
        self._is_quiet = False

    def lose_sound(self) -> None:
        """The microphone is away: what was being said is dropped, and what comes next is a new beginning."""
        self.stop_listening()
        self._memory.clear()
        self._waiting.clear()
        self._is_resumed = True

    @property
    def _is_attentive(self) -> bool:
        """Whether somebody waits for what is heard next."""
        is_watching = self._watching_since is not None or self._held_speech_end is not None
        return is_watching or self._segmenter.is_listening

    def _set_pace(self) -> None:
        self._pace.blocks_at_once = 1 if self._is_attentive else _BLOCKS_AT_ONCE

    async def _hear_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        resumed, self._is_resumed = self._is_resumed, False
        hear = partial(Ear.hear_all, chunks=waiting, far_end=self._far_end(), is_resumed=resumed)
        try:
            all_heard = await self._ear.run(hear)
        except EngineError:
            await self._ear_failed()
            return
        for heard in all_heard:
            self._memory.append(heard)
            self._heard_samples = heard.chunk.end_sample
            self._observe(Heard(heard.level_dbfs, heard.probability))
            if heard.detection is not None:
                detection = heard.detection
                self._observe(Woken(detection.phrase, detection.score))
                self._post(WakeHeard(detection.end_sample, detection.phrase))
            self._follow(heard)

    async def _ear_failed(self) -> None:
        """Deaf until another ear is there, however long that takes: whoever feeds a watchdog sees it."""
        self._post(SoundGone())
        self.lose_sound()
        is_back = False
        while not is_back:
            with suppress(EngineError):
                await self._ear.working()
                is_back = True
        self._post(SoundBack())

    def _follow(self, heard: HeardBlock) -> None:
        if self._held_speech_end is not None:
            self._hold(heard)
        else:
            self._segment(heard)
        if self._watching_since is not None and heard.person_since is not None:
            onset_sample = max(self._watching_since, heard.person_since)
            self._watching_since = None
            self._post(VoiceHeard(onset_sample))
        waited = heard.chunk.end_sample - self._listening_since
        if self._is_quiet and waited >= ms_to_samples(_SIGN_AFTER_MS):
            self._is_quiet = False
            self._post(StillQuiet())

    def _hold(self, heard: HeardBlock) -> None:
        if heard.probability >= _SPEECH:
            self._held_speech_end = heard.chunk.end_sample
        self._record(heard.chunk)
        if heard.chunk.end_sample - self._listening_since >= self._max_held_samples:
            self.finish(EndReason.MAX_LENGTH)

    def _segment(self, heard: HeardBlock) -> None:
        events = self._segmenter.process(heard.probability, heard.chunk.end_sample)
        self._record(heard.chunk)
        for event in events:
            self._speech_event(event)

    def _speech_event(self, event: SpeechEvent) -> None:
        match event:
            case SpeechStarted(start_sample):
                self._is_quiet = False
                self._begin_utterance(start_sample)
            case SpeechPaused() | SpeechResumed():
                self._send(event)
            case SpeechEnded():
                if self._utterance is not None:
                    self._utterance.end = event
                    self._utterance.ended_at_s = asyncio.get_running_loop().time()
                self.stop_listening()
        self._post(event)

    def _begin_utterance(self, start_sample: int) -> None:
        def be_patient(silence_ms: int) -> None:
            if self._utterance is utterance:
                self._segmenter.set_patience(silence_ms)

        utterance = Utterance(start_sample, self.heard_samples, be_patient)
        self._utterance = self._begun = utterance
        self._recorded_until = start_sample
        for heard in self._memory:
            self._record(heard.chunk)

    def _record(self, chunk: AudioChunk) -> None:
        if self._utterance is not None and chunk.end_sample > self._recorded_until:
            self._send(chunk)
            self._recorded_until = chunk.end_sample

    def _send(self, part: UtterancePart) -> None:
        if self._utterance is not None:
            self._utterance.parts.send_nowait(part)
