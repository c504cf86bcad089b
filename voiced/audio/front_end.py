"""What a microphone's sound goes through before anything listens to it: echo cancellation and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from voiced.audio._echo_filter import EchoFilter
from voiced.audio.levels import FLOOR_DBFS, dbfs
from voiced.audio.resample import to_int16
from voiced.core.barge_in import EchoLevels, EchoRemainder
from voiced.errors import EngineError
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, AudioChunk, Samples, ms_to_samples

if TYPE_CHECKING:
    from livekit.rtc.apm import AudioProcessingModule
    from livekit.rtc.audio_frame import AudioFrame

_FRAME_SAMPLES: Final = ms_to_samples(10)
"""What WebRTC's audio processing takes at a time; another length ends the process."""

_SLEEPS_AFTER_SAMPLES: Final = ms_to_samples(10_000)
"""How long nothing has been played when echo cancellation stops working: longer than any echo."""

_DELAY_SAMPLES: Final = ms_to_samples(8)
"""By how much WebRTC's echo canceller delays (measured)."""

_SURE_LEFT_DB: Final = -10.0
_SURE_OVER_DB: Final = 6.0
_SURE_BLOCKS: Final = 5
"""When the filter's output is handed on as it is: it leaves little of the echo, there is much more than
that, and for 100 ms after."""

_SILENT_SAMPLES: Final = ms_to_samples(500)
"""Or nothing has been played for so long: then what is heard is no echo."""


class FrontEnd:
    """Takes what the speaker adds out of what the microphone hears, on one thread.

    Two in a row: a linear filter of our own (`_echo_filter.py`), and WebRTC's audio processing, from
    the livekit package, for what the filter leaves. WebRTC's alone mutes a sixth of what a person
    says who is as loud as the echo (behind the filter: 2 %), the onset first; so while the filter's
    levels say that somebody speaks, they are heard past it. What comes out is 8 ms late. Measured,
    of a core: 1.7 % while something is played, 0.5 % for ten seconds after, 0.05 % then.
    """

    def __init__(
        self,
        *,
        echo_cancellation: bool = True,
        noise_suppression: bool = False,
        high_pass: bool = False,
        gain: bool = False,
    ) -> None:
        """Takes 0.15 s and 18 MB for the library. Raises `EngineError` where it cannot be loaded."""
        try:
            from livekit.rtc.apm import AudioProcessingModule

            self._apm: AudioProcessingModule | None = AudioProcessingModule(
                echo_cancellation=echo_cancellation,
                noise_suppression=noise_suppression,
                high_pass_filter=high_pass,
                auto_gain_control=gain,
            )
        except (ImportError, OSError) as error:
            raise EngineError(
                f"the echo canceller cannot be loaded ({error}); `make setup` installs it again"
            ) from error
        self._filter = EchoFilter() if echo_cancellation else None
        self._only_cancels = echo_cancellation and not (noise_suppression or high_pass or gain)
        self._quiet_samples = _SLEEPS_AFTER_SAMPLES
        self._remainder = EchoRemainder()
        self._far_end_rest: Samples = np.zeros(0, np.int16)
        self._passed_by: Samples = np.zeros(_DELAY_SAMPLES, np.int16)
        self._sure_blocks = 0
        self._webrtc_share = 1.0
        self._levels = EchoLevels()

    @property
    def levels(self) -> EchoLevels:
        """What the filter made of the last block; without echo cancellation, of silence."""
        return self._levels

    def process(self, chunk: AudioChunk, far_end: Samples) -> AudioChunk:
        """The block of the microphone without what the speaker adds to it, of the same length.

        `chunk` is a block at 16 kHz; `far_end` what `FarEnd.take` gave for it. Raises
        `EngineError`.
        """
        if self._apm is None:
            raise EngineError("the echo canceller is closed")
        if len(chunk.samples) != BLOCK_SAMPLES or chunk.rate_hz != SAMPLE_RATE_HZ:
            raise EngineError("the echo canceller takes blocks of 20 ms at 16 kHz")
        try:
            if self._filter is None:
                samples = _processed(self._apm, chunk.samples)
            elif self._is_asleep(far_end):
                level_dbfs = dbfs(chunk.samples)
                self._levels = self._remainder.levels(level_dbfs, FLOOR_DBFS, level_dbfs)
                self._passed_by = chunk.samples[-_DELAY_SAMPLES:]
                return chunk
            else:
                rest = self._filtered(self._filter, chunk.samples, far_end)
                self._take_far_end(self._apm, far_end)
                samples = self._past_webrtc(rest, _processed(self._apm, rest))
        except RuntimeError as error:
            raise EngineError(f"the echo canceller failed: {error}") from error
        return AudioChunk(samples, start_sample=chunk.start_sample)

    def close(self) -> None:
        """Free it. The library's own threads, which sleep, stay until the process ends."""
        self._apm = None

    def _is_asleep(self, far_end: Samples) -> bool:
        """Most of the time nothing is played, and then this would be most of voiced's work."""
        self._quiet_samples = 0 if far_end.any() else self._quiet_samples + BLOCK_SAMPLES
        return self._only_cancels and self._quiet_samples >= _SLEEPS_AFTER_SAMPLES

    def _filtered(self, echo_filter: EchoFilter, heard: Samples, far_end: Samples) -> Samples:
        rest, echo = echo_filter.process(heard, _as_long_as_a_block(far_end))
        rest_16, echo_16 = (to_int16(part / np.float32(32_768)) for part in (rest, echo))
        self._levels = self._remainder.levels(dbfs(heard), dbfs(echo_16), dbfs(rest_16))
        return rest_16

    def _take_far_end(self, apm: AudioProcessingModule, far_end: Samples) -> None:
        held = np.concatenate((self._far_end_rest, far_end))
        whole = len(held) - len(held) % _FRAME_SAMPLES
        self._far_end_rest = held[whole:]
        for begin in range(0, whole, _FRAME_SAMPLES):
            apm.process_reverse_stream(_frame(held[begin : begin + _FRAME_SAMPLES]))

    def _past_webrtc(self, rest: Samples, processed: Samples) -> Samples:
        """`processed`, or `rest` as late as that, or the way from one to the other."""
        levels = self._levels
        is_sure = levels.left_db <= _SURE_LEFT_DB and levels.over_db >= _SURE_OVER_DB
        is_sure |= self._quiet_samples >= _SILENT_SAMPLES
        self._sure_blocks = _SURE_BLOCKS if is_sure else max(0, self._sure_blocks - 1)
        late = np.concatenate((self._passed_by, rest))
        self._passed_by = late[-_DELAY_SAMPLES:]
        before = self._webrtc_share
        self._webrtc_share = 0.0 if self._only_cancels and self._sure_blocks else 1.0
        if before == self._webrtc_share == 1:
            return processed
        share = np.linspace(before, self._webrtc_share, BLOCK_SAMPLES, dtype=np.float32)
        mixed: Samples = (processed * share + late[:BLOCK_SAMPLES] * (1 - share)).astype(np.int16)
        return mixed


def _as_long_as_a_block(far_end: Samples) -> Samples:
    """The newest samples of it; where it is too short, the clocks drift and the last ones are late."""
    missing = BLOCK_SAMPLES - len(far_end)
    if missing <= 0:
        return far_end[-BLOCK_SAMPLES:]
    return np.pad(far_end, (0, missing), mode="edge" if len(far_end) else "constant")


def _processed(apm: AudioProcessingModule, samples: Samples) -> Samples:
    processed = np.empty(len(samples), np.int16)
    for begin in range(0, len(samples), _FRAME_SAMPLES):
        end = begin + _FRAME_SAMPLES
        frame = _frame(samples[begin:end])
        apm.process_stream(frame)
        processed[begin:end] = np.frombuffer(frame.data, np.int16)
    return processed


def _frame(samples: Samples) -> AudioFrame:
    from livekit.rtc.audio_frame import AudioFrame

    return AudioFrame(bytearray(samples.tobytes()), SAMPLE_RATE_HZ, 1, len(samples))
