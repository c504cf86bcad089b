"""`voiced logs`, with programs in systemd's place that say how they were called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import argparse, sys
from voiced.cli import logs
from voiced.errors import VoicedError
parser = argparse.ArgumentParser()
logs.add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[1:])
try:
    sys.exit(args.run(args))
except VoicedError as error:
    sys.exit(f"{error.exit_status}: {error}")
"""


def run(tmp_path: Path, *words: str, has: str = "") -> tuple[int, str]:
    """Its status and what was printed, on a machine whose systemd has a unit in the scope `has`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if has:
        write(programs / "systemctl", f'[ "$1 $2 $3" = "{has} cat voiced.service" ]')
        write(programs / "journalctl", 'echo journalctl "$@"; exit 5')
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "logs", *words],
        env={**os.environ, "PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("has", "words", "called"),
    [
        ("--user", [], "--user --unit=voiced.service --lines=50 --follow"),
        ("--user", ["-f", "-n", "7"], "--user --unit=voiced.service --lines=7 --follow"),
        ("--system", ["--once"], "--system --unit=voiced.service --lines=50"),
    ],
)
def test_it_becomes_journalctl(tmp_path: Path, has: str, words: list[str], called: str) -> None:
    assert run(tmp_path, *words, has=has) == (5, f"journalctl {called}\n")


def test_without_a_service_it_says_where_logs_are(tmp_path: Path) -> None:
    _, printed = run(tmp_path)
    assert printed.startswith("66: no service has logs here: `voiced service install` makes one")


def test_without_journalctl_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    write(tmp_path / "bin" / "systemctl", "exit 0")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "logs"],
        env={**os.environ, "PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.startswith("66: journalctl cannot be run: No such file")
