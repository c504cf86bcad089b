"""One assistant at a time: the lock beside its socket, and the folder that both lie in."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from voiced.errors import OutputError, VoicedError


class AlreadyRunningError(VoicedError):
    """Another process has the microphone and the socket."""

    # EX_TEMPFAIL: it works once the other one has ended.
    exit_status: ClassVar[int] = 75


@contextmanager
def sole_instance(socket_path: Path) -> Iterator[None]:
    """While this holds, no other process gets past the same call with the same path.

    The lock is the kernel's (`flock`): it ends with the process, however that ends. The file, named
    after the socket, stays, since to remove it could let two in. Raises `AlreadyRunningError`, and
    `OutputError` where the folder cannot be used.
    """
    prepare_folder(socket_path.parent)
    path = socket_path.with_suffix(".lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise already_running(file.read(20).strip()) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def already_running(pid: str) -> AlreadyRunningError:
    """The error of whoever comes second; `pid` is of the first, as far as it is known."""
    named = f" (pid {pid})" if pid else ""
    return AlreadyRunningError(f"voiced already runs{named}: `voiced status` shows what it does")


def prepare_folder(folder: Path) -> None:
    """Make the folder of the socket, for its owner alone. One that is there must be safe to use.

    That is: it belongs to this user or to root, and nobody else may put files into it, unless they can
    do no harm to those of others there (the sticky bit). Raises `OutputError`.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
    except OSError as error:
        raise OutputError(f"{folder} cannot be made for the control socket: {error}") from error
    others_write = about.st_mode & 0o022 and not about.st_mode & stat.S_ISVTX
    is_ours = about.st_uid in {os.geteuid(), 0}
    if not stat.S_ISDIR(about.st_mode) or not is_ours or others_write:
        raise OutputError(
            f"{folder} is not safe for the control socket: it must be a folder of this user's that "
            "nobody else can write to; remove it, or name another place with control.socket"
        )
