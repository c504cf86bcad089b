"""openWakeWord with the models in its wheel, and with files of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyopen_wakeword
import pytest

from tests.contract.test_wake_microwakeword import DAMAGE, damaged
from tests.contract.test_wake_microwakeword import MODELS as OTHER_MODELS
from tests.contract.wake_contract import Files, WakeContract, detections, load_spoken, quiet
from voiced.engines.contracts import BuildContext, WakeWordDetector
from voiced.engines.wake import openwakeword
from voiced.engines.wake._tflite import package_folder
from voiced.engines.wake.openwakeword import OpenWakeWord, Options
from voiced.errors import ModelError

MODELS = package_folder("pyopen_wakeword", "pyopen-wakeword") / "models"


def make(options: Options) -> OpenWakeWord:
    return openwakeword.build(options, BuildContext(models=Files(), cache_dir=Path()))


class TestOkayNabu(WakeContract):
    recordings = ("kal16_okay_nabu.wav", "kal16_okay_nabu_turn_on_the_kitchen_lights.wav")
    latest_ms = 700

    def make_engine(self) -> WakeWordDetector:
        return make(Options())


class TestAlexa(WakeContract):
    phrase = "alexa"
    recordings = ("rms_alexa.wav", "slt_alexa.wav")

    def make_engine(self) -> WakeWordDetector:
        return make(Options(models=("alexa",)))


def test_takes_a_model_of_ones_own(tmp_path: Path) -> None:
    shutil.copy(MODELS / "alexa.tflite", tmp_path / "my_word.tflite")
    engine = make(Options(models=(str(tmp_path / "my_word.tflite"),)))
    found = detections(engine, (quiet(1000), load_spoken("rms_alexa.wav").samples, quiet(500)))
    assert [detection.phrase for detection in found] == ["my word"]
    engine.close()


def test_tells_several_phrases_apart() -> None:
    engine = make(Options(models=("okay_nabu", "alexa")))
    nabu, alexa = load_spoken("kal16_okay_nabu.wav"), load_spoken("slt_alexa.wav")
    sound = (quiet(1000), nabu.samples, quiet(1500), alexa.samples, quiet(1500))
    assert [found.phrase for found in detections(engine, sound)] == ["okay nabu", "alexa"]
    engine.close()


def test_hears_as_the_package_of_the_models_does() -> None:
    sound = np.concatenate((load_spoken("rms_alexa.wav").samples, quiet(1000)))
    # Theirs waits for four more spectra than it uses, and steps from another sample: 70 ms in all.
    padded = np.concatenate((np.zeros(1120, dtype=np.int16), sound))
    package = pyopen_wakeword.OpenWakeWordFeatures.from_builtin()
    theirs = [
        embedding.reshape(96)
        for at in range(0, len(padded), 1280)
        for embedding in package.process_streaming(padded[at : at + 1280].tobytes())
    ]
    ours = make(Options())._features.push(sound)
    # Both began with silence, but not with the same one: compare from where it is past.
    assert len(ours) > 20
    assert np.allclose(ours[12:], theirs[12 - len(ours) :], atol=0.2)


def test_answers_nothing_before_it_has_heard_enough() -> None:
    found = detections(make(Options(threshold=1e-9, refractory_ms=0)), (quiet(1000),))
    assert found[0].end_sample == 6 * 1280


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="alexa, hey_jarvis, hey_mycroft, hey_rhasspy, okay_nabu"):
        make(Options(models=("embedding_model",)))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_a_model_error(tmp_path: Path, damage: str) -> None:
    content = damaged((MODELS / "okay_nabu.tflite").read_bytes(), damage)
    (tmp_path / "mine.tflite").write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.tflite"):
        make(Options(models=("alexa", str(tmp_path / "mine.tflite"))))


def test_a_model_of_another_kind_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="is not an openWakeWord model"):
        make(Options(models=(str(OTHER_MODELS / "okay_nabu.tflite"),)))
