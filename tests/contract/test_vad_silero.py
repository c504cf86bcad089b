"""Silero VAD, and what becomes of a model file that is not one."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import vad

from tests.contract.vad_contract import VadContract, hiss, listen
from tests.contract.wake_contract import Files
from voiced.engines.contracts import BuildContext, VoiceActivityDetector
from voiced.engines.vad import _models, silero
from voiced.errors import ModelError
from voiced.types import BLOCK_SAMPLES, AudioChunk


def make() -> silero.SileroVad:
    return silero.build(silero.Options(), BuildContext(models=Files(), cache_dir=Path()))


class TestSilero(VadContract):
    def make_engine(self) -> VoiceActivityDetector:
        return make()


def test_hiss_is_no_speech() -> None:
    assert listen(make(), hiss(10_000)).max() < 0.3


def test_answers_with_the_newest_whole_window() -> None:
    answers = listen(make(), hiss(400))
    # A window is 1.6 blocks: the first block completes none, every second or third repeats the last.
    assert answers[0] == 0
    assert len(set(answers)) == 20 * BLOCK_SAMPLES // _models.SILERO_WINDOW_SAMPLES + 1


def test_answers_as_the_package_of_the_model_does() -> None:
    speech = TestSilero().speech()
    sound = np.concatenate((hiss(1024), speech, hiss(1024)))
    sound = sound[: len(sound) // 512 * 512]
    theirs = vad.get_vad_model()(sound.astype(np.float32) / 32768)
    engine = make()
    # Fed window by window: more than 63 of them are quiet, but never 63 in a row.
    ours = [
        engine.probability(AudioChunk(sound[at : at + 512])) for at in range(0, len(sound), 512)
    ]
    # Theirs takes the end of the last window for the silence before the first one.
    assert np.allclose(ours[:-1], theirs[:-1], atol=1e-4)


def test_takes_several_windows_at_once_like_one_after_the_other() -> None:
    sound = hiss(640)
    one_by_one, at_once = make(), make()
    listen(one_by_one, sound)
    at_once.probability(AudioChunk(sound))
    assert one_by_one.probability(AudioChunk(hiss(32))) == at_once.probability(AudioChunk(hiss(32)))


@pytest.mark.parametrize(("quiet_windows", "is_renewed"), [(62, False), (63, True)])
def test_is_renewed_in_a_long_silence(quiet_windows: int, is_renewed: bool) -> None:
    engine, fresh = make(), make()
    engine.probability(AudioChunk(np.zeros(quiet_windows * 512, dtype=np.int16)))
    speech = TestSilero().speech()
    # The first block completes no window: it repeats what was before.
    answers, expected = listen(engine, speech)[1:], listen(fresh, speech)[1:]
    assert np.array_equal(answers, expected) == is_renewed


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "junk"])
def test_a_damaged_model_is_said_to_be_one(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "silero.onnx"
    shutil.copy(_models.silero_path(), path)
    content = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"this is no model\n" * 1000,
            "truncated": content[: len(content) // 2],
            "junk": content[:1000] + bytes(1000) + content[2000:],
        }[damage]
    )
    with pytest.raises(ModelError, match=r"silero\.onnx is damaged"):
        _models.load_silero(path)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str, package: Any = None) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(ModelError, match="pip install faster-whisper"):
        make()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        _models.load_silero(tmp_path / "gone.onnx")
