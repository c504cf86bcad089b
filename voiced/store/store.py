"""Timers and settings on the disk. What a method changed is on the disk when it returns."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from voiced.store.database import open_database, translated
from voiced.store.schema import MIGRATIONS

_MUTED: Final = "muted"
_VOLUME: Final = "volume_percent"

_SELECT: Final = """
SELECT id, name, length_s, created_s, due_s, due_boot_s, boot_id, left_s FROM timers ORDER BY id
"""
_INSERT: Final = """
INSERT INTO timers (name, length_s, created_s, due_s, due_boot_s, boot_id, left_s)
VALUES (:name, :length_s, :created_s, :due_s, :due_boot_s, :boot_id, :left_s)
"""
_UPDATE: Final = """
UPDATE timers SET due_s = :due_s, due_boot_s = :due_boot_s, boot_id = :boot_id, left_s = :left_s
WHERE id = :id
"""
_DELETE: Final = "DELETE FROM timers WHERE id = :id AND due_s IS :due_s AND left_s IS :left_s"
_SET: Final = "INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that runs or is paused; one that has rung or was cancelled is gone.

    `name` is lower case, "" for none; `length_s` is what it was set for, whatever was added since. While
    it runs, `due_s` is the wall clock's time at which it rings (Unix time), and `due_boot_s` the same in
    seconds since the boot `boot_id`; while it is paused, both are None and `left_s` is what remains.
    """

    id: int
    name: str
    length_s: float
    created_s: float
    due_s: float | None
    due_boot_s: float | None
    boot_id: str
    left_s: float | None = None

    @property
    def is_paused(self) -> bool:
        return self.left_s is not None


class Store:
    """The open file. Any thread may call any method; writes wait for the disk, reading settings does not.

    What writes raises `OutputError` where the disk is full, read-only or failing: nothing was changed then.
    """

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        """Take over `database`; see `open`."""
        self.path = path
        self._database = database
        self._lock = threading.Lock()
        with translated(path):
            self._settings: dict[str, int] = dict(
                database.execute("SELECT key, value FROM settings").fetchall()
            )

    @classmethod
    def open(cls, path: Path, migrations: Sequence[str] = MIGRATIONS) -> Self:
        """The store at `path`, made with its folder where there is none.

        A damaged file is set aside with a warning and a new one begun. Raises `OutputError` where it cannot
        be written, `InputError` where a newer voiced has written it.
        """
        database = open_database(path, migrations)
        try:
            return cls(database, path)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Fold the write-ahead log into the file. Nothing is lost without it."""
        with self._lock, translated(self.path):
            self._database.close()

    @property
    def muted(self) -> bool:
        """Whether the microphone is to stay closed."""
        return bool(self._settings.get(_MUTED, 0))

    def set_muted(self, *, is_muted: bool) -> None:
        """Keep whether the microphone is to stay closed."""
        self._set(_MUTED, int(is_muted))

    @property
    def volume_percent(self) -> int | None:
        """How loud it speaks (0..200); None where nobody has set it."""
        return self._settings.get(_VOLUME)

    def set_volume(self, percent: int) -> None:
        """Keep how loud it speaks."""
        self._set(_VOLUME, percent)

    def timers(self) -> list[Timer]:
        """All that run or are paused, the oldest first."""
        with self._lock, translated(self.path):
            return [Timer(*row) for row in self._database.execute(_SELECT)]

    def add_timer(self, timer: Timer) -> int:
        """Keep a new one; gives its id (that of `timer` does not matter)."""
        with self._transaction() as database:
            return int(database.execute(_INSERT, asdict(timer)).lastrowid or 0)

    def change_timer(self, timer: Timer) -> None:
        """Keep when the one with the id of `timer` rings, and whether it is paused."""
        with self._transaction() as database:
            database.execute(_UPDATE, asdict(timer))

    def remove_timers(self, timers: Sequence[Timer]) -> None:
        """Forget all of `timers` or none; one that was changed since is left alone."""
        with self._transaction() as database:
            database.executemany(_DELETE, [asdict(timer) for timer in timers])

    def _set(self, key: str, value: int) -> None:
        with self._transaction() as database:
            database.execute(_SET, (key, value))
        self._settings = {**self._settings, key: value}

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self.path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database
