"""`voiced config`: what it prints, what it writes, what it leaves alone, and how it exits."""

from __future__ import annotations

import argparse
import errno
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from voiced.cli import config
from voiced.errors import ConfigError, OutputError


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a configuration."""
    for variable in [name for name in os.environ if name.startswith("VOICED_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


def run(*words: str, path: Path | None = None, overrides: tuple[str, ...] = ()) -> int:
    parser = argparse.ArgumentParser()
    parser.set_defaults(config=path, overrides=list(overrides))
    config.add_parser(parser.add_subparsers())
    args = parser.parse_args(["config", *words])
    status: int = args.run(args)
    return status


def test_show_can_be_pasted_and_names_origins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[tts]\nengine = 'espeak'\n")
    assert run("show", path=file, overrides=("wake.enabled=no",)) == 0
    text = capsys.readouterr().out
    assert f'engine = "espeak"  # {file}:2; default "piper"' in text
    assert "enabled = false  # --set; default true" in text
    assert "\x1b" not in text
    shown = tomllib.loads(text)
    assert (shown["tts"]["engine"], shown["wake"]["enabled"]) == ("espeak", False)
    file.write_text(text)
    assert run("check", path=file) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def test_show_json_has_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "--json") == 0
    entries: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    keys = {entry["key"] for entry in entries}
    assert {"preset", "endpointing.silence_ms", "tts.espeak.voice", "vad.webrtc.mode"} <= keys
    assert {entry["origin"] for entry in entries} <= {"default", "preset"}
    for entry in entries:
        assert entry["meaning"]
        assert entry["expects"]


def test_show_is_coloured_on_a_terminal_that_wants_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    run("show")
    coloured = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    run("show")
    plain = capsys.readouterr().out
    assert "\x1b[1m[stt]\x1b[0m" in coloured
    assert "\x1b" not in plain
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_init_writes_a_file_that_says_nothing_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("path") == 0
    file = Path(capsys.readouterr().out.strip())
    assert file == tmp_path / "home" / "voiced" / "config.toml"
    assert run("init") == 0
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert all(not table for table in _leaves(tomllib.loads(file.read_text())))
    assert "#silence_ms = 700" in file.read_text()
    assert run("check") == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def _leaves(table: dict[str, Any]) -> list[Any]:
    return [
        leaf
        for value in table.values()
        for leaf in (_leaves(value) if isinstance(value, dict) else [value])
    ]


def test_init_shows_defaults_even_beside_a_wrong_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICED_THREADS", "many")
    file = tmp_path / "new.toml"
    assert run("init", path=file, overrides=("threads=7",)) == 0
    assert "#threads = 0" in file.read_text()


def test_init_overwrites_only_when_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("threads = 1\n")
    with pytest.raises(OutputError, match=r"mine\.toml: is there already; --force replaces it"):
        run("init", path=file)
    assert file.read_text() == "threads = 1\n"
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert run("init", "--force", path=link) == 0
    assert link.is_symlink()
    assert "#threads = 0" in file.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.toml", "mine.toml"]


@pytest.mark.parametrize("force", [False, True])
def test_init_on_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    file = tmp_path / "mine.toml"
    if force:
        file.write_text("threads = 1\n")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"mine\.toml: cannot be written: No space left"):
        run("init", *(["--force"] if force else []), path=file)
    assert [path.read_text() for path in tmp_path.iterdir()] == (["threads = 1\n"] if force else [])


def test_init_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written: "):
        run("init", path=tmp_path / "file" / "config.toml")


def test_check_of_a_file_looks_at_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("threads = 1\n")
    monkeypatch.setenv("VOICED_THREADS", "many")
    assert run("check", str(file)) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"
    with pytest.raises(ConfigError, match="VOICED_THREADS: threads expects a whole number"):
        run("check", path=file)
    file.write_text("thread = 1\n")
    with pytest.raises(ConfigError) as caught:
        run("check", str(file))
    assert str(caught.value) == f"{file}:1: unknown key 'thread': did you mean 'threads'?"
    assert caught.value.exit_status == 78


def test_check_without_any_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    assert capsys.readouterr().out == "no configuration file; ok\n"
