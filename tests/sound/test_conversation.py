"""The whole assistant on a real sound server: asked through its microphone, heard through its speaker."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import IO

import numpy as np

from tests.sound.pulse import PulseServer
from voiced.audio.wavfile import SoundReader
from voiced.engines.contracts import BuildContext
from voiced.engines.stt import pocketsphinx
from voiced.models import ModelStore
from voiced.skills.normalise import normalise
from voiced.skills.spoken import spoken_for
from voiced.types import AudioChunk, Samples

QUESTION = Path(__file__).parents[2] / "voiced/cli/demo_questions/what_time_is_it.wav"


def test_the_time_is_asked_and_told_aloud(pulse_server: PulseServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as errors:
        daemon = subprocess.Popen(
            [str(Path(sys.executable).with_name("voiced")), "run"],
            env={**os.environ, **pulse_server.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            with log.open() as lines:
                wait_for("ready", lines, daemon)
                asked_at = datetime.now().astimezone()
                with pulse_server.listen() as speaker:
                    pulse_server.speak(read(QUESTION))
                    wait_for("turn 1 answered by skill", lines, daemon)
                heard = speaker.samples()
        finally:
            daemon.terminate()
            status = daemon.wait(10)
    assert status == 0, log.read_text()
    minutes = [(asked_at + timedelta(minutes=late)).time() for late in (-1, 0, 1)]
    told = transcribe(heard, tmp_path / "cache")
    assert told in [sentence(minute) for minute in minutes]
    assert "what time is it" not in log.read_text(), "a log holds nothing of what is said"


def sentence(moment: time) -> str:
    """How voiced tells the time, as a recogniser writes it."""
    return normalise(f"it's {spoken_for('en').clock_time(moment)}")


def transcribe(heard: Samples, cache: Path) -> str:
    """Which of the 1,440 times of the day was told, as pocketsphinx understands it."""
    minutes = [time(hour, minute) for hour in range(24) for minute in range(60)]
    sentences = [sentence(minute) for minute in minutes]
    context = BuildContext(ModelStore(), cache, sentences=lambda: sentences)
    recogniser = pocketsphinx.build(pocketsphinx.Options(), context)
    session = recogniser.open()
    session.feed(AudioChunk(heard))
    text = session.transcript(final=True).text
    recogniser.close()
    return text


def read(file: Path) -> Samples:
    reader = SoundReader(file)
    samples = np.concatenate(list(reader.pieces()))
    reader.close()
    return samples


def wait_for(wanted: str, lines: IO[str], daemon: subprocess.Popen[bytes]) -> None:
    """Until the daemon's log has a line with `wanted` in it."""
    deadline_s = monotonic() + 60
    seen = ""
    while wanted not in seen:
        line = lines.readline()
        seen += line
        if not line:
            assert daemon.poll() is None, f"it ended before {wanted!r}:\n{seen}"
            assert monotonic() < deadline_s, f"no {wanted!r} in its log:\n{seen}"
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(0.05)
