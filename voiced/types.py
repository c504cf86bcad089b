"""The values that travel between stages. Imports nothing of voiced.

Time inside the pipeline is a count of samples at `SAMPLE_RATE_HZ` since the source was opened; clocks
belong to the edges. Everything here is immutable: a value may sit in several queues at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""Mono PCM, shape (n,), signed 16 bit: what every detector and recogniser takes without conversion."""

SAMPLE_RATE_HZ: Final = 16_000
"""The rate of everything that is heard. All wake-word, VAD and recognition models are trained at it."""

BLOCK_SAMPLES: Final = 320
"""One block of the pipeline, 20 ms: two frames of WebRTC's audio processing, one of webrtcvad, and
fifty wake-ups a second, which an idle Raspberry Pi does not notice."""

BLOCK_MS: Final = BLOCK_SAMPLES * 1000 // SAMPLE_RATE_HZ


def ms_to_samples(duration_ms: float, rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """The number of samples in `duration_ms` milliseconds, rounded to the nearest."""
    return round(duration_ms * rate_hz / 1000)


def samples_to_ms(samples: int, rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """The length of `samples` samples in milliseconds."""
    return samples * 1000 / rate_hz


@dataclass(frozen=True, slots=True)
class WordEnd:
    """The first `words` words of a clause (as `str.split` counts them) have been said at `end_sample`.

    `end_sample` is counted like the `start_sample` of the chunk that carries it.
    """

    words: int
    end_sample: int


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A stretch of mono sound.

    `start_sample` is the index of the first sample since its stream was opened, at `rate_hz`. Of speech
    that was synthesised, `word_ends` says which words end in it, where the voice knows.
    """

    samples: Samples
    rate_hz: int = SAMPLE_RATE_HZ
    start_sample: int = 0
    word_ends: tuple[WordEnd, ...] = ()

    @property
    def end_sample(self) -> int:
        """The index just past the last sample."""
        return self.start_sample + len(self.samples)

    @property
    def duration_ms(self) -> float:
        return samples_to_ms(len(self.samples), self.rate_hz)


@dataclass(frozen=True, slots=True)
class Detection:
    """A wake word was heard; `end_sample` is where the block that completed it ends."""

    phrase: str
    score: float
    end_sample: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, as far as it is known.

    `text` is stripped, in the engine's own casing. `confidence` (0..1) estimates the probability that
    no word is wrong: callers compare it across engines, so each engine calibrates its own.
    `log_probability` is the engine's mean natural log-probability a token, where it has one, and
    `no_speech_probability` (0..1) the chance that the sound was not speech at all.
    """

    text: str
    confidence: float = 1.0
    log_probability: float | None = None
    no_speech_probability: float = 0.0


class Role(StrEnum):
    """Who said a message, in the words of chat templates."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prefill:
    """What `LanguageModel.extend` did: tokens now in the context, and how many were there already.

    `end_probability` (0..1) is how likely the last message is whole, as the model sees it; None where
    that is not known (the model has no calibration, or the reading was cancelled).
    """

    total_tokens: int
    reused_tokens: int
    end_probability: float | None = None


class EndReason(StrEnum):
    """Why an utterance ended."""

    SILENCE = "silence"
    """The person fell silent for as long as the endpointing asked."""
    RELEASED = "released"
    """The push-to-talk key was released, or Enter pressed."""
    MAX_LENGTH = "max-length"
    """It went on for the longest that is allowed."""
    END_OF_INPUT = "end-of-input"
    """The source has no more samples: a file's end."""
    SOUND_LOST = "sound-lost"
    """The microphone was lost, or muted, in the middle of it."""
    NO_SPEECH = "no-speech"
    """Nobody spoke within the time allowed."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began; `start_sample` lies before its onset by the pre-roll."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """Speech stopped at `end_sample`; it may go on (`SpeechResumed`) or have ended."""

    end_sample: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The person went on after a pause, at `start_sample`."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The utterance is over.

    `speech_end_sample` is its last sound (for `NO_SPEECH` the moment listening began), and
    `decided_sample` the sample at which that became certain: their distance is the endpointing delay.
    """

    speech_end_sample: int
    decided_sample: int
    reason: EndReason


SpeechEvent = SpeechStarted | SpeechPaused | SpeechResumed | SpeechEnded


class ReplyPath(StrEnum):
    """Where an answer came from."""

    SKILL = "skill"
    MODEL = "model"
    ANNOUNCEMENT = "announcement"
    """Nobody asked: a timer that is up, or `voiced ctl say`."""
    NONE = "none"
    """Nothing was understood, so nothing was answered from."""


class Earcon(StrEnum):
    """The short sounds that say something without words."""

    READY = "ready"
    """Everything is loaded; and the echo canceller learns the room from it."""
    LISTENING = "listening"
    DONE = "done"
    ERROR = "error"
    DEAF = "deaf"
    """The microphone is gone, or muted."""
    HEARING = "hearing"
    """The microphone is back."""
    RING = "ring"
    """A timer is up."""
