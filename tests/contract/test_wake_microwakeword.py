"""microWakeWord with the models in its wheel, and with files of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pymicro_wakeword
import pytest

from tests.contract.wake_contract import Files, WakeContract, detections, load_spoken, quiet
from voiced.engines.contracts import BuildContext, WakeWordDetector
from voiced.engines.wake import microwakeword
from voiced.engines.wake._tflite import package_folder
from voiced.engines.wake.microwakeword import MicroWakeWord, Options
from voiced.errors import ModelError
from voiced.types import BLOCK_SAMPLES, AudioChunk

MODELS = package_folder("pymicro_wakeword", "pymicro-wakeword") / "models"
OTHER_KIND = package_folder("pyopen_wakeword", "pyopen-wakeword") / "models" / "alexa.tflite"


def make(options: Options) -> MicroWakeWord:
    return microwakeword.build(options, BuildContext(models=Files(), cache_dir=Path()))


class TestOkayNabu(WakeContract):
    recordings = (
        "rms_okay_nabu.wav",
        "awb_okay_nabu.wav",
        "kal16_okay_nabu.wav",
        "rms_okay_nabu_what_time_is_it.wav",
        "awb_okay_nabu_what_time_is_it.wav",
        "kal16_okay_nabu_turn_on_the_kitchen_lights.wav",
    )

    def make_engine(self) -> WakeWordDetector:
        return make(Options())


class TestAlexa(WakeContract):
    phrase = "alexa"
    recordings = ("rms_alexa.wav", "slt_alexa.wav")

    def make_engine(self) -> WakeWordDetector:
        return make(Options(models=("alexa",)))


@pytest.mark.parametrize("suffix", [".json", ".tflite"])
def test_takes_a_model_of_ones_own(tmp_path: Path, suffix: str) -> None:
    for file in ("okay_nabu.json", "okay_nabu.tflite"):
        shutil.copy(MODELS / file, tmp_path)
    engine = make(Options(models=(str(tmp_path / f"okay_nabu{suffix}"),)))
    assert engine.phrases == ("Okay Nabu",)
    assert len(detections(engine, (quiet(500), load_spoken("rms_okay_nabu.wav").samples))) == 1
    engine.close()


def test_a_lone_tflite_is_called_by_its_file_name(tmp_path: Path) -> None:
    shutil.copy(MODELS / "okay_nabu.tflite", tmp_path / "my_own-word.tflite")
    engine = make(Options(models=(str(tmp_path / "my_own-word.tflite"),)))
    assert engine.phrases == ("my own word",)
    assert len(detections(engine, (quiet(500), load_spoken("rms_okay_nabu.wav").samples))) == 1
    engine.close()


def test_tells_several_phrases_apart() -> None:
    engine = make(Options(models=("okay_nabu", "alexa", "hey_jarvis")))
    assert engine.phrases == ("Okay Nabu", "Alexa", "Hey Jarvis")
    nabu, alexa = load_spoken("rms_okay_nabu.wav"), load_spoken("slt_alexa.wav")
    sound = (quiet(1000), nabu.samples, quiet(1500), alexa.samples, quiet(1500))
    assert [found.phrase for found in detections(engine, sound)] == ["Okay Nabu", "Alexa"]
    engine.close()


def test_a_lower_threshold_wakes_sooner() -> None:
    sound = (quiet(1000), load_spoken("awb_okay_nabu.wav").samples, quiet(1000))
    eager, strict = make(Options(threshold=0.3)), make(Options(threshold=0.9))
    assert detections(eager, sound)[0].end_sample < detections(strict, sound)[0].end_sample


def test_nothing_wakes_within_the_refractory_time() -> None:
    spoken = load_spoken("rms_okay_nabu.wav").samples
    sound = (quiet(1000), spoken, quiet(500), spoken, quiet(1000))
    assert len(detections(make(Options(refractory_ms=0)), sound)) > 1
    assert len(detections(make(Options(refractory_ms=5000)), sound)) == 1


@pytest.mark.parametrize("length", [1, 100, 160, 1000])
def test_blocks_of_another_length_give_the_same(length: int) -> None:
    sound = np.concatenate((quiet(500), load_spoken("rms_okay_nabu.wav").samples, quiet(200)))
    usual = detections(make(Options()), (sound,))
    engine = make(Options())
    chunks = (
        AudioChunk(sound[at : at + length], start_sample=at) for at in range(0, len(sound), length)
    )
    found = [detection for chunk in chunks if (detection := engine.detect(chunk))]
    assert [detection.phrase for detection in found] == ["Okay Nabu"]
    assert abs(found[0].end_sample - usual[0].end_sample) <= max(BLOCK_SAMPLES, length)


def test_forgets_half_a_spectrum_on_reset() -> None:
    sound = (quiet(500), load_spoken("rms_okay_nabu.wav").samples, quiet(200))
    engine = make(Options(refractory_ms=0))
    fresh = detections(engine, sound)
    engine.reset()
    engine.detect(AudioChunk(sound[1][5000:5100]))
    engine.reset()
    assert detections(engine, sound) == fresh


def test_the_surer_phrase_is_reported() -> None:
    engine = make(Options(models=("okay_nabu", "alexa"), threshold=0.0001))
    sound = np.concatenate((quiet(500), load_spoken("slt_alexa.wav").samples, quiet(200)))
    found = engine.detect(AudioChunk(sound))
    assert found is not None
    assert found.phrase == "Alexa"
    assert found.score > 0.9


def test_scores_as_the_package_of_the_model_does() -> None:
    sound = np.concatenate((quiet(500), load_spoken("kal16_okay_nabu.wav").samples, quiet(500)))
    package = pymicro_wakeword.MicroWakeWord.from_builtin(pymicro_wakeword.Model.OKAY_NABU)
    features = pymicro_wakeword.MicroWakeWordFeatures()
    theirs = [
        package.process_streaming_prob(one) or 0.0
        for one in features.process_streaming(sound.tobytes())
    ]
    found = make(Options(threshold=0.0001)).detect(AudioChunk(sound))
    assert found is not None
    assert found.score == pytest.approx(max(theirs), abs=1e-6)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="alexa, hey_jarvis, hey_mycroft, okay_nabu"):
        make(Options(models=("okay_nabo",)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not describe"),
        (b"{", "does not describe"),
        (b"[]", "does not describe"),
        (b"\xff\xfe\x00", "does not describe"),
        (b'{"wake_word": "x"}', "model"),
        (b'{"wake_word": "x", "model": "gone.tflite"}', r"cannot read .*gone\.tflite"),
        (b'{"wake_word": "x", "model": "x.tflite", "micro": {"probability_cutoff": 7}}', "cutoff"),
        (b'{"wake_word": "x", "model": "."}', "cannot read"),
    ],
)
def test_a_wrong_description_is_a_model_error(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "mine.json").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        make(Options(models=(str(tmp_path / "mine.json"),)))


def damaged(good: bytes, damage: str) -> bytes:
    """A file that is no model any more. The wrapper in the wheel dies of every one of them."""
    match damage:
        case "empty":
            return b""
        case "text":
            return b"this is no model\n" * 1000
        case "head only":
            return good[:8]
        case "half":
            return good[: len(good) // 2]
        case "without its tail":
            return good[:-100]
        case "zeros after its head":
            return good[:8] + bytes(len(good) - 8)
        case "another root":
            return b"\x89PNG" + good[4:]
    raise ValueError(damage)


DAMAGE = (
    "empty",
    "text",
    "head only",
    "half",
    "without its tail",
    "zeros after its head",
    "another root",
)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_a_model_error(tmp_path: Path, damage: str) -> None:
    content = damaged((MODELS / "okay_nabu.tflite").read_bytes(), damage)
    (tmp_path / "mine.tflite").write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.tflite"):
        make(Options(models=("alexa", str(tmp_path / "mine.tflite"))))


def test_a_model_of_another_kind_is_a_model_error(tmp_path: Path) -> None:
    manifest = {"wake_word": "alexa", "model": str(OTHER_KIND)}
    (tmp_path / "alexa.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match="is not a microWakeWord model"):
        make(Options(models=(str(tmp_path / "alexa.json"),)))
