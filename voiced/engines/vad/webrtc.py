"""Voice activity with WebRTC's detector alone: next to no work, and most noise passes for speech."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Final

import msgspec

from voiced.engines.contracts import BuildContext
from voiced.engines.vad._models import WebrtcModel
from voiced.types import AudioChunk

_SMOOTHING_BLOCKS: Final = 5


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[vad.webrtc]`."""

    mode: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=3,
            description="How eagerly it calls a sound noise: 0 takes most sounds for speech, "
            "3 the fewest.",
        ),
    ] = 3


def build(options: Options, context: BuildContext) -> WebrtcVad:
    """Build it; there is no file to load."""
    return WebrtcVad(options.mode)


class WebrtcVad:
    """A `VoiceActivityDetector`: the share of the last five blocks that were called speech."""

    def __init__(self, mode: int) -> None:
        """`mode` is as in `Options`."""
        self._model = WebrtcModel(mode)
        self._recent: deque[bool] = deque(maxlen=_SMOOTHING_BLOCKS)

    def probability(self, chunk: AudioChunk) -> float:
        self._recent.append(self._model.is_speech(chunk.samples))
        return sum(self._recent) / _SMOOTHING_BLOCKS

    def reset(self) -> None:
        self._model.reset()
        self._recent.clear()

    def close(self) -> None:
        self._recent.clear()
