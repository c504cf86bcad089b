"""What systemd is told of this process, and the sockets that it passes on.

The protocols are those of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3), which say that a
program may speak them without libsystemd: lines in datagrams, and a few variables.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final, Self

from voiced.errors import ConfigError

_log = logging.getLogger(__name__)

_FIRST_PASSED_FD: Final = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""

_SEND_TIMEOUT_S: Final = 0.1
"""How long a service manager whose queue is full may hold this process up."""


class Notifier:
    """Tells the service manager how this process is; does nothing where there is none.

    Nothing here raises: a manager that cannot be reached is logged once, and no reason to stop.
    `watchdog_s` is how often `alive` must be called at the latest (half of it is usual), None where
    nobody waits for it.
    """

    def __init__(self, address: str | None, watchdog_s: float | None = None) -> None:
        # "@" stands for the zero byte that an abstract socket's name begins with.
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._is_reachable = True
        self.watchdog_s = watchdog_s

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> Self:
        """By $NOTIFY_SOCKET and $WATCHDOG_USEC, which are removed: child processes are not watched."""
        address = environ.pop("NOTIFY_SOCKET", None)
        interval_us = _number(environ.pop("WATCHDOG_USEC", None))
        # Somebody who started us may be the one who is watched.
        is_watched = _number(environ.pop("WATCHDOG_PID", None)) in (None, os.getpid())
        return cls(address, interval_us / 1e6 if address and interval_us and is_watched else None)

    def ready(self, status: str) -> None:
        """It works now: for the first time, or again after `reloading`. `status` as in `status`."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, text: str) -> None:
        """What it does now, in plain words: `systemctl status` shows it."""
        self._send(f"STATUS={_line(text)}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` must follow, whether it was taken or not."""
        # The time lets systemd tell which of its requests this answers (Type=notify-reload).
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        """It is on its way out."""
        self._send("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """It does its work: due every `watchdog_s` seconds."""
        self._send("WATCHDOG=1")

    def extend(self, timeout_s: float) -> None:
        """Starting, reloading or stopping takes longer: the manager is to wait so long from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(timeout_s * 1e6)}")

    def _send(self, *assignments: str) -> None:
        if not self._address:
            return
        try:
            # One for each message: the manager may have made its socket anew.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SEND_TIMEOUT_S)
                sender.sendto("\n".join(assignments).encode(errors="replace"), self._address)
        except (OSError, ValueError) as error:
            # ValueError: a path that no socket can have.
            if self._is_reachable:
                _log.warning("the service manager cannot be told %s: %s", assignments[0], error)
            self._is_reachable = False
        else:
            self._is_reachable = True


def passed_sockets(environ: MutableMapping[str, str]) -> dict[str, socket.socket]:
    """The sockets that systemd opened for this process, by their FileDescriptorName.

    Empty where none were passed to it. They are not inherited by child processes, and the variables are
    removed. Raises `ConfigError` for what cannot be told apart or is no socket.
    """
    is_for_us = _number(environ.pop("LISTEN_PID", None)) == os.getpid()
    count = _number(environ.pop("LISTEN_FDS", None)) or 0
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    passed: dict[str, socket.socket] = {}
    for position in range(count if is_for_us else 0):
        name = names[position] if position < len(names) and names[position] else "unknown"
        if name in passed:
            raise ConfigError(
                f"systemd passed two sockets named {name!r}: give each a FileDescriptorName= of its own"
            )
        descriptor = _FIRST_PASSED_FD + position
        try:
            passed[name] = socket.socket(fileno=descriptor)
            passed[name].set_inheritable(inheritable=False)
        except OSError as error:
            raise ConfigError(
                f"what systemd passed as {name!r} is no socket ({error.strerror}): use Listen...= "
                "lines for sockets only"
            ) from error
    return passed


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None


def _line(text: str) -> str:
    """`text` without line ends, behind which it could set a variable of its own."""
    return " ".join(text.split()).replace("\0", "")
