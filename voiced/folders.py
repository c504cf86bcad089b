"""Where voiced keeps what outlives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str]) -> Path:
    """In the unit's state directory (systemd.exec(5)), else in the user's."""
    # Several are divided by colons.
    of_unit = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if of_unit:
        return Path(of_unit)
    import platformdirs

    return platformdirs.user_state_path("voiced")
