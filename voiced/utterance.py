"""One stretch of speech, between the listener, which cuts it out, and the turn that answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiced.channel import Channel
from voiced.types import AudioChunk, SpeechEnded, SpeechPaused, SpeechResumed, samples_to_ms

UtterancePart = AudioChunk | SpeechPaused | SpeechResumed
"""What an utterance is made of, in the order of its samples."""


class Utterance:
    """One stretch of speech while it happens: iterate over `parts`, then see how it came to its `end`."""

    def __init__(
        self, start_sample: int, heard_sample: int, be_patient: Callable[[int], None]
    ) -> None:
        """It begins at `start_sample`, which was known when all until `heard_sample` had been heard."""
        self.start_sample = start_sample
        self.begun_ms = samples_to_ms(heard_sample)
        self.begun_at_s = asyncio.get_running_loop().time()
        self.parts: Channel[UtterancePart] = Channel(1)
        self.end: SpeechEnded | None = None
        """How it ended; None while it goes on, and where it was dropped."""
        self.ended_at_s = 0.0
        """The clock when its end was decided."""
        self.be_patient = be_patient
        """Sets how long a silence, in ms, ends it."""

    @property
    def speech_ms(self) -> float:
        """How long it lasted, once it has ended; else 0."""
        return 0.0 if self.end is None else self._ms_until(self.end.speech_end_sample)

    def _ms_until(self, sample: int) -> float:
        return samples_to_ms(sample - self.start_sample)
