"""Logging to journald in its native protocol, with fields that `journalctl` can select by.

The protocol is systemd's "Native Journal Protocol": a datagram of `NAME=value` lines; a value with line
breaks has its length before it instead.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"

_MESSAGE_BYTES: Final = 48 * 1024
"""Longer messages are cut: so the datagram fits into any socket's buffer, and needs no file instead."""

_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)


def priority(level: int) -> int:
    """The syslog priority of one of Python's levels."""
    return next((number for least, number in _PRIORITIES if level >= least), 7)


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether what is written to `descriptor` goes to the journal: systemd.exec(5), $JOURNAL_STREAM."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class JournalHandler(logging.Handler):
    """Sends each record as a datagram.

    Nothing here waits: what a journal that is behind cannot take is dropped, and counted in the next
    message that it takes. What cannot be sent at all goes to `fallback`, which writes lines.
    """

    def __init__(self, fallback: logging.Handler, path: str) -> None:
        super().__init__()
        self._fallback = fallback
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.dropped = 0
        """How many messages were, since the last one that was taken."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send it, without waiting."""
        try:
            fields = fields_of(record, self.format(record))
            if self.dropped:
                fields["VOICED_DROPPED_MESSAGES"] = str(self.dropped)
            self._socket.sendto(encoded(fields), self._path)
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            self._fallback.handle(record)
        except Exception:  # noqa: BLE001  # as every handler: a message must not end what it tells of
            self.handleError(record)
        else:
            self.dropped = 0

    def close(self) -> None:
        self._socket.close()
        self._fallback.close()
        super().close()


def fields_of(record: logging.LogRecord, message: str) -> dict[str, str]:
    """The fields of a record: journald's own names, and `VOICED_...` for what only voiced knows.

    Those come from `logging`'s `extra={"fields": {...}}`, and the turn from `logs.of_turn`.
    """
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(priority(record.levelno)),
        "SYSLOG_IDENTIFIER": "voiced",
        "LOGGER": record.name,
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
        "THREAD_NAME": record.threadName or "",
    }
    turn_id = getattr(record, "turn_id", None)
    if turn_id is not None:
        fields["VOICED_TURN"] = str(turn_id)
    for name, value in getattr(record, "fields", {}).items():
        fields[f"VOICED_{name.upper()}"] = str(value)
    return fields


def encoded(fields: Mapping[str, str]) -> bytes:
    """A datagram."""
    return b"".join(_field(name.encode(), value) for name, value in fields.items())


def _field(name: bytes, value: str) -> bytes:
    # A surrogate (of a file name that is no UTF-8) must not cost the message.
    data = value.encode(errors="replace")
    if len(data) > _MESSAGE_BYTES:
        data = data[:_MESSAGE_BYTES] + b" ... (cut)"
    if b"\n" in data:
        return b"%b\n%b%b\n" % (name, len(data).to_bytes(8, "little"), data)
    return b"%b=%b\n" % (name, data)
