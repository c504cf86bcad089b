"""Where the control socket lies. Strings, no pathlib and no typing: a hotkey waits for these imports."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET_NAME = "control.sock"

SYSTEM_SOCKET = f"/run/voiced/{SOCKET_NAME}"
"""Of the system unit, whose runtime directory is /run/voiced."""


def own_socket(environ: Mapping[str, str]) -> str:
    """Where this process puts its socket when the configuration names none.

    In the folder that systemd made for the unit, else in the user's runtime folder, else in a folder of
    the user's own among the temporary ones.
    """
    in_user_folder = _in_runtime_folder(environ) or _in_temporary_folder(environ)
    return _in_unit_folder(environ) or in_user_folder


def sockets_to_try(environ: Mapping[str, str]) -> list[str]:
    """Where a client looks for the assistant, the likeliest first.

    Only the one that the environment or the user's configuration names, where one of them does.
    """
    named = environ.get("VOICED_CONTROL_SOCKET") or _in_configuration(environ)
    if named:
        return [named]
    found = [
        # What a unit starts itself, as for ExecReload=, belongs to that unit.
        _in_unit_folder(environ),
        _in_runtime_folder(environ),
        # Hotkey daemons and cron jobs may run without the session's variables.
        f"/run/user/{os.getuid()}/voiced/{SOCKET_NAME}",
        _in_temporary_folder(environ),
        SYSTEM_SOCKET,
    ]
    return list(dict.fromkeys(path for path in found if path))


def _in_unit_folder(environ: Mapping[str, str]) -> str:
    # Several are divided by colons: systemd.exec(5).
    folder = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return f"{folder}/{SOCKET_NAME}" if folder else ""


def _in_runtime_folder(environ: Mapping[str, str]) -> str:
    folder = environ.get("XDG_RUNTIME_DIR")
    return f"{folder}/voiced/{SOCKET_NAME}" if folder else ""


def _in_temporary_folder(environ: Mapping[str, str]) -> str:
    return f"{environ.get('TMPDIR') or '/tmp'}/voiced-{os.getuid()}/{SOCKET_NAME}"  # noqa: S108


def _in_configuration(environ: Mapping[str, str]) -> str:
    """`control.socket` of the user's file. What is wrong with the file is for others to say."""
    folder = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    path = environ.get("VOICED_CONFIG") or f"{folder}/voiced/config.toml"
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
    except (OSError, ValueError):
        return ""
    if "socket" not in text:
        return ""
    import tomllib

    try:
        found = tomllib.loads(text).get("control", {}).get("socket", "")
    except (tomllib.TOMLDecodeError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""
