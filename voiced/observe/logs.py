"""Where log messages go, and in which form: the journal, lines with a priority, or lines for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TextIO

from voiced.observe.journal import JOURNAL_SOCKET, JournalHandler, is_journal, priority

_turn_id: Final[ContextVar[int | None]] = ContextVar("turn_id", default=None)
"""Belongs to a task and those that it starts, which only a variable of the module can."""

_COLOURS: Final = ((logging.ERROR, "\033[31m"), (logging.WARNING, "\033[33m"), (0, "\033[2m"))
_PLAIN: Final = "\033[0m"


@contextmanager
def of_turn(turn_id: int) -> Iterator[None]:
    """What is logged inside, by this task and those that it starts, belongs to that turn.

    An engine's thread knows nothing of it: there the message has to say what it is about.
    """
    before = _turn_id.set(turn_id)
    try:
        yield
    finally:
        _turn_id.reset(before)


def set_up_logging(
    verbosity: int, environ: Mapping[str, str], stream: TextIO | None = None
) -> None:
    """Log warnings (0), what happens (1) or everything (2 and more) to `stream`, else standard error.

    Where that is the journal, to its socket, with fields; where it is announced but is something else
    (a pipe, a file), lines with the priority prefix of sd-daemon(3); else lines for people.
    """
    if logging.root.handlers:
        # Somebody (a test) listens already.
        return
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
    logging.basicConfig(level=level, handlers=[handler_for(environ, stream or sys.stderr)])


def handler_for(
    environ: Mapping[str, str], stream: TextIO, *, journal_path: str = JOURNAL_SOCKET
) -> logging.Handler:
    """What writes to `stream`, as `set_up_logging` says."""
    lines = logging.StreamHandler(stream)
    if "JOURNAL_STREAM" in environ:
        lines.setFormatter(_PrefixedLines("%(name)s: %(message)s"))
    else:
        is_coloured = stream.isatty() and not environ.get("NO_COLOR")
        lines.setFormatter(_Lines("%(levelname)s %(name)s: %(message)s", is_coloured=is_coloured))
    lines.addFilter(_add_turn)
    if not is_journal(_descriptor(stream), environ):
        return lines
    journal = JournalHandler(lines, journal_path)
    # Level and logger are fields of their own.
    journal.setFormatter(logging.Formatter("%(message)s"))
    journal.addFilter(_add_turn)
    return journal


def _descriptor(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1


def _add_turn(record: logging.LogRecord) -> bool:
    record.turn_id = _turn_id.get()
    return True


class _Lines(logging.Formatter):
    """Lines for people: those of a turn say which, unless they begin with it."""

    def __init__(self, pattern: str, *, is_coloured: bool = False) -> None:
        super().__init__(pattern)
        self._is_coloured = is_coloured

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        turn_id = getattr(record, "turn_id", None)
        if turn_id is not None and f"turn {turn_id} " not in record.message:
            record.message += f" [turn {turn_id}]"
        line = super().formatMessage(record)
        if not self._is_coloured:
            return line
        colour = next(code for level, code in _COLOURS if record.levelno >= level)
        level, _, rest = line.partition(" ")
        return f"{colour}{level}{_PLAIN} {rest}"


class _PrefixedLines(_Lines):
    """Each line with its syslog priority: sd-daemon(3), "prefixing log lines"."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).splitlines()
        return "\n".join(f"<{priority(record.levelno)}>{line}" for line in lines)
