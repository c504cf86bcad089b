"""Measures the skills: start-up, memory, time a sentence, and how much of what is expected matches.

    python tests/measure/skills_speed.py [FILE]

`FILE` holds sentences of your own, one a line, or is the `manifest.json` of a set of recordings.
Times are those of the process, so that what else runs on the machine does not count.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

REPEATS = 5


def megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def report(what: str, seconds: Sequence[float]) -> None:
    """Say the middle, the 95th of a hundred and the longest of `seconds`, in milliseconds."""
    ordered = sorted(1000 * second for second in seconds)
    middle, high = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
    say(f"{what}: p50 {middle:.1f} ms, p95 {high:.1f} ms, max {ordered[-1]:.1f} ms")


def texts_of(path: Path) -> list[str]:
    """The sentences of a text file, or the commands of a manifest."""
    if path.suffix != ".json":
        return path.read_text(encoding="utf-8").splitlines()
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [entry["text"] for entry in entries if "command" in entry["file"]]


def main() -> None:
    """Measure and say."""
    before, started = megabytes(), time.process_time()
    from voiced.skills.sentences import expected_sentences
    from voiced.skills.skillset import SkillSet

    imported = time.process_time()
    skills = SkillSet("en", wake_phrases=["okay nabu"])
    built = time.process_time()
    say(f"import {imported - started:.2f} s, build {built - imported:.2f} s of processor time")
    say(f"memory: {megabytes() - before:.0f} MB more than Python's own {before:.0f} MB")

    started = time.process_time()
    sentences = expected_sentences("en")
    distinct = sorted(set(sentences))
    say(
        f"expected sentences: {len(sentences)}, {len(distinct)} distinct,"
        f" {len({word for text in distinct for word in text.split()})} words,"
        f" in {time.process_time() - started:.2f} s"
    )

    # Full collections of garbage, 50 to 80 ms each over all these objects, would hide the matcher's own
    # time; a program that may not pause freezes what it has loaded, as here.
    gc.collect()
    gc.freeze()
    chosen = random.Random(0).sample(distinct, 500)
    taken: list[float] = []
    missed: list[str] = []
    for text in chosen * REPEATS:
        started = time.process_time()
        match = skills.match(text)
        taken.append(time.process_time() - started)
        if match is None:
            missed.append(text)
    report(f"a sentence of {len(chosen)}", taken)
    say(f"not matched: {sorted(set(missed)) or 'none'}")
    worst = max(zip(taken, chosen * REPEATS, strict=True))[1]
    say(f"slowest: {worst!r}")

    for path in map(Path, sys.argv[1:]):
        texts = texts_of(path)
        unmatched = [text for text in texts if skills.match(text) is None]
        say(f"{path}: {len(texts) - len(unmatched)} of {len(texts)} match; not: {unmatched}")


if __name__ == "__main__":
    main()
