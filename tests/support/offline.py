"""What a process does behind one's back: a kernel that kills it for a socket, and its open descriptors.

`python tests/support/offline.py COMMAND ...` runs a command that may use Unix sockets and no others, native
code and child processes included: whoever makes another one dies of SIGSYS.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import struct
import sys
from pathlib import Path
from typing import Final

_SYSTEM_CALLS: Final = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""AUDIT_ARCH_* and the number of socket(2): linux/audit.h, asm/unistd.h."""

_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET, _FIRST_ARGUMENT_OFFSET = 0, 4, 16
_KILL_PROCESS, _ALLOW = 0x8000_0000, 0x7FFF_0000

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


def reason_to_skip() -> str | None:
    """Why this machine cannot do it; None where it can."""
    if platform.machine() in _SYSTEM_CALLS:
        return None
    return f"no filter for {platform.machine()}: run it on x86-64 or aarch64"


def sockets_of(pid: int) -> set[str]:
    """The sockets of a process that are not Unix ones, as the kernel names them."""
    found = {
        target
        for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        if (target := _target(descriptor)).startswith("socket:")
    }
    unix = Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]
    return found - {f"socket:[{line.split()[6]}]" for line in unix}


def listening_at(pid: int) -> list[tuple[str, int]]:
    """Addresses and ports where a process waits for connections over TCP, IPv4 only."""
    inodes = {target[8:-1] for target in sockets_of(pid)}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return [_address(row[1]) for row in rows if row[9] in inodes and row[3] == "0A"]


def _address(text: str) -> tuple[str, int]:
    address, port = text.split(":")
    return socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def _allow_unix_sockets_alone() -> None:
    architecture, number = _SYSTEM_CALLS[platform.machine()]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_IF_EQUAL, 0, 4, architecture),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_IF_EQUAL, 0, 3, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_OFFSET),
        (_IF_EQUAL, 1, 0, socket.AF_UNIX),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in program))
    # struct sock_fprog: a length and a pointer, aligned as C does it.
    filter_ = struct.pack("@HP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, *values in (
        (_PR_SET_NO_NEW_PRIVS, 1, None),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_),
    ):
        if libc.prctl(option, *values, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl failed")


if __name__ == "__main__":
    _allow_unix_sockets_alone()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
