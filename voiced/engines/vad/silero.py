"""Voice activity with Silero VAD 6 (MIT), whose model ships in faster-whisper's wheel."""

from __future__ import annotations

import msgspec
import numpy as np

from voiced.engines.contracts import BuildContext
from voiced.engines.vad._models import (
    SILERO_WINDOW_SAMPLES,
    SileroModel,
    load_silero,
    silero_path,
)
from voiced.types import AudioChunk, Samples


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[vad.silero]`: nothing to set."""


def build(options: Options, context: BuildContext) -> SileroVad:
    """Load the model. Raises `ModelError`."""
    return SileroVad(SileroModel(load_silero(silero_path())))


class SileroVad:
    """A `VoiceActivityDetector` that answers with the newest whole window of 32 ms."""

    def __init__(self, model: SileroModel) -> None:
        """Take over `model`."""
        self._model = model
        self._rest: Samples = np.empty(0, dtype=np.int16)
        self._latest = 0.0

    def probability(self, chunk: AudioChunk) -> float:
        self._rest = np.concatenate((self._rest, chunk.samples))
        while len(self._rest) >= SILERO_WINDOW_SAMPLES:
            self._latest = self._model.probability(self._rest[:SILERO_WINDOW_SAMPLES])
            self._rest = self._rest[SILERO_WINDOW_SAMPLES:]
        return self._latest

    def reset(self) -> None:
        self._model.reset()
        self._rest = np.empty(0, dtype=np.int16)
        self._latest = 0.0

    def close(self) -> None:
        self.reset()
