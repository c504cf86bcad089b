"""A file that gets a line of JSON for each turn: what was said, when what was done, and what was in vain."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from voiced.control.wire import turn_to_json
from voiced.errors import OutputError
from voiced.events import AssistantEvent, TurnEnded

_log = logging.getLogger(__name__)


class TraceFile:
    """Appends to `path`; a context manager.

    A file that it makes is readable for its owner alone, since it has what was said. One that was moved
    away (logrotate) or removed is made anew with the next turn. Where it cannot be written any more (a full
    disk) that is said once; each turn is tried again, and no half of a line stays.
    """

    def __init__(self, path: Path) -> None:
        """Raises `OutputError` where it cannot be opened."""
        self._path = path.expanduser()
        self._is_failing = False
        try:
            self._fd = self._open()
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """For good; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def observe(self, event: AssistantEvent) -> None:
        """Append a turn that ended."""
        if not isinstance(event, TurnEnded) or self._fd < 0:
            return
        try:
            self._follow_name()
            self._append(json.dumps(turn_to_json(event.report)).encode() + b"\n")
        except OSError as error:
            if not self._is_failing:
                _log.warning("%s misses turns: %s", self._path, error.strerror)
            self._is_failing = True
        else:
            if self._is_failing:
                _log.warning("%s is written again", self._path)
            self._is_failing = False

    def _append(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written < len(line):
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            raise OSError(0, "only a part of the line had room")

    def _follow_name(self) -> None:
        """Open what has the name now, if that is another file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            is_ours = False
        else:
            is_ours = os.path.samestat(found, os.fstat(self._fd))
        if not is_ours:
            fd = self._open()
            os.close(self._fd)
            self._fd = fd

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
