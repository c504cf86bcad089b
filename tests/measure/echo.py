"""Measures echo cancellation and the decision "a person interrupts" in simulated rooms.

    python -m tests.measure.echo [--minutes 10] [--trials 24] [--recordings FOLDER] [--drift PPM ...]

voiced speaks with its own two Piper voices and the microphone hears the echo, in rooms of several
reverberation times and at several levels. Synthetic voices (flite and espeak-ng, which must be installed;
with --recordings also every FLAC file of a folder) interrupt, as loud as the echo. "warm" is what happens
once voiced has spoken for a while, "cold" the first three seconds of the first answer. With --drift the
speaker's clock runs faster than the microphone's by so many millionths, in three of the rooms.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from voiced.types import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    AudioChunk,
    Samples,
    ms_to_samples,
    samples_to_ms,
)

CONTEXT: Final = BuildContext(models=Files(), cache_dir=Path())
VOICES: Final = Path(__file__).resolve().parents[2] / "models" / "voices"
RT60_S: Final = (0.2, 0.4, 0.6)
ECHO_DB: Final = (-20, -10, 0)
DELAY_MS: Final = {0.2: 40, 0.4: 80, 0.6: 120}
NOISE_DBFS: Final = -66.0
PERSON_DBFS: Final = -26.0
LEAD: Final = 1_600
TAPS: Final = 32
DRIFT_ROOMS: Final = ((0.2, 0), (0.4, -10), (0.6, -20))
LATE_S: Final = 3e-4
"""How late a device's block is handed over, on average."""

ANSWERS: Final = (
    "It is a quarter past seven, and the sun will set in about an hour and a half.",
    "The kitchen lights are off now. The one above the stove is still on, shall I switch it off, too?",
    "Paris is the capital of France. It lies on the Seine, and more than two million people live there.",
    "Your timer for the pasta has eleven minutes left, the one for the oven forty two.",
    "I did not find a device with that name. There is a lamp in the bedroom, and one in the hall.",
    "It will be cloudy in the morning, with a little rain before noon, and sunny from three o'clock on.",
    "A leap year has three hundred and sixty six days. The next one begins in about two years.",
    "For an egg whose yolk is soft, put it into boiling water and take it out after six minutes.",
    "Why did the bicycle fall over? Because it was two tired. I have another one, if you can stand it.",
    "The front door is locked, the garage door is open, and nobody has rung the bell since yesterday.",
    "Water freezes at zero degrees Celsius, which is thirty two degrees Fahrenheit.",
    "I have put milk, bread, six apples and a bag of rice on your shopping list. Anything else?",
    "The moon is about three hundred and eighty four thousand kilometres away from us.",
    "Good night. I have turned off the lights downstairs and set the heating to sixteen degrees.",
    "There are four trains this afternoon. The fastest leaves at ten minutes to five from platform nine.",
    "An octopus has three hearts and blue blood, and it can squeeze through a hole the size of a coin.",
    "I did not quite understand that. Could you say it again, please?",
    "The bedroom is at nineteen degrees, the living room at twenty one and a half.",
    "Mix two cups of flour with some salt, add the butter in small pieces, and knead until it is smooth.",
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


@dataclass(frozen=True)
class Person:
    """What somebody says; speech begins at sample `onset` of it."""

    name: str
    said: Samples
    onset: int


@dataclass
class Row:
    """What was seen of one block, and whether a person was noticed with it."""

    probability: float
    levels: EchoLevels
    clean_dbfs: float
    is_noticed: bool


def answers() -> list[list[Samples]]:
    """All answers by each of our own voices, at 16 kHz."""
    voices = []
    for name in ("en_US-flite_rms-low", "en_US-flite_slt-low"):
        voice = piper.build(piper.Options(voice=str(VOICES / f"{name}.onnx")), CONTEXT)
        spoken = []
        for text in ANSWERS:
            sound = np.concatenate([chunk.samples for chunk in voice.synthesize(text)])
            to_16_khz = StreamResampler(voice.rate_hz, SAMPLE_RATE_HZ, low_delay=False)
            parts = [to_16_khz.process(sound)]
            if voice.rate_hz != SAMPLE_RATE_HZ:
                parts.append(to_16_khz.flush())
            spoken.append(np.concatenate(parts))
        voice.close()
        voices.append(spoken)
    return voices


def people(recordings: Path | None) -> list[Person]:
    """Who interrupts: from shortly before the first speech on, at -26 dBFS while they speak."""
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
        begin = max(0, int(first) * FRAME - LEAD)
        said = to_int16(sound[begin : int(last + 3) * FRAME] * 10 ** (PERSON_DBFS / 20) / level)
        person = Person(name, said, int(first) * FRAME - begin)
        if is_noticed_in_quiet(person):
            kept.append(person)
    return kept


def is_noticed_in_quiet(person: Person) -> bool:
    """Whether the label of the onset is right: nobody is to be noticed later than 300 ms in a quiet room."""
    vad = gated.build(gated.Options(), CONTEXT)
    quiet = np.random.default_rng(1).standard_normal(SAMPLE_RATE_HZ + len(person.said)) * 16
    quiet[SAMPLE_RATE_HZ:] += person.said
    speech = [vad.probability(block) >= 0.6 for block in blocks(quiet.astype(np.int16))]
    vad.close()
    due = SAMPLE_RATE_HZ + person.onset + ms_to_samples(300)
    return any(speech[: due // BLOCK_SAMPLES])


def blocks(sound: Samples) -> Iterator[AudioChunk]:
    for at in range(0, len(sound) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        yield AudioChunk(sound[at : at + BLOCK_SAMPLES], start_sample=at)


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


class Air:
    """A speaker with a clock of its own, and what the microphone hears of it."""

    def __init__(self, room: Room, far_end: FarEnd, ppm: float) -> None:
        self.room = room
        self.far_end = far_end
        self.pace = 1 + ppm * 1e-6
        self.queue: Samples = np.zeros(0, np.int16)
        self.put_blocks = 0
        self.echo = np.zeros(TAPS, np.float32)
        """From `TAPS` samples before the next one that is heard, as the speaker counts them."""
        self.at = 0.0

    def next_put_s(self) -> float:
        """Half a block before it is needed, so that neither clock has to be the first."""
        return (self.put_blocks - 0.5) * BLOCK_SAMPLES / SAMPLE_RATE_HZ / self.pace

    def put(self) -> None:
        block = np.zeros(BLOCK_SAMPLES, np.int16)
        given = self.queue[:BLOCK_SAMPLES]
        block[: len(given)] = given
        self.queue = self.queue[BLOCK_SAMPLES:]
        self.far_end.put(block)
        self.echo = np.concatenate((self.echo, self.room.echo(block)))
        self.put_blocks += 1

    def hear(self) -> npt.NDArray[np.float32]:
        """The echo in the next block of the microphone."""
        places = self.at + TAPS + self.pace * np.arange(BLOCK_SAMPLES)
        whole = places.astype(int)
        near = whole[:, np.newaxis] + np.arange(1 - TAPS // 2, TAPS // 2 + 1)
        away = places[:, np.newaxis] - near
        weights = np.sinc(away) * np.cos(np.pi * away / (TAPS + 2)) ** 2
        heard = (self.echo[near] * weights).sum(1).astype(np.float32)
        self.at += self.pace * BLOCK_SAMPLES
        done = int(self.at)
        self.echo, self.at = self.echo[done:], self.at - done
        return heard


class Bench:
    """A microphone, a speaker, the front end and the detector, from block to block."""

    def __init__(self, room: Room, ppm: float = 0.0) -> None:
        self.front_end = FrontEnd()
        self.vad = gated.build(gated.Options(), CONTEXT)
        self.barge_in = BargeIn()
        self.now_s = 0.0
        self.random = np.random.default_rng(1)
        self.far_end = FarEnd(SAMPLE_RATE_HZ, lambda: self.now_s)
        self.far_end.take(0)
        self.air = Air(room, self.far_end, ppm)
        self.at = 0

    def run(self, played: Samples, said: Samples | None = None) -> list[Row]:
        rows = []
        self.barge_in.begin()
        self.air.queue = played
        for person in blocks(np.zeros_like(played) if said is None else said):
            end_s = (self.at + BLOCK_SAMPLES) / SAMPLE_RATE_HZ
            while (put_s := self.air.next_put_s()) < end_s:
                self.now_s = put_s + self.random.exponential(LATE_S)
                self.air.put()
            self.now_s = end_s + self.random.exponential(LATE_S)
            sound = microphone(person.samples, self.air.hear())
            heard = AudioChunk(sound, start_sample=self.at)
            self.at = heard.end_sample
            clean = self.front_end.process(heard, self.far_end.take(BLOCK_SAMPLES))
            probability = self.vad.probability(clean)
            levels = self.front_end.levels
            since = self.barge_in.process(probability, levels, clean.end_sample)
            rows.append(Row(probability, levels, dbfs(clean.samples), since is not None))
        return rows

    def close(self) -> None:
        self.front_end.close()
        self.vad.close()


@dataclass
class Interruptions:
    """When people were noticed, in ms after their onset; nan where they were not."""

    after_ms: list[float] = field(default_factory=list)
    false: int = 0

    def add(self, rows: Sequence[Row], onset: int, end: int) -> None:
        noticed = [
            (number + 1) * BLOCK_SAMPLES for number, row in enumerate(rows) if row.is_noticed
        ]
        self.false += sum(at < onset for at in noticed)
        after = [at for at in noticed if onset <= at < end + ms_to_samples(200)]
        self.after_ms.append(samples_to_ms(after[0] - onset) if after else math.nan)

    def __str__(self) -> str:
        times = np.array(self.after_ms)
        share = f"{np.isfinite(times).sum()}/{len(times)}"
        if not np.isfinite(times).any():
            return f"{share:>8}{'-':>6}{'-':>6}"
        p50, p95 = np.nanpercentile(times, [50, 95])
        return f"{share:>8}{p50:>6.0f}{p95:>6.0f}"


@dataclass
class Result:
    """One room at one level."""

    heard_dbfs: float
    filtered_dbfs: float
    left_dbfs: float
    speech: float
    false: int
    minutes: float
    first_false: int
    first_minutes: float
    warm: Interruptions
    cold: Interruptions

    def __str__(self) -> str:
        return (
            f"{self.heard_dbfs:>7.0f}{self.heard_dbfs - self.filtered_dbfs:>8.0f}"
            f"{self.heard_dbfs - self.left_dbfs:>7.0f}{self.speech * 100:>8.2f}"
            f"{self.false:>7} in {self.minutes:<5.1f}{self.first_false:>5} in {self.first_minutes:<5.1f}"
            f"{self.warm}{self.cold}"
        )


def measure(
    rt60_s: float,
    echo_db: float,
    voices: Sequence[Sequence[Samples]],
    others: Sequence[Person],
    args: Args,
    ppm: float = 0.0,
) -> Result:
    """Half of it with each voice, as an assistant has one: what the filter has never heard it cannot know."""
    random = np.random.default_rng(round(rt60_s * 100 - echo_db))
    silence = np.zeros(SAMPLE_RATE_HZ, np.int16)
    alone, settled, first = list[Row](), list[Row](), list[Row]()
    warm, cold = Interruptions(), Interruptions()

    def bench(seed: int) -> Bench:
        return Bench(Room(rt60_s, echo_db, DELAY_MS[rt60_s], seed, noise_dbfs=NOISE_DBFS), ppm)

    def answer(voice: Sequence[Samples]) -> Samples:
        return voice[int(random.integers(len(voice)))]

    def interrupt(
        room: Bench, voice: Sequence[Samples], lead: Samples, found: Interruptions
    ) -> None:
        person, said = others[int(random.integers(len(others)))], answer(voice)
        latest = min(len(said) - SAMPLE_RATE_HZ, 3 * SAMPLE_RATE_HZ)
        begin = len(lead) + int(random.integers(0, max(1, latest)))
        played = np.concatenate((lead, said, silence[: SAMPLE_RATE_HZ // 2]))
        louder = 10 ** ((loudness(said) + echo_db - PERSON_DBFS) / 20)
        words = np.clip(person.said * louder, -32_768, 32_767)[: len(played) - begin]
        other = np.zeros_like(played)
        other[begin : begin + len(words)] = words
        found.add(room.run(played, other), begin + person.onset, begin + len(words))

    for voice in voices:
        room = bench(round(rt60_s * 10))
        rows = room.run(silence)
        while len(rows) * BLOCK_SAMPLES < args.minutes / len(voices) * 60 * SAMPLE_RATE_HZ:
            pause = silence[: int(random.choice([3_200, 8_000, 16_000]))]
            rows += room.run(np.concatenate((answer(voice), pause)))
        alone += rows
        settled += [row for row in rows[1_000:] if row.levels.echo_dbfs > -50]
        for number in range(args.trials // len(voices)):
            interrupt(room, voice, silence[:0], warm)
            room.run(np.concatenate((answer(voice)[: 2 * SAMPLE_RATE_HZ], silence)))
            new = bench(100 + number)
            interrupt(new, voice, silence, cold)
            new.close()
            new = bench(300 + number)
            first += new.run(
                np.concatenate((silence, answer(voice), silence[:6_400], answer(voice)))
            )
            new.close()
        room.close()
    return Result(
        heard_dbfs=float(np.median([row.levels.heard_dbfs for row in settled])),
        filtered_dbfs=float(np.median([row.levels.rest_dbfs for row in settled])),
        left_dbfs=float(np.median([row.clean_dbfs for row in settled])),
        speech=float(np.mean([row.probability >= 0.6 for row in alone])),
        false=sum(row.is_noticed for row in alone),
        minutes=len(alone) / 3_000,
        first_false=sum(row.is_noticed for row in first),
        first_minutes=len(first) / 3_000,
        warm=warm,
        cold=cold,
    )


class Args(argparse.Namespace):
    """The command line."""

    minutes: float
    trials: int
    recordings: Path | None
    drift: list[float] | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="of own speech in each room")
    parser.add_argument("--trials", type=int, default=24, help="interruptions in each room")
    parser.add_argument(
        "--recordings", type=Path, metavar="FOLDER", help="more people who interrupt"
    )
    parser.add_argument(
        "--drift", type=float, nargs="+", metavar="PPM", help="of the speaker's clock"
    )
    args = parser.parse_args(namespace=Args())
    voices, others = answers(), people(args.recordings)
    print(f"{len(ANSWERS)} answers, {len(voices)} voices, {len(others)} people. Levels in dBFS;")
    print(
        "echo removed, in dB, by the filter and in all; per cent of blocks of own speech with a speech"
    )
    print("probability of 0.6; false alarms, and those in the first two answers;")
    print("interruptions noticed, and how long after the onset (p50, p95, in ms), warm and cold")
    print(
        f"{'ppm':>5}{'rt60':>5}{'echo':>5}{'heard':>7}{'filter':>8}{'all':>7}{'speech':>8}"
        f"{'false':>7} in min  {'first':>5} in min  "
        f"{'warm':>7}{'p50':>6}{'p95':>6}{'cold':>8}{'p50':>6}{'p95':>6}"
    )
    rooms = [(rt60_s, echo_db) for rt60_s in RT60_S for echo_db in ECHO_DB]
    for ppm in args.drift or (0.0,):
        results = []
        for rt60_s, echo_db in DRIFT_ROOMS if args.drift else rooms:
            results.append(measure(rt60_s, echo_db, voices, others, args, ppm))
            print(f"{ppm:>5.0f}{rt60_s:>5}{echo_db:>5}{results[-1]}", flush=True)
        warm, cold = (
            Interruptions(
                [after for found in group for after in found.after_ms],
                sum(found.false for found in group),
            )
            for group in ([r.warm for r in results], [r.cold for r in results])
        )
        print(
            f"all rooms: {sum(r.false for r in results)} false alarms in"
            f" {sum(r.minutes for r in results):.0f} minutes; warm {warm}, cold {cold};"
            f" {warm.false + cold.false} noticed before they began"
        )


if __name__ == "__main__":
    main()
