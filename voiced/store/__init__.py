"""What outlives the process: one SQLite file. Imports neither numpy nor asyncio, so it opens at once."""

from __future__ import annotations

from voiced.store.store import Store, Timer

__all__ = ["Store", "Timer"]
