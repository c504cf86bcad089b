"""The whole assistant on a real sound server: asked through its microphone, heard through its speaker."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path

import numpy as np

from tests.sound.daemon import running
from tests.sound.pulse import PulseServer
from voiced.audio.wavfile import SoundReader
from voiced.engines.contracts import BuildContext
from voiced.engines.stt import pocketsphinx
from voiced.models import ModelStore
from voiced.skills.normalise import normalise
from voiced.skills.spoken import spoken_for
from voiced.types import SAMPLE_RATE_HZ, AudioChunk, Samples

QUESTION = Path(__file__).parents[2] / "voiced/cli/demo_questions/what_time_is_it.wav"


def test_the_time_is_asked_and_told_aloud(pulse_server: PulseServer, tmp_path: Path) -> None:
    with running(pulse_server, tmp_path / "log") as daemon:
        asked_at = datetime.now().astimezone()
        with pulse_server.listen() as speaker:
            # The sound that says "ready" comes first.
            pulse_server.speak(
                np.concatenate([np.zeros(SAMPLE_RATE_HZ * 2, np.int16), read(QUESTION)])
            )
            daemon.wait_for("turn 1 answered by skill")
        heard = speaker.samples()
    minutes = [(asked_at + timedelta(minutes=late)).time() for late in (-1, 0, 1)]
    told = transcribe(heard, tmp_path / "cache")
    assert told in [sentence(minute) for minute in minutes]
    assert "what time is it" not in daemon.log, "a log holds nothing of what is said"


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
    text = session.transcript().text
    recogniser.close()
    return text


def read(file: Path) -> Samples:
    reader = SoundReader(file)
    samples = np.concatenate(list(reader.pieces()))
    reader.close()
    return samples
