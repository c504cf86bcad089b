"""The commands, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.conftest import Run

SPEECH = Path(__file__).parents[1] / "data" / "speech"
COMMANDS = [
    "run", "talk", "ask", "transcribe", "say", "demo", "ctl", "ptt", "status", "logs", "service", "devices",
    "models", "config", "doctor", "bench",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(voiced: Run, command: str) -> None:
    done = voiced(command, "--help")
    assert done.status == 0
    assert f"voiced {command}" in done.out or f"{command} " in done.out
    assert "examples:" in done.out


def test_a_typed_question_is_answered_by_a_skill(voiced: Run) -> None:
    done = voiced("ask", "what day is it", "--json")
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    assert answer["path"] == "skill"
    assert answer["reply"].strip(".").split()[-1].endswith("day")


def test_a_typed_question_is_answered_by_the_model(voiced: Run) -> None:
    done = voiced("ask", "what is the capital of france")
    assert done.status == 0, done.err
    assert "Paris" in done.out


def test_a_recorded_question_is_answered_aloud(voiced: Run, tmp_path: Path) -> None:
    question, reply = SPEECH / "slt_turn_off_the_kitchen_lights.wav", tmp_path / "reply.wav"
    done = voiced("ask", "--wav", question, "--out", reply, "--json")
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    assert answer["transcript"] == "turn off the kitchen lights"
    assert answer["path"] == "skill"
    assert "kitchen" in answer["reply"]
    timings = answer["timings_ms"]
    assert {"speech_end", "endpoint", "first_clause", "commit", "first_audio"} <= set(timings)
    (*_, answered) = answer["revisions"]
    assert (answered["text"], answered["fate"]) == (answer["transcript"], "committed")
    assert list(timings.values()) == sorted(timings.values())
    assert 0 < timings["speech_end"] <= 1000 * soundfile.info(question).duration
    sound, rate_hz = soundfile.read(reply)
    assert len(sound) > rate_hz
    assert np.abs(sound).max() > 0.05


def test_what_it_says_is_understood_again(voiced: Run, tmp_path: Path) -> None:
    spoken = tmp_path / "spoken.wav"
    assert voiced("say", "Turn off the kitchen lights.", "--out", spoken).status == 0
    done = voiced("transcribe", spoken, "--json")
    assert done.status == 0, done.err
    (row,) = json.loads(done.out)
    assert row["file"] == str(spoken)
    assert row["text"] == "turn off the kitchen lights"
    assert row["confidence"] > 0.3
    assert row["seconds"] == pytest.approx(soundfile.info(spoken).duration, abs=0.1)


def test_run_answers_a_file_into_a_file(voiced: Run, tmp_path: Path) -> None:
    question = Path(__file__).parents[2] / "voiced/cli/demo_questions/what_time_is_it.wav"
    answers = tmp_path / "answers.wav"
    done = voiced("run", "--input-wav", question, "--output-wav", answers)
    assert done.status == 0, done.err
    assert "turn 1 answered by skill" in done.err
    assert soundfile.info(answers).duration > 0.5


def test_devices_and_doctor_work_without_sound(voiced: Run) -> None:
    assert voiced("devices", "--json").status in (0, 71)
    done = voiced("doctor", "--json")
    assert done.status == 0, done.out
    states = {finding["what"]: finding["state"] for finding in json.loads(done.out)}
    assert states["configuration"] == "ok"
    assert states["stt: pocketsphinx"] == "ok"


def test_bench_measures_every_stage(voiced: Run) -> None:
    done = voiced("bench", "--json")
    assert done.status == 0, done.err
    rows = json.loads(done.out)
    stages = {row["stage"] for row in rows}
    assert stages == {
        "speech", "voice activity", "wake word", "recognition", "skills", "language model"
    }  # fmt: skip
    assert all(row["value"] >= 0 for row in rows)


def test_the_demo_holds_its_conversation(voiced: Run, tmp_path: Path) -> None:
    done = voiced("demo", "--out", tmp_path / "conversation.wav")
    assert done.status == 0, done.out + done.err
    assert "4 of 4 questions answered" in done.out
    assert "first sound" in done.out
    sound, rate_hz = soundfile.read(tmp_path / "conversation.wav")
    assert sound.shape[1] == 2
    assert rate_hz == 16_000
    for side in (0, 1):
        assert np.abs(sound[:, side]).max() > 0.05
