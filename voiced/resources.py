"""Where the files that ship with voiced are: the model catalogue, the voices, and systemd's units.

In a checkout (an editable install) they lie next to the package, in `models/` and `systemd/`; in a
wheel the build puts the same folders into `voiced/_data/` (see `pyproject.toml`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent


def models_dir() -> Path:
    """The folder with `catalog.toml` and `voices/`. It is read-only: pulled models live elsewhere."""
    return _shipped("models")


def systemd_dir() -> Path:
    """The folder with the user's units, and with the machine's in `system/`."""
    return _shipped("systemd")


def _shipped(name: str, package: Path = _PACKAGE) -> Path:
    installed = package / "_data" / name
    # A checkout is told by the project file beside it, not by the folder alone: site-packages may
    # well hold some other distribution's top-level "models".
    if not installed.is_dir() and (package.parent / "pyproject.toml").is_file():
        return package.parent / name
    return installed
