"""Opens the file: made, checked, set aside, brought up to date. What SQLite says becomes our errors."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from voiced.errors import InputError, OutputError
from voiced.store.schema import MIGRATIONS, PROBES

_log = logging.getLogger(__name__)

_BUSY_TIMEOUT_S: Final = 5.0

_REASONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "it may only be read; give voiced permission to write it",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check its folder's permissions",
    sqlite3.SQLITE_PERM: "permission was denied; check its folder's permissions",
    sqlite3.SQLITE_BUSY: "another program keeps it locked; end that program",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked; end that program",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restart voiced, which sets it aside and begins anew",
    sqlite3.SQLITE_NOTADB: "it is damaged; restart voiced, which sets it aside and begins anew",
    sqlite3.SQLITE_IOERR: "the disk does not answer as it should; check it, and the system's log",
}
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SURROUNDINGS: Final = _REASONS.keys() - _DAMAGED
_WRITE_VERSION_AT: Final = 18
"""SQLite's "Database File Format", 1.3: the byte of the header that has the write version, 1 or 2."""

_COMPANIONS: Final = ("", "-wal", "-shm")


class _DamagedError(Exception):
    """The file is no sound database of ours."""


def open_database(path: Path, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """The database at `path`, made where there is none, brought up to date where it is older.

    A damaged one is moved to `<name>.corrupt-<time>` and a new one begun. Before it is brought up to date
    it is copied to `<name>.before-v<version>`. In write-ahead mode, and each statement is on the disk when
    it returns. May be used from any thread, by one at a time. Raises `OutputError` where it cannot be
    written, `InputError` where a newer voiced has written it.
    """
    _make_private(path)
    try:
        return _opened(path, migrations)
    except _DamagedError as damage:
        aside = _set_aside(path)
        _log.warning(
            "%s is damaged (%s): moved to %s; timers and settings begin anew",
            path,
            damage,
            aside.name,
        )
    _make_private(path)
    try:
        return _opened(path, migrations)
    except _DamagedError as damage:
        raise OutputError(f"cannot begin {path} anew: {damage}; check the disk") from damage


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise `OutputError` for what SQLite raises inside."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error


def _make_private(path: Path) -> None:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, mode=0o700)
        # SQLite gives its companions the mode of the file, so it must be right from the start.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        advice = "free some space" if error.errno == errno.ENOSPC else "check its permissions"
        raise OutputError(f"cannot write {path}: {error.strerror}; {advice}") from error


def _opened(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    _check_format(path)
    with translated(path):
        database = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    try:
        with translated(path):
            with _damage_noticed():
                # Without write-ahead (some network disks) it is as safe, and slower.
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                _check(database)
            _bring_up_to_date(database, path, migrations)
            with _damage_noticed():
                for probe in PROBES:
                    database.execute(probe).fetchall()
    except BaseException:
        database.close()
        raise
    return database


def _check_format(path: Path) -> None:
    """SQLite treats a file of a write version that it does not know as read-only: here it is damage.

    Before the file is connected: closing it later would drop the locks of SQLite in this process.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_WRITE_VERSION_AT + 1)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    if len(header) > _WRITE_VERSION_AT and header[_WRITE_VERSION_AT] > 2:
        raise _DamagedError("it has no known format")


@contextlib.contextmanager
def _damage_noticed() -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.Error) and _code(error) in _SURROUNDINGS:
            raise
        raise _DamagedError(str(error)) from error


def _check(database: sqlite3.Connection) -> None:
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _DamagedError(verdict.splitlines()[-1])
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version < 0 or (version == 0 and tables):
        raise _DamagedError("it has no version")


def _bring_up_to_date(database: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise InputError(
            f"a newer voiced has written {path} (version {version}, this one knows {len(migrations)}); "
            "update voiced, or move the file away to begin anew"
        )
    if 0 < version < len(migrations):
        _copy(database, path.with_name(f"{path.name}.before-v{len(migrations)}"))
    for number, script in enumerate(migrations[version:], start=version + 1):
        try:
            database.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
            )
        except sqlite3.Error:
            if database.in_transaction:
                database.rollback()
            raise


def _copy(database: sqlite3.Connection, to: Path) -> None:
    to.unlink(missing_ok=True)
    _make_private(to)
    with contextlib.closing(sqlite3.connect(to)) as copy:
        database.backup(copy)


def _set_aside(path: Path) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.corrupt-{moment}")
    try:
        for ending in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    except OSError as error:
        message = f"{path} is damaged and cannot be moved away: {error.strerror}; move it yourself"
        raise OutputError(message) from error
    return aside


def _code(error: sqlite3.Error) -> int:
    # Python's own errors (a closed connection, a text that is none) have no code.
    return getattr(error, "sqlite_errorcode", -1) & 0xFF


def _reason(error: sqlite3.Error) -> str:
    return _REASONS.get(_code(error), f"{error}; check the disk")
