"""Measures the skills: start-up, memory, time a sentence, and how much of what is expected matches.

    python tests/measure/skills_speed.py [FILE]

`FILE` holds sentences of your own, one a line, or is the `manifest.json` of a set of recordings. For them it
also says how well `end_share` tells them from their beginnings, those that match a skill left out.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voiced.skills.skillset import SkillSet

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


def report_endings(skills: SkillSet, texts: Sequence[str]) -> None:
    """Say how well the share of endings tells whole sentences from beginnings of them."""
    words = [text.split() for text in texts]
    cut = {" ".join(said[:end]) for said in words for end in range(1, len(said))}
    cut -= {text for text in cut if skills.match(text) is not None}
    whole_shares = [skills.end_share(text) for text in texts]
    cut_shares = [skills.end_share(text) for text in sorted(cut)]
    whole = [share for share in whole_shares if share is not None]
    hanging = [share for share in cut_shares if share is not None]
    pairs = [(one > other) + (one == other) / 2 for one in whole for other in hanging]
    say(
        f"ends after {len(texts)} whole sentences (known of {len(whole)}) against {len(cut)} beginnings"
        f" (known of {len(hanging)}): AUC {sum(pairs) / max(1, len(pairs)):.3f}; below 0.05 are"
        f" {sum(share < 0.05 for share in whole)} whole ones and"
        f" {sum(share < 0.05 for share in hanging)} beginnings"
    )
    started = time.process_time()
    for text in texts:
        skills.end_share(text)
    say(f"a share takes {1000 * (time.process_time() - started) / len(texts):.3f} ms")


def main() -> None:
    """Measure and say."""
    before, started = megabytes(), time.process_time()
    from voiced.skills.sentences import expected_sentences
    from voiced.skills.skillset import SkillSet

    imported = time.process_time()
    SkillSet("en", wake_phrases=["okay nabu"])
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

    started = time.process_time()
    skills = SkillSet("en", wake_phrases=["okay nabu"], sentences=sentences)
    say(f"build again, with the sentences: {time.process_time() - started:.2f} s")

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
        report_endings(skills, texts)


if __name__ == "__main__":
    main()
