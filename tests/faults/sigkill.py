"""Kills a process that changes timers with SIGKILL, at random moments, and looks what is on the disk.

    python -m tests.faults.sigkill [--kills 300] [--seed 0]

What was confirmed must be there, what was cancelled must not come back; a change that had been asked for
and was not confirmed may have happened or not, but not half. SIGKILL leaves what was written in the
kernel's memory: that it also reaches the disk (`synchronous = FULL`) is not seen here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults._sigkill_worker import state_of
from voiced.store import Store

_ROOT: Final = Path(__file__).resolve().parents[2]
_NEW_DATABASE_CHANCE: Final = 0.1
_EARLY_CHANCE: Final = 0.25
"""How often it is killed at a moment counted from its start, rather than from when it has opened."""

_LONGEST_S: Final = 0.12
_EMPTY: Final[list[Any]] = [[], False, None]


@dataclass
class Killings:
    """What was done, and what was found after it. `losses` has a line for each thing that is wrong."""

    random: Random
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    held: list[Any] = field(default_factory=lambda: _EMPTY)
    """What is known to be on the disk."""

    def run(self, kills: int) -> None:
        for number in range(kills):
            if number == 0 or self.random.random() < _NEW_DATABASE_CHANCE:
                self.held = _EMPTY
                self.counts["databases"] += 1
            self._kill_once(self.folder / str(self.counts["databases"]) / "voiced.db")
            shutil.rmtree(self.folder / "copy", ignore_errors=True)

    def _kill_once(self, database: Path) -> None:
        lines = self._lines_until_killed(database)
        self.counts["kills"] += 1
        asked = None
        for line in lines:
            word, _, value = line.partition(" ")
            state = json.loads(value)
            if word == "open":
                self._expect("opened by the next process", state, [self.held])
            if word == "ask":
                asked = state
                continue
            if word == "done":
                self._expect("confirmed", state, [asked])
                self.counts["changes confirmed"] += 1
            asked, self.held = None, state
        if not lines:
            self.counts["killed while it opened"] += 1
        self._look(database, asked)

    def _lines_until_killed(self, database: Path) -> list[str]:
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.faults._sigkill_worker",
                database,
                self.random.random().hex(),
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
        )
        assert worker.stdout is not None
        first = b""
        if self.random.random() > _EARLY_CHANCE:
            first = worker.stdout.readline()
        time.sleep(self.random.uniform(0, _LONGEST_S))
        worker.send_signal(signal.SIGKILL)
        output = first + worker.communicate()[0]
        assert worker.returncode == -signal.SIGKILL, output.decode()
        # The last line may have been cut short: then nobody has read it either.
        return output.decode().split("\n")[:-1]

    def _look(self, database: Path, asked: list[Any] | None) -> None:
        """At a copy, so that the next process finds the file as the killed one left it."""
        if not database.is_file():
            self.counts["killed before there was a file"] += 1
            return
        copy = self.folder / "copy"
        shutil.copytree(database.parent, copy)
        connection = sqlite3.connect(copy / database.name)
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        if verdict != [("ok",)]:
            self.losses.append(f"integrity_check: {verdict}")
        store = Store.open(copy / database.name)
        found = json.loads(json.dumps(state_of(store)))
        store.close()
        if list(copy.glob("*.corrupt-*")):
            self.losses.append("the file was taken for damaged")
        self.counts["databases read"] += 1
        self.counts["timers read"] += len(found[0])
        if asked is not None:
            self.counts["killed within a change"] += 1
        if asked is not None and _is_same(found, asked) and not _is_same(found, self.held):
            self.counts["... which was on the disk nevertheless"] += 1
        self._expect("on the disk", found, [self.held] if asked is None else [self.held, asked])
        self.held = found

    def _expect(self, where: str, found: list[Any], allowed: list[Any]) -> None:
        if not any(_is_same(found, state) for state in allowed):
            self.losses.append(f"{where}: {found} is none of {allowed}")


def _is_same(found: list[Any], wanted: list[Any]) -> bool:
    """Whether both are the same; a timer of `wanted` with id 0 has an id that is not known yet."""
    if found[1:] != wanted[1:] or len(found[0]) != len(wanted[0]):
        return False
    return all(
        row[1:] == other[1:] and other[0] in (0, row[0])
        for row, other in zip(found[0], wanted[0], strict=True)
    )


def kill(kills: int, seed: int) -> Killings:
    """Kill `kills` processes, the same way for the same `seed` but for the moment."""
    with tempfile.TemporaryDirectory(prefix="voiced-sigkill-") as folder:
        killings = Killings(Random(seed), Path(folder))
        killings.run(kills)
        return killings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    killings = kill(options.kills, options.seed)
    table = [f"{count:8} {what}" for what, count in killings.counts.items()]
    table.append(f"{len(killings.losses):8} lost, brought back or damaged")
    sys.stdout.write("\n".join([*table, *killings.losses]) + "\n")
    return 1 if killings.losses else 0


if __name__ == "__main__":
    sys.exit(main())
