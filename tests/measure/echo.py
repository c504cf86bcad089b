"""Measures echo cancellation and the decision "a person interrupts" in simulated rooms.

    python -m tests.measure.echo [--minutes 10] [--trials 40] [--recordings FOLDER]

voiced speaks (its own two Piper voices) and the microphone hears the echo in rooms of several reverberation times,
at several levels; synthetic voices (flite, espeak-ng; with --recordings also every FLAC file of a folder) interrupt.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tests.contract.wake_contract import Files
from tests.measure.scenes import FRAME, load, speech_frames, to_int16
from voiced.audio.far_end import FarEnd
from voiced.audio.front_end import FrontEnd
from voiced.audio.levels import dbfs
from voiced.audio.resample import StreamResampler
from voiced.audio.room import Room, microphone
from voiced.core.barge_in import BargeIn, EchoLevels
from voiced.engines.contracts import BuildContext
from voiced.engines.tts import piper
from voiced.engines.vad import gated
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, AudioChunk, Samples

CONTEXT: Final = BuildContext(models=Files(), cache_dir=Path())
VOICES: Final = Path(__file__).resolve().parents[2] / "models" / "voices"
RT60_S: Final = (0.2, 0.4, 0.6)
ECHO_DB: Final = (-20, -10, 0)
DELAY_MS: Final = {0.2: 40, 0.4: 80, 0.6: 120}
NOISE_DBFS: Final = -66.0

ANSWERS: Final = (
    "It is a quarter past seven, and the sun will set in about an hour and a half.",
    "The kitchen lights are off now. The one above the stove is still on, shall I switch it off, too?",
    "Paris is the capital of France. It lies on the river Seine, and more than two million people live there.",
    "Your timer for the pasta has eleven minutes left, the one for the oven forty two.",
    "I am sorry, I did not find a device with that name. There is a lamp in the bedroom, and one in the hall.",
    "Today it will be cloudy in the morning, with a little rain before noon, and sunny from three o'clock on.",
    "A leap year has three hundred and sixty six days. The next one begins in a little more than two years.",
    "To boil an egg so that the yolk stays soft, put it into boiling water and take it out after six minutes.",
    "Why did the bicycle fall over? Because it was two tired. I have another one, if you can stand it.",
    "The front door is locked, the garage door is open, and nobody has rung the bell since yesterday evening.",
    "Water freezes at zero degrees Celsius, which is thirty two degrees Fahrenheit.",
    "I have put milk, bread, six apples and a bag of rice on your shopping list. Anything else?",
    "The moon is about three hundred and eighty four thousand kilometres away from us.",
    "Good night. I have turned off the lights downstairs and set the heating to sixteen degrees.",
    "There are four trains this afternoon. The fastest leaves at ten minutes to five from platform nine.",
    "An octopus has three hearts and blue blood, and it can squeeze through a hole the size of a coin.",
    "I did not quite understand that. Could you say it again, please?",
    "The bedroom is at nineteen degrees, the living room at twenty one and a half.",
    "Mix two cups of flour with a pinch of salt, add the butter in small pieces, and knead it until it is smooth.",
    "No, the shop closes at eight tonight, so you have twenty five minutes left to get there.",
)
COMMANDS: Final = (
    "stop",
    "wait a moment",
    "turn off the kitchen lights",
    "what time is it",
    "no, I meant the bedroom",
    "set a timer for ten minutes",
    "be quiet please",
    "that is enough",
    "hey, what is the weather like",
    "cancel that",
)
FLITE: Final = ("awb", "slt", "rms", "kal16")
ESPEAK: Final = ("en-us", "en-gb+f3", "en-gb-scotland+m3")

Values = npt.NDArray[np.float64]


@dataclass
class Row:
    """What was seen of one block, and whether a person was noticed with it."""

    probability: float
    levels: EchoLevels
    clean_dbfs: float
    is_noticed: bool


def answers() -> list[Samples]:
    """Each answer by each of our own voices, at 16 kHz."""
    spoken = []
    for name in ("en_US-flite_rms-low", "en_US-flite_slt-low"):
        voice = piper.build(piper.Options(voice=str(VOICES / f"{name}.onnx")), CONTEXT)
        for text in ANSWERS:
            sound = np.concatenate([chunk.samples for chunk in voice.synthesize(text)])
            to_16_khz = StreamResampler(voice.rate_hz, SAMPLE_RATE_HZ, low_delay=False)
            parts = [to_16_khz.process(sound)]
            if voice.rate_hz != SAMPLE_RATE_HZ:
                parts.append(to_16_khz.flush())
            spoken.append(np.concatenate(parts))
        voice.close()
    return spoken


def people(recordings: Path | None) -> list[tuple[str, Samples, int]]:
    """Who interrupts: the sound from its first speech on at -26 dBFS while it speaks, and its end of onset."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "a.wav"
        for number, text in enumerate(COMMANDS):
            for voice in FLITE:
                call([program("flite"), "-voice", voice, "-t", text, "-o", str(out)])
                found.append((f"flite {voice} {text}", at_16_khz(out)))
            speaker = ESPEAK[number % len(ESPEAK)]
            call([program("espeak-ng"), "-v", speaker, "-w", str(out), text])
            found.append((f"espeak {speaker} {text}", at_16_khz(out)))
    if recordings is not None:
        found += [(file.name, load(file)) for file in sorted(recordings.rglob("*.flac"))]
    kept = []
    for name, sound in found:
        speech = speech_frames(sound)
        if speech is None:
            continue
        first, last = np.flatnonzero(speech)[[0, -1]]
        level = np.sqrt((sound[: len(speech) * FRAME][np.repeat(speech, FRAME)] ** 2).mean())
        begin = max(0, int(first) * FRAME - 1600)
        kept.append(
            (
                name,
                to_int16(sound[begin : int(last + 3) * FRAME] * 0.05 / level),
                int(first) * FRAME - begin,
            )
        )
    return kept


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is missing: apt-get install {name}")
    return found


def call(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def at_16_khz(file: Path) -> npt.NDArray[np.float64]:
    import soundfile

    sound, rate_hz = soundfile.read(file, dtype="float32")
    resampler = StreamResampler(rate_hz, SAMPLE_RATE_HZ, low_delay=False)
    if rate_hz == SAMPLE_RATE_HZ:
        return np.asarray(sound, np.float64)
    return np.concatenate((resampler.process_float(sound), resampler.flush_float())).astype(
        np.float64
    )


def loudness(sound: Samples) -> float:
    """The level of what is spoken in a recording, without its pauses, in dBFS."""
    blocks = sound[: len(sound) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES)
    powers = (blocks.astype(np.float64) ** 2).mean(1)
    loud = powers[powers > powers.max() / 1000]
    return float(10 * np.log10(loud.mean() / 32_768**2))


class Bench:
    """A microphone, a speaker, the front end and the detector, from block to block."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.front_end = FrontEnd()
        self.vad = gated.build(gated.Options(), CONTEXT)
        self.barge_in = BargeIn()
        self.far_end = FarEnd(SAMPLE_RATE_HZ)
        self.far_end.take(0)
        self.at = 0

    def run(self, played: Samples, person: Samples | None = None) -> list[Row]:
        rows = []
        self.barge_in.begin()
        for begin in range(0, len(played) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
            block = played[begin : begin + BLOCK_SAMPLES]
            said = np.zeros(BLOCK_SAMPLES, np.int16)
            if person is not None:
                said = person[begin : begin + BLOCK_SAMPLES]
            self.far_end.put(block)
            heard = AudioChunk(microphone(said, self.room.echo(block)), start_sample=self.at)
            self.at = heard.end_sample
            clean = self.front_end.process(heard, self.far_end.take(BLOCK_SAMPLES))
            probability = self.vad.probability(clean)
            levels = self.front_end.levels
            since = self.barge_in.process(probability, levels, clean.end_sample)
            rows.append(Row(probability, levels, dbfs(clean.samples), since is not None))
        return rows


def with_pauses(spoken: Sequence[Samples], pause_s: float) -> Samples:
    pause = np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.int16)
    return np.concatenate([part for sound in spoken for part in (sound, pause)])
