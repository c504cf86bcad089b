"""A Debian that boots its own systemd in namespaces of its own: nothing of it is left when it is gone.

    with Machine(debian_tree(), folder) as machine:
        machine.run("systemctl", "start", "voiced")
        machine.wait_until(lambda: machine.property("voiced", "ActiveState") == "active")

What is written there goes into memory. It has no network but its own loopback; this checkout, .venv and the
Python behind it are there at the same paths, and cannot be written.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.systemd.debian_tree import cgroup_root

REPOSITORY: Final = Path(__file__).parents[2]

VENV: Final = Path(sys.prefix)

_WAIT_S: Final = 60
"""The longest that anything may take here before it counts as broken."""

_BOOT: Final = """
set -eu
mount -t tmpfs -o mode=755 tmpfs {folder}
cd {folder}
mkdir upper work root
mount -t overlay overlay -o lowerdir={tree},upperdir=upper,workdir=work root
cd root
chmod 755 root
for path in {paths}; do
  mkdir -p ".$path"
  mount --bind "$path" ".$path"
  mount -o remount,bind,ro ".$path"
done
mount -t proc proc proc
# Kernel settings are those of the machine outside.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
  touch dev/$node
  mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
hostname voiced-test
echo voiced-test >etc/hostname
: >etc/machine-id
for unit in getty.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \\
  systemd-firstboot.service systemd-timesyncd.service fstrim.timer; do
  ln -sf /dev/null etc/systemd/system/$unit
done
pivot_root . mnt
umount -l /mnt
exec env -i container=voiced-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \\
  --show-status=no >/dev/null 2>&1 </dev/null
"""


class Machine:
    """See the module. `folder` is an empty one to mount things in."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self._tree = tree
        self._folder = folder
        cgroups = cgroup_root()
        assert cgroups is not None
        self._cgroup = cgroups / f"voiced-test-{os.getpid()}"
        self._boot: subprocess.Popen[bytes] | None = None
        self._init = 0
        self.boot_s = 0.0

    def __enter__(self) -> Self:
        started_s = time.monotonic()
        script = _BOOT.format(
            tree=self._tree, folder=self._folder, paths=" ".join(map(shlex.quote, _visible_paths()))
        )
        self._cgroup.mkdir()
        enter = f"echo $$ >{self._cgroup}/cgroup.procs; exec unshare --mount --pid --uts --ipc"
        enter += ' --net --cgroup --fork --kill-child sh -c "$1"'
        self._boot = subprocess.Popen(
            ["sh", "-c", enter, "sh", script], stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            self.wait_until(self._has_booted)
        except BaseException:
            self._end()
            raise
        self.boot_s = time.monotonic() - started_s
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def run(self, *command: str, user: str = "root", check: bool = True) -> str:
        """What `command` writes, run in there; an assertion fails where it does."""
        done = self.attempt(*command, user=user)
        assert not check or done.returncode == 0, f"{command}:\n{done.stdout}"
        return done.stdout.strip()

    def attempt(self, *command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """As `run`, whatever its status; with what it writes to either stream."""
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        if user != "root":
            become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
            runtime = f"XDG_RUNTIME_DIR=/run/user/{self.run('id', '-u', user)}"
            environment = [*become, *environment, f"HOME=/home/{user}", runtime]
        return subprocess.run(
            [*self._entering(), *environment, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_WAIT_S,
        )

    def timed(self, *command: str) -> float:
        """How long `command` takes, in seconds; as `run` otherwise."""
        started_s = time.monotonic()
        self.run(*command)
        return time.monotonic() - started_s

    def write(self, path: str, text: str) -> None:
        """A file in there."""
        script = 'mkdir -p "$(dirname "$1")"; cat >"$1"'
        command = [*self._entering(), "sh", "-c", script, "sh", path]
        subprocess.run(command, input=text, text=True, check=True)

    def property(self, unit: str, name: str) -> str:
        """What `systemctl show` says."""
        return self.run("systemctl", "show", unit, "--property", name, "--value")

    def journal(self, unit: str) -> str:
        """What the unit has logged."""
        return self.run("journalctl", "--unit", unit, "--output", "cat", "--no-pager")

    def wait_until(self, holds: Callable[[], bool], within_s: float = _WAIT_S) -> float:
        """How long it took. Fails with `holds`'s name where it takes longer."""
        started_s = time.monotonic()
        while not holds():
            waited_s = time.monotonic() - started_s
            assert waited_s < within_s, f"waited {waited_s:.0f} s for {holds}"
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert self._boot is not None
                self._boot.wait(0.05)
                assert self._boot.stderr is not None
                message = f"it does not boot: {self._boot.stderr.read().decode()}"
                raise RuntimeError(message)
        return time.monotonic() - started_s

    def _entering(self) -> list[str]:
        return ["nsenter", f"--target={self._init}", "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]

    def _has_booted(self) -> bool:
        assert self._boot is not None
        children = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children").read_text()
        if not children:
            return False
        self._init = int(children.split()[0])
        state = self.attempt("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def _end(self) -> None:
        if self._boot is None:
            return
        if self._init:
            # The kernel ends everything in there with it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
        else:
            self._boot.kill()
        self._boot.wait(_WAIT_S)
        assert self._boot.stderr is not None
        self._boot.stderr.close()
        self._boot = None
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            _remove_cgroup(Path(folder))


def _remove_cgroup(folder: Path) -> None:
    # The last processes of a killed namespace may take a moment to leave.
    deadline_s = time.monotonic() + _WAIT_S
    events = folder / "cgroup.events"
    while "populated 1" in events.read_text() and time.monotonic() < deadline_s:
        os.sched_yield()
    folder.rmdir()


def _visible_paths() -> Iterator[str]:
    """This checkout, its virtual environment, and what that stands on, where Debian's own does not."""
    paths = {path.resolve() for path in (REPOSITORY, VENV, Path(sys.base_prefix))}
    for path in sorted(paths):
        is_inside = any(other in path.parents for other in paths)
        if not is_inside and path != Path("/usr"):
            yield str(path)
