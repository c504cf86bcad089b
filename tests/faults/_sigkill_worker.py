"""Changes timers and settings for ever, and says each change before it asks and after it has returned.

    python -m tests.faults._sigkill_worker DATABASE SEED

Lines: `open` and what was found; then, for each change, `ask` with what will hold and `done`. A state is
`[[[id, name, due or None, left or None], ...], muted, volume]`. The timer that `ask` adds has id 0.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random

from voiced.store import Store, Timer
from voiced.timers import Clock, TimerBook

_NAMES = ("", "pizza", "egg", "tea", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 3000)
_MOST = 12


def state_of(store: Store) -> list[object]:
    rows = [[timer.id, timer.name, timer.due_s, timer.left_s] for timer in store.timers()]
    return [rows, store.muted, store.volume_percent]


def tell(word: str, value: object) -> None:
    os.write(1, f"{word} {json.dumps(value)}\n".encode())


class Person:
    """Somebody who cannot make up his mind."""

    def __init__(self, store: Store, random: Random) -> None:
        self.store = store
        self.random = random
        self.now_s = 1e6 + random.random()
        self.book = TimerBook(store, Clock(lambda: self.now_s, lambda: self.now_s, "boot"))

    def change_something(self) -> None:
        timers = self.book.timers()
        self.now_s += self.random.random()
        if not timers or (len(timers) < _MOST and self.random.random() < 0.4):
            self._start()
        elif self.random.random() < 0.3:
            self._set()
        else:
            self._change(self.random.choice(timers))

    def _start(self) -> None:
        length_s, name = self.random.uniform(1, 9999), self.random.choice(_NAMES)
        rows, *settings = state_of(self.store)
        assert isinstance(rows, list)
        tell("ask", [[*rows, [0, name, self.now_s + length_s, None]], *settings])
        self.book.start(length_s, name)
        tell("done", state_of(self.store))

    def _set(self) -> None:
        rows, muted, volume = state_of(self.store)
        if self.random.random() < 0.5:
            tell("ask", [rows, not muted, volume])
            self.store.set_muted(is_muted=not muted)
        else:
            percent = self.random.randrange(101)
            tell("ask", [rows, muted, percent])
            self.store.set_volume(percent)
        tell("done", state_of(self.store))

    def _change(self, timer: Timer) -> None:
        rows, *settings = state_of(self.store)
        assert isinstance(rows, list)
        choice = self.random.choice(("cancel", "cancel all", "extend", "pause"))
        if choice.startswith("cancel"):
            gone = [timer] if choice == "cancel" else list(self.book.timers())
            kept = [row for row in rows if row[0] not in [one.id for one in gone]]
            tell("ask", [kept, *settings])
            self.book.cancel(gone)
        else:
            by_s = self.random.uniform(1, 100)
            left_s = self.book.left_s(timer) + (by_s if choice == "extend" else 0)
            is_paused = timer.is_paused or choice == "pause"
            row = [
                timer.id,
                timer.name,
                *((None, left_s) if is_paused else (self.now_s + left_s, None)),
            ]
            tell("ask", [[row if old[0] == timer.id else old for old in rows], *settings])
            if choice == "extend":
                self.book.extend(timer, by_s)
            else:
                self.book.pause(timer)
        tell("done", state_of(self.store))


def main() -> None:
    path, seed = sys.argv[1:]
    store = Store.open(Path(path))
    # Some kills are to fall into folding the log into the file, which else happens after a thousand pages.
    store._database.execute("PRAGMA wal_autocheckpoint = 20")
    tell("open", state_of(store))
    person = Person(store, Random(seed))
    while True:
        person.change_something()


if __name__ == "__main__":
    main()
