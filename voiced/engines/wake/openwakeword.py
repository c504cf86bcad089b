"""Wake words with openWakeWord, the alternative to microWakeWord for phrases that exist only there.

The runtime and five models come with the wheel of pyopen-wakeword (Apache-2.0). The models, unlike
the code, are licensed CC BY-NC-SA 4.0: not for commercial use. The method is described at
https://github.com/dscripka/openWakeWord: one mel spectrogram and one speech embedding are shared by
all phrases, and a small classifier a phrase looks at the last second or two, every 80 ms.

The embedding takes 6 to 25 % of a core as the wheel's own wrapper runs it; through the XNNPACK
kernels of the same library about 1 % (measured here, with equal scores).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt

from voiced.engines.contracts import BuildContext
from voiced.engines.wake._tflite import TfLiteModel, load_library, package_folder
from voiced.errors import ModelError
from voiced.types import AudioChunk, Detection, Samples, ms_to_samples

_STEP: Final = 1280
"""Samples between two answers, 80 ms: eight mel frames, one embedding."""

_MEL_INPUT: Final = _STEP + 480
"""The step and the overlap that the mel model's windows need to give eight frames for it."""

_MEL_FRAMES: Final = 76
_MEL_BANDS: Final = 32
_EMBEDDING: Final = 96

_WARM_UP_STEPS: Final = 5
"""Answers ignored after a reset, while the classifier looks at made-up silence, as upstream does."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[wake.openwakeword]`."""

    models: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1)], ...],
        msgspec.Meta(
            min_length=1,
            description="The wake words: okay_nabu, hey_jarvis, hey_mycroft, hey_rhasspy, alexa "
            "(CC BY-NC-SA 4.0: not for commercial use), or the path of a .tflite of your own.",
        ),
    ] = ("okay_nabu",)
    threshold: Annotated[
        float,
        msgspec.Meta(
            gt=0,
            lt=1,
            description="How sure it must be (0 to 1): lower wakes more easily, also by mistake.",
        ),
    ] = 0.5
    refractory_ms: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="How long after a detection nothing wakes again, in milliseconds."
        ),
    ] = 1000


def build(options: Options, context: BuildContext) -> OpenWakeWord:
    """Load the shared models and every model of `options`. Raises `ModelError`."""
    package = package_folder("pyopen_wakeword", "pyopen-wakeword")
    library = load_library(package)
    folder = package / "models"
    loaded: list[TfLiteModel] = []

    def load(path: Path, *resize: int) -> TfLiteModel:
        loaded.append(TfLiteModel(library, path, resize=resize, xnnpack=True))
        return loaded[-1]

    try:
        features = _Features(
            load(folder / "melspectrogram.tflite", 1, _MEL_INPUT),
            load(folder / "embedding_model.tflite", 1, _MEL_FRAMES, _MEL_BANDS, 1),
        )
        phrases = []
        for name in options.models:
            path = _locate(name, folder, context)
            phrases.append(_Phrase(path, load(path), features.silence))
    except ModelError:
        for model in loaded:
            model.close()
        raise
    refractory_samples = ms_to_samples(options.refractory_ms)
    return OpenWakeWord(features, phrases, options.threshold, refractory_samples)


def _locate(name: str, builtin: Path, context: BuildContext) -> Path:
    shared = {"melspectrogram", "embedding_model"}
    names = sorted({file.stem for file in builtin.glob("*.tflite")} - shared)
    if name in names:
        return builtin / f"{name}.tflite"
    try:
        return context.models.path(name)
    except ModelError as error:
        raise ModelError(
            f"wake word {name!r} is none of {', '.join(names)}, and {error}"
        ) from error


class _Features:
    """Sound to embeddings, one every `_STEP` samples."""

    def __init__(self, mel: TfLiteModel, embedding: TfLiteModel) -> None:
        self.mel = mel
        self.embedding = embedding
        self._quiet_mels = np.resize(
            self._mels(np.zeros(_MEL_INPUT, dtype=np.float32)), (_MEL_FRAMES, _MEL_BANDS)
        )
        self.silence = self._embed(self._quiet_mels)
        self._sound = np.zeros(_MEL_INPUT - _STEP, dtype=np.float32)
        self._recent_mels = self._quiet_mels

    def push(self, samples: Samples) -> list[npt.NDArray[np.float32]]:
        """The embeddings that `samples` completed, each of shape (96,)."""
        self._sound = np.concatenate((self._sound, samples.astype(np.float32)))
        embeddings = []
        while len(self._sound) >= _MEL_INPUT:
            fresh = self._mels(self._sound[:_MEL_INPUT])
            self._sound = self._sound[_STEP:]
            self._recent_mels = np.concatenate((self._recent_mels, fresh))[-_MEL_FRAMES:]
            embeddings.append(self._embed(self._recent_mels))
        return embeddings

    def _mels(self, sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        # The embedding was trained on another spectrogram; this maps the one model's range to it.
        mels = self.mel.run(sound).reshape(-1, _MEL_BANDS) / np.float32(10) + np.float32(2)
        return mels.astype(np.float32, copy=False)

    def _embed(self, mels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return self.embedding.run(mels).reshape(_EMBEDDING)

    def reset(self) -> None:
        self._sound = np.zeros(_MEL_INPUT - _STEP, dtype=np.float32)
        self._recent_mels = self._quiet_mels

    def close(self) -> None:
        self.mel.close()
        self.embedding.close()


class _Phrase:
    """One classifier and the embeddings that it looks at."""

    def __init__(self, path: Path, model: TfLiteModel, silence: npt.NDArray[np.float32]) -> None:
        shape = model.input_shape
        if len(shape) != 3 or shape[2] != _EMBEDDING or np.prod(model.output_shape) != 1:
            raise ModelError(
                f"{path} is not an openWakeWord model: it takes {list(shape)}, "
                f"not [1, n, {_EMBEDDING}]"
            )
        self.text = path.stem.replace("_", " ").replace("-", " ")
        self.model = model
        self._quiet = np.tile(silence, (shape[1], 1))
        self._recent = self._quiet

    def score(self, embedding: npt.NDArray[np.float32]) -> float:
        self._recent = np.concatenate((self._recent[1:], embedding[np.newaxis]))
        return float(self.model.run(self._recent).flat[0])

    def reset(self) -> None:
        self._recent = self._quiet


class OpenWakeWord:
    """A `WakeWordDetector`; all its phrases share one embedding."""

    def __init__(
        self,
        features: _Features,
        phrases: list[_Phrase],
        threshold: float,
        refractory_samples: int,
    ) -> None:
        """Take over `features` and `phrases`; scores above `threshold` are detections.

        After one, nothing is reported for `refractory_samples`.
        """
        self._features = features
        self._phrases = phrases
        self._threshold = threshold
        self._refractory_samples = refractory_samples
        self._deaf_until: int | None = None
        self._steps = 0

    @property
    def phrases(self) -> tuple[str, ...]:
        return tuple(phrase.text for phrase in self._phrases)

    def detect(self, chunk: AudioChunk) -> Detection | None:
        best: Detection | None = None
        for embedding in self._features.push(chunk.samples):
            self._steps += 1
            for phrase in self._phrases:
                score = phrase.score(embedding)
                if score > self._threshold and (best is None or score > best.score):
                    best = Detection(phrase.text, min(score, 1.0), chunk.end_sample)
        if best is None or self._steps <= _WARM_UP_STEPS:
            return None
        if self._deaf_until is not None and chunk.end_sample <= self._deaf_until:
            return None
        self._deaf_until = chunk.end_sample + self._refractory_samples
        return best

    def reset(self) -> None:
        self._deaf_until = None
        self._steps = 0
        self._features.reset()
        for phrase in self._phrases:
            phrase.reset()

    def close(self) -> None:
        self._features.close()
        for phrase in self._phrases:
            phrase.model.close()
        self._phrases = []
