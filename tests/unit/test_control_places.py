"""Where the socket is put, and looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from voiced.control.places import SYSTEM_SOCKET, own_socket, sockets_to_try

UID = os.getuid()


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"RUNTIME_DIRECTORY": "/run/voiced"}, "/run/voiced/control.sock"),
        ({"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/x"}, "/run/a/control.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/voiced/control.sock"),
        ({}, f"/tmp/voiced-{UID}/control.sock"),
        ({"TMPDIR": "/var/tmp"}, f"/var/tmp/voiced-{UID}/control.sock"),
    ],
)
def test_where_it_is_put(environ: dict[str, str], path: str) -> None:
    assert own_socket(environ) == path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/7"}


def write(tmp_path: Path, text: str) -> None:
    (tmp_path / "voiced").mkdir()
    (tmp_path / "voiced" / "config.toml").write_text(text)


def test_where_it_is_looked_for(environ: dict[str, str]) -> None:
    assert sockets_to_try(environ) == [
        "/run/user/7/voiced/control.sock",
        f"/run/user/{UID}/voiced/control.sock",
        f"/tmp/voiced-{UID}/control.sock",
        SYSTEM_SOCKET,
    ]


def test_what_a_unit_starts_asks_its_own_assistant_first(environ: dict[str, str]) -> None:
    environ["RUNTIME_DIRECTORY"] = "/run/voiced"
    assert sockets_to_try(environ)[0] == "/run/voiced/control.sock"


def test_one_that_is_named_is_the_only_one(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, "[control]\nsocket = '/srv/a.sock'\n")
    assert sockets_to_try(environ) == ["/srv/a.sock"]
    assert sockets_to_try({**environ, "VOICED_CONTROL_SOCKET": "/srv/b.sock"}) == ["/srv/b.sock"]
    (tmp_path / "other.toml").write_text("control.socket = '/srv/c.sock'")
    environ["VOICED_CONFIG"] = str(tmp_path / "other.toml")
    assert sockets_to_try(environ) == ["/srv/c.sock"]


@pytest.mark.parametrize(
    "text", ["socket", "control = 1 # socket", "[control]\nsocket = 7", "[llm] # no socket here"]
)
def test_a_file_that_is_wrong_or_silent_names_none(
    environ: dict[str, str], tmp_path: Path, text: str
) -> None:
    write(tmp_path, text)
    assert len(sockets_to_try(environ)) == 4
