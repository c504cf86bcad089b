"""Voice activity with Silero VAD 6 (MIT), whose model ships in faster-whisper's wheel.

Its recurrent state goes stale: after minutes without a reset it hears onsets late (in a reverberant
room 0.2 s instead of 0.02 s in the median, measured here). So it is renewed in every long silence.
"""

from __future__ import annotations

from typing import Final

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

_QUIET_PROBABILITY: Final = 0.15
_QUIET_WINDOWS: Final = 63
"""2 s: shorter renews in the pauses of speech, from 3 s on onsets are late again."""


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
        self._quiet_windows = 0

    def probability(self, chunk: AudioChunk) -> float:
        self._rest = np.concatenate((self._rest, chunk.samples))
        while len(self._rest) >= SILERO_WINDOW_SAMPLES:
            self._latest = self._model.probability(self._rest[:SILERO_WINDOW_SAMPLES])
            self._rest = self._rest[SILERO_WINDOW_SAMPLES:]
            self._renew_when_quiet()
        return self._latest

    def _renew_when_quiet(self) -> None:
        is_quiet = self._latest < _QUIET_PROBABILITY
        self._quiet_windows = self._quiet_windows + 1 if is_quiet else 0
        if self._quiet_windows == _QUIET_WINDOWS:
            self._model.reset()
            self._quiet_windows = 0

    def reset(self) -> None:
        self._model.reset()
        self._rest = np.empty(0, dtype=np.int16)
        self._latest = 0.0
        self._quiet_windows = 0

    def close(self) -> None:
        self.reset()
