"""Runs the command as a user does: another process, its own folders, no network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

VOICED = str(Path(sys.executable).with_name("voiced"))

Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recogniser's language model is made once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def voiced(tmp_path: Path, cache: Path) -> Run:
    """Call it with the words of a command line; `env` adds to the environment."""
    base = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VOICED_")},
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(cache),
        "COLUMNS": "100",
    }

    def run(*words: str | Path, env: dict[str, str] | None = None, **options: object) -> Done:
        done = subprocess.run(
            [VOICED, *map(str, words)],
            env={**base, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            **options,  # type: ignore[call-overload]
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run
