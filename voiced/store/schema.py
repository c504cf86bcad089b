"""The tables, as the steps that lead to them."""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE timers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL CHECK (typeof(name) = 'text'),
        length_s REAL NOT NULL CHECK (typeof(length_s) = 'real'),
        created_s REAL NOT NULL CHECK (typeof(created_s) = 'real'),
        due_s REAL CHECK (typeof(due_s) IN ('real', 'null')),
        due_boot_s REAL CHECK (typeof(due_boot_s) = typeof(due_s)),
        boot_id TEXT NOT NULL CHECK (typeof(boot_id) = 'text'),
        left_s REAL CHECK (typeof(left_s) = iif(due_s IS NULL, 'real', 'null'))
    );
    CREATE TABLE settings (
        key TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK (typeof(value) = 'integer')
    ) WITHOUT ROWID;
    """,
)
"""Script n leads from version n to n + 1 (`PRAGMA user_version`). One that was released is never edited.

The checks hold when a file that was damaged is opened, too: `quick_check` looks whether all rows keep them.
AUTOINCREMENT, so that the number of a timer that is gone is never given to another one.
"""

PROBES: Final = (
    "SELECT id, name, length_s, created_s, due_s, due_boot_s, boot_id, left_s FROM timers",
    "SELECT key, value FROM settings",
)
"""What must be possible in a file of the newest version."""
