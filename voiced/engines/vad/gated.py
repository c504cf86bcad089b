"""Voice activity with WebRTC's detector as the gate in front of Silero.

While WebRTC's detector hears nothing like speech, Silero sleeps and the answer is 0. When it hears
something, Silero first catches up on the sound just before, so that it judges the onset with its
state settled, and then stays awake until the gate has been quiet for a while. In a quiet room it
takes a tenth of what Silero alone takes, and it starts less often at noise.

Mode 3 is deaf to quiet speech: at -56 dBFS it missed 126 of 152 utterances, mode 2 none (measured
here).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
import numpy as np

from voiced.engines.contracts import BuildContext
from voiced.engines.vad._models import (
    SILERO_WINDOW_SAMPLES,
    SileroModel,
    WebrtcModel,
    load_silero,
    silero_path,
)
from voiced.types import AudioChunk, Samples, ms_to_samples

_CATCH_UP_SAMPLES: Final = 8 * SILERO_WINDOW_SAMPLES
"""Half of it finds onsets as well, but starts a little more often at noise; twice is no better."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[vad.gated]`."""

    mode: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=3,
            description="How eagerly the gate calls a sound noise: 0 opens to most sounds, "
            "3 to the fewest.",
        ),
    ] = 2
    hangover_ms: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="How long the gate stays open after it last heard something, in "
            "milliseconds.",
        ),
    ] = 300


def build(options: Options, context: BuildContext) -> GatedVad:
    """Load the model. Raises `ModelError`."""
    silero = SileroModel(load_silero(silero_path()))
    return GatedVad(WebrtcModel(options.mode), silero, ms_to_samples(options.hangover_ms))


class GatedVad:
    """A `VoiceActivityDetector`: 0 while the gate is closed, Silero's newest answer while open."""

    def __init__(self, gate: WebrtcModel, model: SileroModel, hangover_samples: int) -> None:
        """Take over both models; `hangover_samples` as in `Options`."""
        self._gate = gate
        self._model = model
        self._hangover_samples = hangover_samples
        self._waiting: Samples = np.empty(0, dtype=np.int16)
        self._open_samples = 0
        self._latest = 0.0

    def probability(self, chunk: AudioChunk) -> float:
        was_open = self._open_samples > 0
        self._open_samples = max(0, self._open_samples - len(chunk.samples))
        if self._gate.is_speech(chunk.samples):
            self._open_samples = self._hangover_samples + len(chunk.samples)
        self._waiting = np.concatenate((self._waiting, chunk.samples))
        if self._open_samples == 0:
            self._waiting = self._waiting[-_CATCH_UP_SAMPLES:]
            self._latest = 0.0
            return 0.0
        if not was_open:
            self._model.reset()
        while len(self._waiting) >= SILERO_WINDOW_SAMPLES:
            self._latest = self._model.probability(self._waiting[:SILERO_WINDOW_SAMPLES])
            self._waiting = self._waiting[SILERO_WINDOW_SAMPLES:]
        return self._latest

    def reset(self) -> None:
        self._gate.reset()
        self._model.reset()
        self._waiting = np.empty(0, dtype=np.int16)
        self._open_samples = 0
        self._latest = 0.0

    def close(self) -> None:
        self.reset()
