"""Measures a speech-to-text engine on folders of recordings with texts.

    python -m tests.measure.stt_wer FOLDER... [--engine NAME] [--set KEY=VALUE] [--device NAME=DOMAIN]

A FOLDER holds a `manifest.json`, a list of objects with `file`, `text` (missing for noise) and, if wanted,
`kind` and `seconds`, and the 16 kHz files. Groups are the sub-folders, or the kinds where there are none.
With `--quiet-after MS` what follows the last sound is cut off, or filled up with its own quiet, to
that length: a pause that the turn engine looks at is 100 to 200 ms old.
For each it prints the word error rate, the share of sentences without an error, the real-time factor (CPU
time of all threads by the length of the sound), the CPU time from the end of the sound to the transcript, and
how well `confidence` tells right from wrong: the area under the ROC curve, and the mean of both sides.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from msgspec import convert
from unicode_rbnf import RbnfEngine

from voiced.engines import registry
from voiced.engines.contracts import BuildContext, SpeechToText
from voiced.models.store import ModelStore
from voiced.skills.names import Device, common_names
from voiced.skills.sentences import expected_sentences
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, AudioChunk, Samples, Transcript

LONGEST_S = 30
NUMBERS = RbnfEngine.for_language("en")


@dataclass
class Recording:
    """One file of a manifest; `text` is None where nobody says anything that was written down."""

    file: Path
    group: str
    text: str | None


@dataclass
class Group:
    """What was measured on the recordings of one group."""

    errors: int = 0
    words: int = 0
    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    silent: int = 0
    sound_s: float = 0.0
    cpu_s: float = 0.0
    end_ms: list[float] = field(default_factory=list)

    def add(self, other: Group) -> None:
        self.errors += other.errors
        self.words += other.words
        self.right += other.right
        self.wrong += other.wrong
        self.silent += other.silent
        self.sound_s += other.sound_s
        self.cpu_s += other.cpu_s
        self.end_ms += other.end_ms

    def row(self, name: str) -> str:
        count = len(self.right) + len(self.wrong) + self.silent
        word_error_rate = f"{self.errors / self.words:.3f}" if self.words else "-"
        return (
            f"{name:28}{count:6}{word_error_rate:>8}{len(self.right) / count:>9.2f}"
            f"{self.cpu_s / self.sound_s:>8.3f}{np.median(self.end_ms):>8.0f}"
            f"{_share(area_under_roc(self.right, self.wrong)):>7}"
            f"{_share(_mean(self.right)):>7}{_share(_mean(self.wrong)):>7}{self.silent:>7}"
        )


HEADER = (
    f"{'group':28}{'files':>6}{'WER':>8}{'correct':>9}{'RTF':>8}{'end ms':>8}"
    f"{'AUC':>7}{'right':>7}{'wrong':>7}{'silent':>7}"
)


def spoken_words(text: str) -> list[str]:
    """Lower-case words with numbers spelled, so that the spellings of engines and texts compare."""
    spelled = re.sub(
        r"\d+", lambda number: f" {NUMBERS.format_number(int(number[0])).text} ", text.lower()
    )
    return re.sub(r"[^a-z' ]+", " ", spelled).split()


def word_errors(expected: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words to be put in, left out or changed (Levenshtein's distance)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            cheapest = min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
            diagonal, row[j] = row[j], cheapest
    return row[-1]


def area_under_roc(right: Sequence[float], wrong: Sequence[float]) -> float | None:
    """How likely a right transcript has the higher confidence of a pair; None without pairs."""
    if not right or not wrong:
        return None
    pairs = np.subtract.outer(np.asarray(right), np.asarray(wrong))
    return float(np.mean(pairs > 0) + np.mean(pairs == 0) / 2)


def calibration(rows: Group) -> Iterator[str]:
    """The share of right transcripts by confidence."""
    values = [(value, True) for value in rows.right] + [(value, False) for value in rows.wrong]
    for low in np.arange(0, 1, 0.2):
        inside = [
            is_right for value, is_right in values if low <= value < low + 0.2 or value == low + 0.2
        ]
        if inside:
            share = sum(inside) / len(inside)
            yield f"confidence {low:.1f} to {low + 0.2:.1f}: {share:.2f} right of {len(inside)}"


def recordings(folder: Path) -> Iterator[Recording]:
    for entry in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        parts = Path(entry["file"]).parts
        kind = entry.get("kind") or entry.get("voice") or folder.name
        if "impulse" not in kind:
            group = "/".join(parts[:-1]) or kind
            yield Recording(folder / entry["file"], group, entry.get("text"))


def transcribe(
    engine: SpeechToText, samples: Samples, block: int
) -> tuple[Transcript, float, float]:
    """The transcript, the CPU seconds it took, and those of them after the last sample."""
    session = engine.open()
    started = time.process_time()
    for start in range(0, len(samples), block):
        session.feed(AudioChunk(samples[start : start + block], start_sample=start))
    fed = time.process_time()
    transcript = session.transcript()
    ended = time.process_time()
    session.close()
    return transcript, ended - started, ended - fed


def with_quiet_after(samples: Samples, quiet_ms: int) -> Samples:
    """`samples` up to the last 10 ms within 35 dB of the loudest, and `quiet_ms` of quiet."""
    frame = SAMPLE_RATE_HZ // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    levels_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1)
    end = (int(np.flatnonzero(levels_db > levels_db.max() - 35)[-1]) + 1) * frame
    floor = max(3.0, 10 ** (float(np.percentile(levels_db, 5)) / 20))
    quiet = np.random.default_rng(0).normal(0, floor, quiet_ms * SAMPLE_RATE_HZ // 1000)
    quiet = np.clip(quiet, -1000, 1000).astype(np.int16)
    own = samples[end : end + len(quiet)]
    return np.concatenate([samples[:end], own, quiet[len(own) :]])


def measure(
    engine: SpeechToText,
    files: Sequence[Recording],
    *,
    block: int,
    quiet_after_ms: int | None,
    shows_errors: bool,
) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for recording in files:
        samples, rate_hz = soundfile.read(recording.file, dtype="int16")
        if rate_hz != SAMPLE_RATE_HZ or samples.ndim != 1:
            sys.exit(f"{recording.file} is not 16 kHz mono")
        samples = samples[: LONGEST_S * SAMPLE_RATE_HZ]
        if quiet_after_ms is not None:
            samples = with_quiet_after(samples, quiet_after_ms)
        heard, cpu_s, end_s = transcribe(engine, samples, block)
        group = groups.setdefault(recording.group, Group())
        group.sound_s += len(samples) / SAMPLE_RATE_HZ
        group.cpu_s += cpu_s
        group.end_ms.append(end_s * 1000)
        errors = None
        if recording.text is not None:
            expected = spoken_words(recording.text)
            errors = word_errors(expected, spoken_words(heard.text))
            group.errors += errors
            group.words += len(expected)
        if errors is None and not heard.text:
            group.silent += 1
        else:
            (group.right if errors == 0 else group.wrong).append(heard.confidence)
        if shows_errors and errors != 0:
            print(f"{heard.confidence:.2f} {recording.file.name}: {recording.text} -> {heard.text}")
    return groups


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--engine", default="pocketsphinx", help="a speech-to-text engine")
    parser.add_argument("--set", action="append", default=[], type=_pair, metavar="KEY=VALUE")
    parser.add_argument("--device", action="append", default=[], type=_pair, metavar="NAME=DOMAIN")
    parser.add_argument("--group", help="only groups that match this regular expression")
    parser.add_argument("--every", type=int, default=1, help="only each n-th file")
    parser.add_argument("--block", type=int, default=BLOCK_SAMPLES, help="samples fed at once")
    parser.add_argument("--quiet-after", type=int, metavar="MS", help="of quiet after the speech")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--errors", action="store_true", help="print what was misheard")
    asked = parser.parse_args()

    house = common_names("en")
    house = replace(house, devices=house.devices + tuple(Device(*pair) for pair in asked.device))
    settings: dict[str, Any] = dict(asked.set)
    options = convert(settings, registry.options_type("stt", asked.engine), strict=False)
    files = [file for folder in asked.folders for file in recordings(folder)]
    files = [file for file in files if not asked.group or re.search(asked.group, file.group)]
    with tempfile.TemporaryDirectory() as cache:
        context = BuildContext(
            models=ModelStore(),
            cache_dir=Path(cache),
            threads=asked.threads,
            sentences=lambda: expected_sentences("en", house),
        )
        started = time.process_time()
        registry.build("stt", asked.engine, options, context).close()
        loaded = time.process_time()
        engine = registry.build("stt", asked.engine, options, context)
        again = time.process_time() - loaded
        print(f"CPU time to load: {loaded - started:.2f} s at first, {again:.2f} s then")
        groups = measure(
            engine,
            files[:: asked.every],
            block=asked.block,
            quiet_after_ms=asked.quiet_after,
            shows_errors=asked.errors,
        )
        engine.close()
    print(HEADER)
    total = Group()
    for name in sorted(groups):
        print(groups[name].row(name))
        total.add(groups[name])
    print(total.row("all"))
    for line in calibration(total):
        print(line)


if __name__ == "__main__":
    main()
