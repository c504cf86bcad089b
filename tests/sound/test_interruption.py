"""A person interrupts, on a real sound server whose microphone hears its speaker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.sound.daemon import running
from tests.sound.pulse import MICROPHONE, PulseServer
from voiced.audio.resample import StreamResampler
from voiced.engines.contracts import BuildContext
from voiced.engines.tts import piper
from voiced.models import ModelStore
from voiced.types import SAMPLE_RATE_HZ, Samples, ms_to_samples

TRIES = 3
QUIET = 60
"""Below this (-55 dBFS) nothing is being said."""


def test_a_voice_silences_the_answer_and_is_answered(
    echoing_pulse_server: PulseServer, tmp_path: Path
) -> None:
    server = echoing_pulse_server
    asked = spoken("what can you do", tmp_path)
    interruption = spoken("what time is it", tmp_path)
    options = ("--set", "wake.enabled=false")
    with running(server, tmp_path / "log", *options) as daemon:
        with server.listen() as speaker, server.listen(device=MICROPHONE) as microphone:
            # After the sound that says "ready", which teaches the echo canceller the room.
            server.speak(np.concatenate([np.zeros(SAMPLE_RATE_HZ * 2, np.int16), asked]))
            daemon.wait_for("speaking")
            # One in thirty is not noticed: people say it again then.
            for _ in range(TRIES):
                server.speak(np.zeros(SAMPLE_RATE_HZ, np.int16))
                said_after = len(microphone.samples())
                server.speak(interruption)
                if daemon.has_said("turn 1 cancelled by skill", within_s=1):
                    break
            daemon.wait_for("answered by")
        played, heard = speaker.samples(), microphone.samples()
    began = said_after + found(interruption, heard[said_after:]) - found(played, heard)
    silent_after = first_quiet(played, began, ms_to_samples(400)) - began
    assert 0 < silent_after < len(interruption), "the answer did not wait for the person's end"
    answer_begins = began + silent_after + first_loud(played[began + silent_after :])
    assert answer_begins > began + len(interruption), "something was said into the question"


def spoken(text: str, folder: Path) -> Samples:
    """`text` in the voice that voiced does not speak with, at 16 kHz."""
    context = BuildContext(ModelStore(), folder)
    voice = piper.build(piper.Options(voice="en_US-flite_slt-low"), context)
    sound = np.concatenate([chunk.samples for chunk in voice.synthesize(text)])
    resampler = StreamResampler(voice.rate_hz, SAMPLE_RATE_HZ)
    voice.close()
    return np.concatenate([resampler.process(sound), resampler.flush()])


def found(wanted: Samples, within: Samples) -> int:
    """Where `wanted` begins in `within`, by the peak of their correlation; may be negative."""
    size = 1 << (len(wanted) + len(within)).bit_length()
    spectrum = np.fft.rfft(within, size) * np.conj(np.fft.rfft(wanted, size))
    correlation: npt.NDArray[np.float64] = np.fft.irfft(spectrum, size)
    peak = int(np.argmax(correlation))
    return peak if peak < size // 2 else peak - size


def first_quiet(samples: Samples, begin: int, length: int) -> int:
    """The first sample from `begin` on that is followed by so much quiet."""
    loud = np.flatnonzero(np.abs(samples[begin:].astype(np.int32)) > QUIET)
    gaps = np.flatnonzero(np.diff(np.concatenate([[0], loud, [len(samples)]])) > length)
    assert len(gaps), "it never fell silent"
    return begin + (int(loud[gaps[0] - 1]) + 1 if gaps[0] else 0)


def first_loud(samples: Samples) -> int:
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return int(loud[0])
