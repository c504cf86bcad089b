"""A folder of made files that is there whole or not at all, and is made again when it is damaged."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from voiced.errors import ModelError

_CHECKSUMS: Final = "checksums.json"


def cached_folder(parent: Path, name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder `parent/name-key`, filled by `make` where it is missing or damaged.

    It appears in one step, so that a crash or another process leaves nothing half made. Other folders
    of the same `name` are of earlier keys, and are removed once this one is made.
    Raises `ModelError` where nothing can be written.
    """
    folder = parent / f"{name}-{key}"
    if _is_whole(folder):
        return folder
    try:
        parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
        try:
            make(fresh)
            sums = {file.name: _checksum(file) for file in sorted(fresh.iterdir())}
            (fresh / _CHECKSUMS).write_text(json.dumps(sums), encoding="utf-8")
            for old in parent.glob(f"{name}-*"):
                shutil.rmtree(old, ignore_errors=True)
            _put_in_place(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        message = f"cannot write the language model to {parent}: {error.strerror or error}"
        raise ModelError(f"{message}; make room there or allow writing") from error
    return folder


def _put_in_place(fresh: Path, folder: Path) -> None:
    try:
        fresh.replace(folder)
    except OSError:
        # Another process was faster: what it made is as good.
        if not _is_whole(folder):
            raise


def _is_whole(folder: Path) -> bool:
    try:
        sums = json.loads((folder / _CHECKSUMS).read_text(encoding="utf-8"))
        return bool(sums) and all(_checksum(folder / name) == sum_ for name, sum_ in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
