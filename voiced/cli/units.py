"""The files of `voiced service`: what they say, where they go, and whether somebody edited them."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

from voiced import resources
from voiced.errors import OutputError

_MARK: Final = "# voiced wrote this; sha256 of the rest: "

_HIDDEN: Final = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108
"""What ProtectHome= and PrivateTmp= hide; systemd.exec(5)."""

_NAMES: Final = ("voiced.service", "voiced.socket")

_DROP_IN: Final = Path("voiced.service.d/10-voiced-in-a-home.conf")


def unit_folder(*, is_system: bool) -> Path:
    """Where the service manager looks for units that are not a distribution's: systemd.unit(5)."""
    if is_system:
        return Path("/etc/systemd/system")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"


def wanted_files(*, is_system: bool) -> dict[Path, str]:
    """What an installation of this voiced writes, with its mark."""
    folder = unit_folder(is_system=is_system)
    source = resources.systemd_dir() / "system" if is_system else resources.systemd_dir()
    found = {folder / name: _read(source / name).replace("@VOICED@", _command()) for name in _NAMES}
    if is_system:
        for kind in ("sysusers", "tmpfiles"):
            found[Path(f"/etc/{kind}.d/voiced.conf")] = _read(source / f"voiced.{kind}.conf")
        if hidden := _hidden_folders():
            lines = (f"BindReadOnlyPaths={_quoted(folder)}\n" for folder in hidden)
            found[folder / _DROP_IN] = "[Service]\n" + "".join(lines)
    return {path: _marked(text) for path, text in found.items()}


def written_files(*, is_system: bool) -> list[Path]:
    """What an installation, of this voiced or another, has left."""
    # The drop-in may be from a time when voiced lay elsewhere.
    drop_in = {unit_folder(is_system=is_system) / _DROP_IN} if is_system else set()
    return sorted(path for path in {*wanted_files(is_system=is_system), *drop_in} if path.exists())


def is_foreign(path: Path) -> bool:
    """Whether a file is there that is not as an installation left it. Raises `OutputError`."""
    text = content(path)
    return text is not None and text != _marked(text.partition("\n")[2])


def content(path: Path) -> str | None:
    """The file's text, None where there is none. Raises `OutputError`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path} cannot be read ({error}): remove it and try again") from error


def write(path: Path, text: str) -> None:
    """Make the file, or put it in the place of another. Raises `OutputError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A symbolic link (`systemctl mask`) is replaced, not followed.
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def remove(path: Path) -> None:
    """Remove the file, and the folder that was made for it alone. Raises `OutputError`."""
    try:
        path.unlink()
        if path.parent.name == _DROP_IN.parent.name and not any(path.parent.iterdir()):
            path.parent.rmdir()
    except OSError as error:
        raise OutputError(f"{path} cannot be removed: {error.strerror or error}") from error


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _marked(text: str) -> str:
    return f"{_MARK}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _command() -> str:
    """What starts voiced, as a unit's ExecStart= wants it."""
    python = Path(sys.executable)
    script = python.with_name("voiced")
    return _quoted(script) if script.is_file() else f"{_quoted(python)} -m voiced"


def _quoted(path: Path) -> str:
    """As one word of a unit: systemd.syntax(7)."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if any(character in text for character in " '\"\\") else text


def _hidden_folders() -> list[Path]:
    """What voiced consists of and the unit would hide: its environment, its Python, itself."""
    places = (sys.prefix, sys.base_prefix, resources.systemd_dir().parent)
    parts = {Path(place).resolve() for place in places}
    return sorted(
        part
        for part in parts
        if any(part.is_relative_to(home) for home in _HIDDEN)
        and not any(other in part.parents for other in parts)
    )
