"""`voiced run` as a process of its own, on the devices of a `PulseServer`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from tests.sound.pulse import PulseServer

_WAIT_S = 60


class Daemon:
    """The process, and what it logs; `log` is all of it that was read so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._lines = log.open()
        self.log = ""

    def wait_for(self, wanted: str) -> None:
        """Until its log has a line with `wanted` in it, after those that were read."""
        deadline_s = monotonic() + _WAIT_S
        line = ""
        while wanted not in line:
            line = self._lines.readline()
            self.log += line
            if not line:
                assert self._process.poll() is None, f"it ended before {wanted!r}:\n{self.log}"
                assert monotonic() < deadline_s, f"no {wanted!r} in its log:\n{self.log}"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.05)

    def has_said(self, wanted: str, within_s: float) -> bool:
        """Whether a line with `wanted` in it comes within that time."""
        deadline_s = monotonic() + within_s
        while wanted not in self.log and monotonic() < deadline_s:
            self.log += self._lines.readline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        return wanted in self.log

    def stop(self, within_s: float = 10) -> None:
        """End it as a service manager does; it must go in peace. May be called twice."""
        if self._lines.closed:
            return
        self._process.terminate()
        status = self._process.wait(within_s)
        self.log += self._lines.read()
        self._lines.close()
        assert status == 0, self.log


@contextlib.contextmanager
def running(server: PulseServer, log: Path, *options: str) -> Iterator[Daemon]:
    """`voiced OPTIONS run`, from the moment when it is ready."""
    voiced = str(Path(sys.executable).with_name("voiced"))
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [voiced, *options, "run"],
            env={**os.environ, **server.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    daemon = Daemon(process, log)
    try:
        daemon.wait_for("ready")
        yield daemon
    finally:
        daemon.stop()
