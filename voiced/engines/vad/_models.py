"""The two models behind the voice-activity engines, each at its own frame length.

They stand here because `gated.py` combines what `webrtc.py` and `silero.py` offer alone, and
engines never import each other.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voiced.errors import ModelError
from voiced.types import SAMPLE_RATE_HZ, Samples

SILERO_WINDOW_SAMPLES: Final = 512
"""The window that Silero was trained on at 16 kHz, 32 ms."""

_CONTEXT_SHAPE: Final = (1, 64)
_STATE_SHAPE: Final = (1, 1, 128)

_QUIET_PROBABILITY: Final = 0.15
_QUIET_WINDOWS: Final = 63
"""2 s: less renews in the pauses of speech, with 3 s onsets are late again."""


class WebrtcModel:
    """webrtcvad, a Gaussian mixture on six frequency bands: 20 ms in, yes or no out."""

    def __init__(self, mode: int) -> None:
        """`mode` is its aggressiveness, 0 (calls most things speech) to 3."""
        self._mode = mode
        self._vad = _webrtc(mode)

    def is_speech(self, frame: Samples) -> bool:
        """Whether a frame of 320 samples at 16 kHz holds speech."""
        return bool(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ))

    def reset(self) -> None:
        """Forget the noise floor. It has no such call of its own, and is cheap to make anew."""
        self._vad = _webrtc(self._mode)


def _webrtc(mode: int) -> Any:
    import webrtcvad

    return webrtcvad.Vad(mode)


class SileroModel:
    """Silero VAD 6, a recurrent network: 512 samples in, a probability out.

    Its state goes stale: after seconds without speech it hears the next onset late (in a reverberant
    room by 0.2 s instead of 0.02 s in the median, measured here). So every long silence renews it.
    """

    def __init__(self, session: Any) -> None:
        """`session` is what `load_silero` returns; several models may share it."""
        self._session = session
        self._h, self._c = _zeros(_STATE_SHAPE), _zeros(_STATE_SHAPE)
        self._context = _zeros(_CONTEXT_SHAPE)
        self._quiet_windows = 0

    def probability(self, window: Samples) -> float:
        """The probability of speech in the next 512 samples at 16 kHz."""
        sound = window.astype(np.float32)[np.newaxis] / np.float32(32768)
        output, self._h, self._c = self._session.run(
            None,
            {"input": np.concatenate((self._context, sound), 1), "h": self._h, "c": self._c},
        )
        self._context = sound[:, -_CONTEXT_SHAPE[1] :]
        probability = float(output.flat[0])
        is_quiet = probability < _QUIET_PROBABILITY
        self._quiet_windows = self._quiet_windows + 1 if is_quiet else 0
        if self._quiet_windows == _QUIET_WINDOWS:
            self.reset()
        return probability

    def reset(self) -> None:
        """Forget what was heard."""
        self._h, self._c = _zeros(_STATE_SHAPE), _zeros(_STATE_SHAPE)
        self._context = _zeros(_CONTEXT_SHAPE)
        self._quiet_windows = 0


def _zeros(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def silero_path() -> Path:
    """Where faster-whisper's wheel keeps Silero's model. Raises `ModelError`."""
    spec = importlib.util.find_spec("faster_whisper")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0], "assets", "silero_vad_v6.onnx") if folders else None
    if path is None or not path.is_file():
        raise ModelError("Silero's model is not installed: pip install faster-whisper==1.2.1")
    return path


def load_silero(path: Path) -> Any:
    """An ONNX session of `path` on one thread. Raises `ModelError`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One window is 0.05 ms of work: a second thread, or one that spins, only costs.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        # onnxruntime's exceptions share no base class of their own.
        raise ModelError(f"{path} is damaged or no ONNX model: fetch it again") from error
    if [entry.name for entry in session.get_inputs()] != ["input", "h", "c"]:
        raise ModelError(f"{path} is not Silero VAD 6: its inputs are others")
    return session
