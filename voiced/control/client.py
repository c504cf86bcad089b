"""The client's side of the control socket, for commands: blocking, and quick to import.

Nothing but what a hotkey needs is imported on top: `json` and `typing` cost as much as Python's own start.
"""

from __future__ import annotations

import os
import socket
from sys import byteorder

from voiced.control.places import SYSTEM_SOCKET, sockets_to_try
from voiced.errors import EngineError, VoicedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn, Self

QUICK_S = 10.0
"""An assistant that lives answers in milliseconds; to open a microphone again takes seconds."""

_INVALID_PARAMS = -32602
"""As `jsonrpc.py` has it, which costs too much to import here."""


class NotRunningError(VoicedError):
    """No assistant can be reached."""

    # "Program is not running", as the Linux Standard Base has it for status commands.
    exit_status = 3


class Client:
    """A connection to the assistant that runs; a context manager. Raises `NotRunningError`."""

    def __init__(self, paths: list[str] | None = None) -> None:
        """`paths` are tried in turn; without them the usual ones."""
        self._socket = _connected(sockets_to_try(os.environ) if paths is None else paths)
        self._received = b""
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def call(self, method: str, timeout_s: float | None = QUICK_S, **params: object) -> Any:
        """What `method` answers; None waits as long as it takes.

        Raises the `VoicedError` that it failed with, `EngineError` where no answer comes in time, and
        `NotRunningError` where the assistant ends meanwhile.
        """
        asked = self.send(method, **params)
        while True:
            message = self.receive(timeout_s)
            if message is None:
                raise _silent(timeout_s)
            if "method" not in message and message.get("id") in {asked, None}:
                return result_of(message)

    def call_plain(self, method: str) -> None:
        """As `call`, of what takes and gives nothing, without importing `json`: half of a hotkey's time."""
        self.send_line(b'{"jsonrpc":"2.0","id":0,"method":"%s"}\n' % method.encode())
        answer = self.receive_line(QUICK_S)
        if answer is None:
            raise _silent(QUICK_S)
        if b'"error"' in answer:
            import json

            result_of(json.loads(answer))

    def send(self, method: str, **params: object) -> int:
        """Ask without waiting; the identity that the answer will have."""
        import json

        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self.send_line(json.dumps(request).encode() + b"\n")
        return self._asked

    def send_line(self, line: bytes) -> None:
        """Send a request as it stands."""
        try:
            self._socket.sendall(line)
        except OSError:
            # It has closed the connection, and may have said why.
            return

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        """The next message; None where none comes in time. Raises `NotRunningError` at the end."""
        import json

        line = self.receive_line(timeout_s)
        message: dict[str, Any] | None = None if line is None else json.loads(line)
        return message

    def receive_line(self, timeout_s: float | None) -> bytes | None:
        """As `receive`, as it stands."""
        while b"\n" not in self._received:
            self._socket.settimeout(timeout_s)
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                chunk = b""
            if not chunk:
                raise NotRunningError("voiced has ended, or closed the connection")
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line


def result_of(message: Mapping[str, Any]) -> Any:
    """What an answer holds. Raises the `VoicedError` that it tells of."""
    if "error" in message:
        _raise(message["error"])
    return message["result"]


def _silent(timeout_s: float | None) -> EngineError:
    return EngineError(
        f"voiced does not answer within {timeout_s:.0f} s: `voiced logs` may say why"
    )


def _raise(told: Mapping[str, Any]) -> NoReturn:
    from voiced import errors

    if told["code"] == _INVALID_PARAMS:
        raise errors.UsageError(told["message"])
    name = told.get("data", {}).get("type", "")
    kind = getattr(errors, name, VoicedError)
    is_ours = isinstance(kind, type) and issubclass(kind, VoicedError)
    raise (kind if is_ours else VoicedError)(told["message"])


def _connected(paths: list[str]) -> socket.socket:
    refused = ""
    for path in paths:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(QUICK_S)
        try:
            connection.connect(path)
            if _is_trusted(connection, path):
                return connection
            refused = path
        except PermissionError:
            refused = path
        except OSError:
            # Nothing there, or only what a dead process left, or a path that no socket can have.
            pass
        connection.close()
    if refused:
        raise NotRunningError(
            f"{refused} belongs to another user: run this as that user, as in `sudo -u USER voiced ...`"
        )
    raise NotRunningError(
        "voiced is not running: start it with `voiced run`, or as a service with "
        "`systemctl --user start voiced`"
    )


def _is_trusted(connection: socket.socket, path: str) -> bool:
    """Whether this user or root listens there: anybody may make a folder in /tmp with our name."""
    return path == SYSTEM_SOCKET or _uid_of(connection) in {os.getuid(), 0}


def _uid_of(connection: socket.socket) -> int:
    # pid, uid and gid: SO_PEERCRED of unix(7).
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], byteorder)
