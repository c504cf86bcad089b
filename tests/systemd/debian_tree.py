"""A small Debian (or Ubuntu) with systemd and PulseAudio in a folder, made once and kept in the cache.

Its suite and mirror are those that apt uses on this machine, so that libraries fit the Python that .venv
points to. Nothing is ever changed in it: `machine.py` boots what lies above it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

_PACKAGES: Final = (
    "systemd-sysv",
    "dbus",
    "dbus-user-session",
    "libpam-systemd",
    "python3-minimal",
    "libpython3-stdlib",
    "pulseaudio",
    "pulseaudio-utils",
    "libasound2-plugins",
    "libportaudio2",
    "libgomp1",
    "rtkit",
)

_TOOLS: Final = ("debootstrap", "unshare", "nsenter", "systemctl", "apt-get")

INSTALL: Final = "sudo apt install debootstrap systemd util-linux"


class NoTreeError(Exception):
    """It cannot be made; says why, and what to do."""


def missing() -> str | None:
    """Why nothing can be booted here, with the command that helps; None where it can."""
    lacking = [tool for tool in _TOOLS if not shutil.which(tool, path=_root_path())]
    if lacking:
        return f"{', '.join(lacking)} missing: {INSTALL}"
    if os.geteuid() != 0:
        return "booting a systemd needs root: sudo .venv/bin/pytest tests/systemd"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        return (
            f"no namespaces here ({tried.stderr.strip()}): in a container, docker run --privileged"
        )
    if cgroup_root() is None:
        return "no cgroup2 is mounted: sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup"
    return None


def debian_tree() -> Path:
    """The folder. Takes a minute where it must be made; raises `NoTreeError` where it cannot be."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    key = hashlib.sha256(" ".join((suite, *_PACKAGES)).encode()).hexdigest()[:12]
    tree = platformdirs.user_cache_path("voiced") / "tests" / f"{suite}-{key}"
    if tree.is_dir():
        return tree
    tree.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".making-", dir=tree.parent))
    try:
        _make(fresh, suite)
        # mkdtemp's 0700 would be that of the machine's root folder.
        fresh.chmod(0o755)
        fresh.rename(tree)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return tree


def _make(folder: Path, suite: str) -> None:
    mirror, components = _archive(suite)
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        f"--components={','.join(components)}",
        suite,
        str(folder),
        mirror,
    ]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": _root_path()},
    )
    if done.returncode:
        end = " ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        message = f"debootstrap could not make a {suite} (network? then again: make test): {end}"
        raise NoTreeError(message)
    shutil.rmtree(folder / "var/cache/apt")


def _archive(suite: str) -> tuple[str, list[str]]:
    """The mirror that this machine's apt takes the suite from, and the components there."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = [tuple(line.split()) for line in listed.splitlines() if len(line.split()) == 3]
    mirrors = [site for site, release, _ in rows if release == suite]
    if not mirrors:
        message = f"apt has no source for {suite}: add it to /etc/apt/sources.list"
        raise NoTreeError(message)
    wanted = (mirrors[0], suite)
    return mirrors[0], sorted({row[2] for row in rows if row[:2] == wanted})


def cgroup_root() -> Path | None:
    """Where cgroups of version 2 are mounted, and can be made."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2" and "ro" not in options.split(","):
            return Path(folder)
    return None


def _root_path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
