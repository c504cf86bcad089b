"""Wrong input gets one clear line and an exit status, never a traceback."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.conftest import Run

SPEECH = Path(__file__).parents[1] / "data" / "speech"
QUESTION = SPEECH / "slt_what_time_is_it.wav"
RNG = np.random.default_rng(1)


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if line.startswith("voiced: ")]
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.wav", b""),
        ("text.wav", b"this is no sound\n" * 50),
        ("header.wav", QUESTION.read_bytes()[:30]),
    ],
)
def test_what_is_no_sound_is_said_to_be_none(
    voiced: Run, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    for command in (["ask", "--wav"], ["transcribe"]):
        done = voiced(*command, tmp_path / name)
        assert done.status == 65
        assert name in one_line(done.err)


def test_a_file_that_is_not_there(voiced: Run) -> None:
    done = voiced("transcribe", "nowhere.wav")
    assert done.status == 66
    assert "nowhere.wav" in one_line(done.err)


def test_one_bad_file_of_several_loses_none_of_the_others(voiced: Run) -> None:
    done = voiced("transcribe", "nowhere.wav", QUESTION, "--json")
    assert done.status == 66
    assert [row["text"] for row in json.loads(done.out)] == ["what time is it"]


@pytest.mark.parametrize(
    ("rate_hz", "channels", "subtype"),
    [(48_000, 2, "PCM_16"), (8_000, 1, "PCM_U8"), (44_100, 1, "FLOAT"), (16_000, 1, "PCM_24")],
)
def test_other_formats_are_understood(
    voiced: Run, tmp_path: Path, rate_hz: int, channels: int, subtype: str
) -> None:
    import soxr

    sound, from_hz = soundfile.read(QUESTION)
    sound = soxr.resample(sound, from_hz, rate_hz)
    soundfile.write(tmp_path / "q.wav", np.tile(sound[:, None], channels), rate_hz, subtype)
    done = voiced("ask", "--wav", tmp_path / "q.wav", "--json")
    # 8 kHz telephone sound may be misheard; that it is heard and answered is what matters.
    assert json.loads(done.out)["transcript"]
    assert done.status == 0 or rate_hz < 16_000


def test_a_truncated_recording_is_used_as_far_as_it_goes(voiced: Run, tmp_path: Path) -> None:
    data = QUESTION.read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) * 9 // 10])
    done = voiced("transcribe", tmp_path / "cut.wav")
    assert done.status == 0
    assert done.out.startswith("what time")


def test_silence_and_noise_are_not_answered(voiced: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000 * 5), 16_000)
    done = voiced("ask", "--wav", tmp_path / "silence.wav", "--json")
    assert done.status == 1
    assert json.loads(done.out)["transcript"] == ""


def test_ten_minutes_of_noise(voiced: Run, tmp_path: Path) -> None:
    noise = RNG.normal(0, 0.05, 16_000 * 600)
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    done = voiced("ask", "--wav", tmp_path / "noise.wav", "--json")
    assert done.status in (0, 1)
    assert json.loads(done.out)["path"] in ("none", "model", "skill")


def test_a_missing_model_names_the_command_that_fetches_it(voiced: Run) -> None:
    done = voiced(
        "--set", "stt.engine=faster_whisper", "--set", "stt.faster_whisper.model=whisper-base.en",
        "transcribe", QUESTION,
    )  # fmt: skip
    assert done.status == 69
    assert "voiced models pull whisper-base.en" in one_line(done.err)


def test_a_corrupt_model_is_said_to_be_one(voiced: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(5000))
    done = voiced("--set", f"llm.llama_cpp.model={tmp_path / 'broken.gguf'}", "ask", "who are you")
    assert done.status == 69
    assert "broken.gguf" in one_line(done.err)


def test_a_voice_that_is_not_there_falls_back_to_espeak(voiced: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    missing = "tts.piper.voice=en_US-lessac-medium"
    done = voiced("--set", missing, "say", "hello", "--out", out)
    assert done.status == 0
    assert "espeak" in done.err
    assert soundfile.info(out).duration > 0.2
    done = voiced("--set", missing, "--set", "tts.fallback=none", "say", "hello", "--out", out)
    assert done.status == 69


def test_no_microphone(voiced: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    done = voiced("--set", "audio.input=nothing of that name", "run", "--output-wav", out)
    assert done.status == 71
    # Which of the two it is depends on the machine: there is no PortAudio, or no such device.
    assert "libportaudio2" in done.err or "device" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[stt]\nenginee = "pocketsphinx"\n', "stt.engine"),
        ('[endpointing]\nsilence_ms = "fast"\n', "endpointing.silence_ms"),
        ("[stt\n", "config.toml"),
    ],
)
def test_a_wrong_configuration(voiced: Run, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    done = voiced("--config", file, "ask", "what time is it")
    assert done.status == 78
    assert said in one_line(done.err)


def test_wrong_use(voiced: Run) -> None:
    assert voiced("ask").status == 2
    assert voiced("ask", "a", "--wav", "b.wav").status == 2
    assert voiced("say", "...").status == 2
    assert voiced("talk", stdin=None).status == 2
    assert voiced("nonsense").status == 2


def test_a_full_disk_leaves_nothing_behind(voiced: Run, tmp_path: Path) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    # The recogniser is not needed for this, so its cache is not what fills the disk.
    done = voiced(
        "say", "A sentence of some length.", "--out", "x.wav", preexec_fn=small_files_only
    )
    assert done.status == 74
    assert "x.wav" in one_line(done.err)
    assert not list(tmp_path.glob("*.wav*"))


def test_an_output_folder_that_is_not_there(voiced: Run) -> None:
    done = voiced("say", "hello", "--out", "nowhere/x.wav")
    assert done.status == 74
    assert "nowhere" in one_line(done.err)
