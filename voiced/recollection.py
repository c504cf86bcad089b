"""What was said, for the process that comes after a crash.

It lies in the runtime folder, which is memory and no disk: it is gone with the session or the next boot, and
after an hour nobody goes on from it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from voiced.core.conversation import Exchange

_log = logging.getLogger(__name__)

_STALE_AFTER_S: Final = 3600.0


class _Kept(msgspec.Struct, frozen=True):
    at_s: float
    exchanges: list[Exchange]


def recollection_file(environ: Mapping[str, str]) -> Path | None:
    """In the unit's runtime directory (systemd.exec(5)), else in the user's; None where there is neither."""
    of_unit = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if of_unit:
        return Path(of_unit) / "conversation.json"
    of_user = environ.get("XDG_RUNTIME_DIR")
    return Path(of_user) / "voiced/conversation.json" if of_user else None


class Recollection:
    """Keeps and recalls; what cannot be kept or read is no reason to stop."""

    def __init__(self, file: Path | None, clock_s: Callable[[], float] = time.time) -> None:
        """Without a `file` nothing is kept. Its folder must be there."""
        self._file = file
        self._clock_s = clock_s

    def recall(self) -> tuple[Exchange, ...]:
        """What the process before has kept, unless that is long ago."""
        if self._file is None:
            return ()
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("what was said before is forgotten: %s", error)
            return ()
        is_fresh = 0 <= self._clock_s() - kept.at_s < _STALE_AFTER_S
        return tuple(kept.exchanges) if is_fresh else ()

    def keep(self, exchanges: Sequence[Exchange]) -> None:
        """All of them, in the place of what was kept; for this user alone."""
        if self._file is None:
            return
        part = self._file.with_suffix(".part")
        data = msgspec.json.encode(_Kept(self._clock_s(), list(exchanges)))
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            part.replace(self._file)
        except OSError as error:
            _log.debug("what was said is not kept for a restart: %s", error)
