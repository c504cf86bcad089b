"""Keeps a process that listens from going online, whatever its libraries want.

Python tells of every socket that is used from Python (PEP 578, the "audit events" of its documentation).
Native code is not seen: it is told to be quiet (`opt_out`), kept in by the service's
RestrictAddressFamilies=, and watched by `tests/e2e/test_privacy.py`, under which a process that makes any
other socket dies.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import sysconfig
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from voiced.errors import NetworkError

_log = logging.getLogger(__name__)

_USES: Final = {
    "socket.connect": "connect to",
    "socket.bind": "listen at",
    "socket.sendto": "send to",
    "socket.sendmsg": "send to",
}
"""Events whose arguments are a socket and an address."""

_LOOKUPS: Final = {
    "socket.getaddrinfo": "look up",
    "socket.gethostbyname": "look up",
    "socket.gethostbyaddr": "look up",
    "socket.getnameinfo": "look up",
}
"""Events whose first argument is what a name server would be asked for."""


_OPT_OUTS: Final = {
    # Its wheels for Linux report to their maker since 1.29, from native code and by default (its
    # Privacy.md): this is the one switch that keeps it from writing an identifier, too.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # A convention of several tools: consoledonottrack.com.
    "DO_NOT_TRACK": "1",
}


def opt_out(environ: MutableMapping[str, str]) -> None:
    """Tell libraries to report nothing, by the variables that they read when they are loaded.

    To be called with `os.environ`, which native code sees, before any of them is imported.
    """
    environ.update(_OPT_OUTS)


class NetworkRefusedError(NetworkError, PermissionError):
    """Something here tried to go online. Libraries take it for what it is, an `OSError`."""


class Guard:
    """Refuses every socket but Unix ones, and listening on this machine at `metrics_port` (0: nowhere).

    `refused` counts what it did; each place in the code that tries is logged once. Until `install` is called
    it does nothing; it cannot be removed after that, only be switched off.
    """

    def __init__(self, metrics_port: int = 0) -> None:
        self.metrics_port = metrics_port
        self.is_on = False
        self.refused = 0
        self._said: set[str] = set()
        self._is_installed = False
        # Who wants it is the code that called the standard library, not the library.
        self._not_to_blame = (sysconfig.get_path("stdlib") + os.sep, __file__, "<frozen")
        self._to_blame = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))

    @contextmanager
    def on_duty(self) -> Iterator[None]:
        """Refuse while the context lasts."""
        self.install()
        try:
            yield
        finally:
            self.switch_off()

    def install(self) -> None:
        """Begin, or begin again."""
        self.is_on = True
        if not self._is_installed:
            self._is_installed = True
            sys.addaudithook(self._hook)

    def switch_off(self) -> None:
        """Refuse nothing any more."""
        self.is_on = False

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        # Called for whatever Python does (imports, files): the usual case must be quick.
        if not event.startswith("socket.") or not self.is_on:
            return
        if event in _USES:
            used, address = args[0], args[1]
            if not self._is_allowed(event, used, address):
                self._refuse(f"{_USES[event]} {address!r}")
        elif event in _LOOKUPS:
            self._refuse(f"{_LOOKUPS[event]} {args[0]!r}")

    def _is_allowed(self, event: str, used: socket.socket, address: object) -> bool:
        if used.family == socket.AF_UNIX:
            return True
        if event == "socket.bind":
            return self.metrics_port != 0 and address == ("127.0.0.1", self.metrics_port)
        # Without an address it is the answer on a connection that was let in.
        return event == "socket.sendmsg" and address is None

    def _refuse(self, what: str) -> None:
        self.refused += 1
        place = self._place(sys._getframe(2))  # noqa: SLF001  # the only way to see who calls
        message = f"{place} wanted to {what}; voiced stays offline while it listens"
        if place not in self._said:
            self._said.add(place)
            _log.error("refused: %s", message)
        raise NetworkRefusedError(message)

    def _place(self, frame: FrameType | None) -> str:
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._to_blame) or not file.startswith(self._not_to_blame):
                module = frame.f_globals.get("__name__", "?")
                return f"{module} ({Path(file).name}:{frame.f_lineno})"
            frame = frame.f_back
        return "Python"
