"""The daemon's side of the control socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import struct
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from voiced.control.allowance import Allowance
from voiced.control.connection import Connection
from voiced.control.contracts import Remote
from voiced.control.instance import already_running, prepare_folder
from voiced.control.jsonrpc import REFUSED, RpcError, error_line
from voiced.errors import ConfigError, OutputError

_log = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 32
_MAX_WORK: Final = 32
"""So many lasting requests at once, of all clients together."""

_BACKLOG: Final = 64
_BURST: Final = 20
_CONNECTIONS_HZ: Final = 20
"""So many are let in at once, and so many a second; others wait in the system's queue."""

_RETRY_S: Final = 1.0
_LAST_WORDS_S: Final = 0.5
"""How long clients may keep the process from ending."""

_MAX_PATH_BYTES: Final = 107
"""unix(7): 108, with the zero byte at the end."""

_CREDENTIALS: Final = struct.Struct("3i")
"""pid, uid, gid: SO_PEERCRED of unix(7)."""


class ControlServer:
    """Serves the control socket as long as its context lasts.

    `inherited` is a socket that systemd listens on for us: its mode says who may connect. Else one is made
    at `path`, for this user (and root) alone, which is removed at the end. A socket that a dead process left
    there is replaced. Entering raises `AlreadyRunningError` where a living one answers, `OutputError` where
    the place cannot be used, and `ConfigError` where the path is too long.
    """

    def __init__(self, remote: Remote, path: Path, inherited: socket.socket | None = None) -> None:
        self._remote = remote
        self._path = path
        self._inherited = inherited
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._allowance = Allowance(_BURST, _CONNECTIONS_HZ)
        self._again: asyncio.TimerHandle | None = None
        self._failure = ""

    async def __aenter__(self) -> Self:
        self._listening = self._inherited or listen_at(self._path)
        self._listening.settimeout(0)
        self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._listening)
        if self._again is not None:
            self._again.cancel()
        if self._inherited is None:
            self._path.unlink(missing_ok=True)
        self._listening.close()
        for connection in self._connections:
            connection.end()
        serving = {*self._connections.values()}
        if serving:
            # A device that hangs may keep a key from going up, and must not keep the process from ending.
            await asyncio.wait(serving, timeout=_LAST_WORDS_S)
        for task in (left := {*self._connections.values(), *self._work}):
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _listen(self) -> None:
        # Not `sock_accept`: where that is cancelled, somebody who has just been let in is lost, and open.
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            peer, _ = self._listening.accept()
            peer.settimeout(0)
            self._receive(peer)
        except BlockingIOError:
            # Whoever it was has gone again.
            return
        except OSError as error:
            # Too many open files, most likely.
            wait_s = _RETRY_S
            if self._failure != str(error):
                _log.warning("the control socket cannot be served: %s; trying again", error)
            self._failure = str(error)
        else:
            self._failure = ""
            wait_s = self._allowance.spend(loop.time())
        if wait_s:
            loop.remove_reader(self._listening)
            self._again = loop.call_later(wait_s, self._listen)

    def _receive(self, peer: socket.socket) -> None:
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(credentials)
        if self._inherited is None and not _may_connect(uid):
            _log.warning("user %d is not let in to the control socket", uid)
            _turn_away(peer, "the assistant belongs to another user")
            return
        if len(self._connections) >= MAX_CONNECTIONS and not self._make_room():
            _log.info(
                "a client of the control socket is turned away: %d are there", MAX_CONNECTIONS
            )
            _turn_away(peer, f"{MAX_CONNECTIONS} clients are connected already; end one of them")
            return
        connection = Connection(peer, self._remote, self._start)
        task = asyncio.create_task(connection.serve(), name="control-client")
        self._connections[connection] = task
        task.add_done_callback(lambda done: self._forget(connection, done))

    def _make_room(self) -> bool:
        """End the connection that has been of no use for longest, if there is one."""
        idle = [connection for connection in self._connections if connection.is_idle]
        if not idle:
            return False
        longest = min(idle, key=lambda connection: connection.active_at_s)
        longest.end(RpcError(REFUSED, "others wait for a connection, and this one was not used"))
        return True

    def _forget(self, connection: Connection, task: asyncio.Task[None]) -> None:
        del self._connections[connection]
        if not task.cancelled() and task.exception() is not None:
            _log.error("a defect in a control connection", exc_info=task.exception())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._work) >= _MAX_WORK:
            work.close()
            raise RpcError(REFUSED, "too much is asked at once; try again in a moment")
        task = asyncio.create_task(work, name="control-work")
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def listen_at(path: Path) -> socket.socket:
    """A socket that listens at `path`, for this user alone. Raises as `ControlServer`."""
    length = len(os.fsencode(path))
    if length > _MAX_PATH_BYTES:
        raise ConfigError(
            f"{path} has {length} bytes, and a socket's path {_MAX_PATH_BYTES} at most: name a shorter one "
            "with control.socket"
        )
    prepare_folder(path.parent)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # On Linux the file gets the mode of the socket's inode, less the umask: so it is never open to
        # others, and the umask of other threads stays as it is.
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise OutputError(f"the control socket {path} cannot be made: {error.strerror}") from error
    return listening


def _remove_stale(path: Path) -> None:
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise OutputError(f"{path} is no socket: remove it, or name another with control.socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            # A full queue (BlockingIOError) has an owner, too.
            if not isinstance(error, BlockingIOError):
                raise OutputError(f"{path} cannot be replaced: {error.strerror}") from error
            raise already_running("") from None
        else:
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            raise already_running(str(_CREDENTIALS.unpack(credentials)[0]))


def _may_connect(uid: int) -> bool:
    return uid in {os.geteuid(), 0}


def _turn_away(peer: socket.socket, reason: str) -> None:
    with peer, suppress(OSError):
        peer.send(error_line(None, RpcError(REFUSED, reason)))
