"""Wake words with microWakeWord: tiny streaming models, about 0.3 % of a core a phrase.

The models and the runtime come with the wheel of pymicro-wakeword (Apache-2.0); the method is
described at https://github.com/kahrendt/microWakeWord. A model hears a spectrum every 10 ms and
answers every 30 ms; the phrase counts as heard when the mean of its last answers passes the threshold.

It is reported 30 to 300 ms after the phrase's last sound, 80 to 140 ms in the median, and at a lower
threshold also while that sound goes on (measured here with synthetic voices at 0.85).
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np

from voiced.engines.contracts import BuildContext
from voiced.engines.wake._tflite import TfLiteModel, load_library, package_folder
from voiced.errors import ModelError
from voiced.types import AudioChunk, Detection, ms_to_samples

_HOP_BYTES: Final = 320
"""10 ms of 16-bit sound: the step of the spectra that every microWakeWord model is trained on."""

_BANDS: Final = 40
"""Frequency bands of a spectrum, of the same training."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[wake.microwakeword]`."""

    models: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1)], ...],
        msgspec.Meta(
            min_length=1,
            description="The wake words: okay_nabu, hey_jarvis, hey_mycroft, alexa, or the path of "
            "a model of your own (.json or .tflite).",
        ),
    ] = ("okay_nabu",)
    threshold: Annotated[
        Annotated[float, msgspec.Meta(gt=0, lt=1)] | None,
        msgspec.Meta(
            description="How sure it must be (0 to 1): lower wakes more easily, also by mistake. "
            "Not set: what each model's author chose, 0.85 for okay_nabu."
        ),
    ] = None
    refractory_ms: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="How long after a detection nothing wakes again, in milliseconds."
        ),
    ] = 1000


class _Micro(msgspec.Struct, frozen=True):
    # Where a .tflite comes alone: the cutoff that most published models use, and their window.
    probability_cutoff: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.9
    sliding_window_size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5


class _Manifest(msgspec.Struct, frozen=True):
    """What a model's .json says, as far as it matters here."""

    wake_word: str
    model: str
    micro: _Micro = _Micro()


def build(options: Options, context: BuildContext) -> MicroWakeWord:
    """Load every model of `options`. Raises `ModelError`."""
    package = package_folder("pymicro_wakeword", "pymicro-wakeword")
    library = load_library(package)
    phrases: list[_Phrase] = []
    try:
        for name in options.models:
            manifest, path = _locate(name, package / "models", context)
            threshold = options.threshold
            if threshold is None:
                threshold = manifest.micro.probability_cutoff
            phrases.append(_Phrase(manifest, TfLiteModel(library, path), threshold))
    except ModelError:
        for phrase in phrases:
            phrase.model.close()
        raise
    return MicroWakeWord(phrases, ms_to_samples(options.refractory_ms))


def _locate(name: str, builtin: Path, context: BuildContext) -> tuple[_Manifest, Path]:
    if (builtin / f"{name}.json").is_file():
        path = builtin / f"{name}.json"
    else:
        try:
            path = context.models.path(name)
        except ModelError as error:
            names = ", ".join(sorted(file.stem for file in builtin.glob("*.json")))
            raise ModelError(f"wake word {name!r} is none of {names}, and {error}") from error
    if path.suffix == ".tflite":
        if not path.with_suffix(".json").is_file():
            return _Manifest(wake_word=_spoken(path.stem), model=path.name), path
        path = path.with_suffix(".json")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} does not describe a microWakeWord model: {error}") from error
    return manifest, path.parent / manifest.model


def _spoken(stem: str) -> str:
    return stem.replace("_", " ").replace("-", " ")


class _Phrase:
    """One model and its recent answers."""

    def __init__(self, manifest: _Manifest, model: TfLiteModel, threshold: float) -> None:
        self.text = manifest.wake_word
        self.threshold = threshold
        self.model = model
        shape = model.input_shape
        if (
            len(shape) != 3
            or shape[2] != _BANDS
            or shape[1] < 1
            or np.prod(model.output_shape) != 1
        ):
            model.close()
            raise ModelError(
                f"the model of {self.text!r} is not a microWakeWord model: it takes {list(shape)}, "
                f"not [1, n, {_BANDS}]"
            )
        self._stride = shape[1]
        self._spectra: list[list[float]] = []
        self._recent: deque[float] = deque(maxlen=manifest.micro.sliding_window_size)

    def score(self, spectrum: list[float]) -> float:
        """The mean of the recent answers once `spectrum` is heard, 0 while there are too few."""
        self._spectra.append(spectrum)
        if len(self._spectra) == self._stride:
            values = np.array(self._spectra, dtype=np.float32)[np.newaxis]
            self._spectra.clear()
            self._recent.append(float(self.model.run(values).flat[0]))
        if len(self._recent) < (self._recent.maxlen or 1):
            return 0.0
        return sum(self._recent) / len(self._recent)

    def reset(self) -> None:
        self._spectra.clear()
        self._recent.clear()
        self.model.reset()


class MicroWakeWord:
    """A `WakeWordDetector`; all its phrases share one spectrum."""

    def __init__(self, phrases: list[_Phrase], refractory_samples: int) -> None:
        """Take over `phrases`; after a detection nothing is reported for `refractory_samples`."""
        from pymicro_features import MicroFrontend

        self._phrases = phrases
        self._refractory_samples = refractory_samples
        self._deaf_until: int | None = None
        self._frontend: Any = MicroFrontend()
        self._pending = b""

    @property
    def phrases(self) -> tuple[str, ...]:
        return tuple(phrase.text for phrase in self._phrases)

    def detect(self, chunk: AudioChunk) -> Detection | None:
        best: Detection | None = None
        for spectrum in self._spectra(chunk.samples.tobytes()):
            for phrase in self._phrases:
                score = phrase.score(spectrum)
                if score > phrase.threshold and (best is None or score > best.score):
                    best = Detection(phrase.text, min(score, 1.0), chunk.end_sample)
        if best is None:
            return None
        if self._deaf_until is not None and chunk.end_sample <= self._deaf_until:
            return None
        self._deaf_until = chunk.end_sample + self._refractory_samples
        return best

    def _spectra(self, pcm: bytes) -> list[list[float]]:
        self._pending += pcm
        spectra = []
        while len(self._pending) >= _HOP_BYTES:
            result = self._frontend.process_samples(self._pending[:_HOP_BYTES])
            self._pending = self._pending[result.samples_read * 2 or _HOP_BYTES :]
            if result.features:
                spectra.append(result.features)
        return spectra

    def reset(self) -> None:
        self._pending = b""
        self._deaf_until = None
        self._frontend.reset()
        for phrase in self._phrases:
            phrase.reset()

    def close(self) -> None:
        for phrase in self._phrases:
            phrase.model.close()
        self._phrases = []
