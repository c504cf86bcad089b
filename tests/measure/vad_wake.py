"""Measures voice activity detectors, the segmenter's defaults and wake words on a folder of recordings.

    python -m tests.measure.vad_wake FOLDER

FOLDER holds 16 kHz FLAC files: an4/ and commands/ (utterances), jfk.flac, wake/alexa/ and
wake/not_wake/, room/kitchen_noise.flac and room/*.flac (impulse responses).
What is speech is taken from the level of the clean recordings; the detectors hear them mixed with noise
or in a room, one after the other without a reset, as an assistant does that is always on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.contract.wake_contract import WAKE_DIR, Files, load_spoken
from tests.measure.scenes import (
    AFTER,
    BEFORE,
    SPEECH_DBFS,
    Flags,
    Sound,
    heard,
    load,
    make_scene,
    to_int16,
)
from voiced.core.segmenter import Segmenter, SegmenterSettings
from voiced.engines.contracts import BuildContext, VoiceActivityDetector, WakeWordDetector
from voiced.engines.vad import gated, silero, webrtc
from voiced.engines.wake import microwakeword, openwakeword
from voiced.types import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    AudioChunk,
    Detection,
    Samples,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    samples_to_ms,
)

CONTEXT = BuildContext(models=Files(), cache_dir=Path())
CONDITIONS = (
    ("quiet", None, ""),
    ("20 dB", 20, ""),
    ("10 dB", 10, ""),
    ("5 dB", 5, ""),
    ("0 dB", 0, ""),
    ("bathroom", 20, "ir_bathroom1.flac"),
    ("concrete", 20, "concrete_room.flac"),
)
VADS: dict[str, Callable[[], VoiceActivityDetector]] = {
    "webrtc": lambda: webrtc.build(webrtc.Options(), CONTEXT),
    "silero": lambda: silero.build(silero.Options(), CONTEXT),
    "gated": lambda: gated.build(gated.Options(), CONTEXT),
}


def line(*cells: object) -> None:
    sys.stdout.write("  ".join(f"{cell!s:<12}" for cell in cells).rstrip() + "\n")
    sys.stdout.flush()


def chunks(samples: Samples) -> Iterable[AudioChunk]:
    for at in range(0, len(samples) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        yield AudioChunk(samples[at : at + BLOCK_SAMPLES], start_sample=at)


def probabilities(vad: VoiceActivityDetector, samples: Samples) -> tuple[Sound, float]:
    """Each block's probability, and the share of a core that it took, in percent."""
    began = time.process_time()
    found = np.array([vad.probability(chunk) for chunk in chunks(samples)])
    return found, (time.process_time() - began) / (len(samples) / SAMPLE_RATE_HZ) * 100


def area_under_roc(scores: Sound, speech: Flags) -> float:
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive, negative = speech.sum(), (~speech).sum()
    return float((ranks[speech].sum() - positive * (positive + 1) / 2) / (positive * negative))


def utterances(scores: Sound) -> list[tuple[int, int, list[int]]]:
    """First and last sample of each utterance, and the lengths of the pauses in it."""
    segmenter = Segmenter(SegmenterSettings(no_speech_ms=0))
    segmenter.begin(0)
    found: list[tuple[int, int, list[int]]] = []
    start, paused, pauses = 0, 0, list[int]()
    for number, score in enumerate(scores, 1):
        for event in segmenter.process(float(score), number * BLOCK_SAMPLES):
            if isinstance(event, SpeechStarted):
                start, pauses = event.start_sample, []
            elif isinstance(event, SpeechPaused):
                paused = event.end_sample
            elif isinstance(event, SpeechResumed):
                pauses.append(event.start_sample - paused)
            elif isinstance(event, SpeechEnded):
                found.append((start, event.speech_end_sample, pauses))
                segmenter.begin(event.decided_sample)
    return found


def measure_vad(folder: Path) -> None:
    scene = make_scene(
        sorted([*(folder / "an4").glob("*.flac"), *(folder / "commands").glob("*.flac")])
    )
    pre_roll = SegmenterSettings().pre_roll_ms * SAMPLE_RATE_HZ // 1000
    quiet_s = (
        len(scene.sound) / SAMPLE_RATE_HZ - sum(b - a for a, b in scene.spans) / SAMPLE_RATE_HZ
    )
    line(
        f"{len(scene.spans)} utterances, {quiet_s / 60:.0f} minutes without speech; late: the onset,"
    )
    line("without pre-roll; end: last sound heard after the last sound made; per cent of a core")
    line(
        "scene", "engine", "AUC", "hit/false", "missed", "false/min", "late 50/90", "end 50/95", "%"
    )
    for name, snr_db, impulse in CONDITIONS:
        samples = heard(scene.sound, folder, snr_db, impulse)
        size = len(samples) // BLOCK_SAMPLES
        speech: Flags = np.logical_or(scene.speech[: size * 2 : 2], scene.speech[1 : size * 2 : 2])
        # Frames beside an edge are neither: an echo, a breath, half a block.
        edge = np.convolve(speech, np.ones(21 if impulse else 11), "full")[: len(speech)] > 0
        judged = speech | ~edge
        for engine, make in VADS.items():
            scores, core = probabilities(make(), samples)
            found = utterances(scores)
            late, end, used = [], [], set[int]()
            for first, last in scene.spans:
                over = [i for i, (a, b, _) in enumerate(found) if a < last and b > first - 1600]
                used.update(over)
                if over:
                    late.append(samples_to_ms(found[over[0]][0] + pre_roll - first))
                    end.append(samples_to_ms(found[over[-1]][1] - last))
            hit = (scores[judged & speech] >= 0.6).mean()
            false = (scores[judged & ~speech] >= 0.6).mean()
            line(
                name,
                engine,
                f"{area_under_roc(scores[judged], speech[judged]):.4f}",
                f"{hit:.3f}/{false:.3f}",
                len(scene.spans) - len(late),
                f"{(len(found) - len(used)) / quiet_s * 60:.2f}",
                "/".join(f"{v:.0f}" for v in np.percentile(late, (50, 90))),
                "/".join(f"{v:.0f}" for v in np.percentile(end, (50, 95))),
                f"{core:.2f}",
            )


def measure_idle(folder: Path) -> None:
    line("\nIdle: per cent of a core in a minute of digital silence, hiss, and kitchen noise")
    minute = np.zeros(60 * SAMPLE_RATE_HZ)
    hiss = heard(minute, folder, None, "")
    kitchens = [heard(minute, folder, snr_db, "") for snr_db in (20, 10, 0)]
    for engine, make in VADS.items():
        shares = [probabilities(make(), sound)[1] for sound in (to_int16(minute), hiss, *kitchens)]
        line(engine, *(f"{share:.3f}" for share in shares))


def measure_pauses(folder: Path) -> None:
    line("\nPauses: how many recordings hold a silence at least so long, in ms")
    limits = (200, 300, 400, 500, 600, 700, 900)
    line("", "of", *limits)
    for name, files in (
        ("an4", sorted((folder / "an4").glob("*.flac"))),
        ("commands", sorted((folder / "commands").glob("*.flac"))),
        ("jfk", [folder / "jfk.flac"]),
    ):
        longest = []
        for file in files:
            padded = np.concatenate((np.zeros(BEFORE), load(file), np.zeros(AFTER)))
            found = utterances(probabilities(VADS["gated"](), heard(padded, folder, None, ""))[0])
            gaps = [samples_to_ms(pause) for _, _, pauses in found for pause in pauses]
            gaps += [samples_to_ms(after[0] - before[1]) for before, after in pairwise(found)]
            longest.append(max(gaps, default=0))
        line(name, len(files), *(sum(gap >= limit for gap in longest) for limit in limits))


def detections(wake: WakeWordDetector, samples: Samples) -> list[Detection]:
    wake.reset()
    return [found for chunk in chunks(samples) if (found := wake.detect(chunk)) is not None]


def mixed(file: Path, folder: Path, snr_db: int | None, impulse: str) -> Samples:
    sound = load(file)
    sound *= 10 ** (SPEECH_DBFS / 20) / np.sqrt(np.mean(np.sort(sound**2)[-len(sound) // 4 :]))
    return heard(
        np.concatenate((np.zeros(BEFORE), sound, np.zeros(AFTER))), folder, snr_db, impulse
    )


def measure_wake(folder: Path) -> None:
    micro, open_ = microwakeword, openwakeword
    kinds: dict[str, Callable[[str], WakeWordDetector]] = {
        "micro": lambda name: micro.build(micro.Options(models=(name,)), CONTEXT),
        "micro 0.7": lambda n: micro.build(micro.Options(models=(n,), threshold=0.7), CONTEXT),
        "open": lambda name: open_.build(open_.Options(models=(name,)), CONTEXT),
    }
    alexas = sorted((folder / "wake" / "alexa").glob("*.flac"))
    line(f"\nAlexa, said by {len(alexas)} people: how many wake it")
    line("", *(name for name, _, _ in CONDITIONS))
    for kind, make in kinds.items():
        wake = make("alexa")
        counts = [
            sum(bool(detections(wake, mixed(file, folder, snr, room))) for file in alexas)
            for _, snr, room in CONDITIONS
        ]
        line(kind, *counts)
    measure_false_wakes(folder, kinds)
    measure_delay(kinds)


def measure_false_wakes(folder: Path, kinds: dict[str, Callable[[str], WakeWordDetector]]) -> None:
    parts = [
        (folder / "wake" / "not_wake", "*.flac"),
        (folder / "an4", "*.flac"),
        (folder / "commands", "*.flac"),
        (folder, "jfk.flac"),
        (folder / "room", "kitchen_noise.flac"),
    ]
    sounds = [[to_int16(load(file)) for file in sorted(f.glob(glob))] for f, glob in parts]
    hours = [sum(map(len, part)) / SAMPLE_RATE_HZ / 3600 for part in sounds]
    line("\nFalse wakes; at the end, per cent of a core")
    line("", "", *(f.name if "*" in glob else glob for f, glob in parts))
    line("", "hours", *(f"{length:.2f}" for length in hours))
    for kind, make in kinds.items():
        for name in ("okay_nabu", "alexa"):
            wake = make(name)
            began = time.process_time()
            counts = [sum(len(detections(wake, one)) for one in part) for part in sounds]
            core = (time.process_time() - began) / sum(hours) / 36
            line(kind, name, *counts, f"{core:.2f}")


def measure_delay(kinds: dict[str, Callable[[str], WakeWordDetector]]) -> None:
    line("\nWhen it is reported, in ms after the phrase's last sound (synthetic voices)")
    entries = json.loads((WAKE_DIR / "manifest.json").read_text(encoding="utf-8"))
    for entry in (entry for entry in entries if entry["phrase"]):
        spoken = load_spoken(entry["file"])
        end_ms = samples_to_ms(BEFORE) + (spoken.phrase_end_ms or 0)
        sound = np.concatenate((np.zeros(BEFORE), spoken.samples / 32767, np.zeros(AFTER)))
        delays = []
        for make in kinds.values():
            found = detections(make(spoken.phrase.replace(" ", "_")), to_int16(sound))
            delays.append(f"{samples_to_ms(found[0].end_sample) - end_ms:.0f}" if found else "-")
        line(*delays, entry["file"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of recordings")
    parts = {
        "vad": measure_vad,
        "idle": measure_idle,
        "pauses": measure_pauses,
        "wake": measure_wake,
    }
    parser.add_argument("--only", choices=parts, action="append", help="measure only this")
    chosen = parser.parse_args(arguments)
    for name in chosen.only or parts:
        parts[name](chosen.folder)


if __name__ == "__main__":
    main()
