"""`voiced models`, on a small catalogue and a hub of its own."""

from __future__ import annotations

import argparse
import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.models_hub import FakeHub, Offer, serving
from voiced import resources
from voiced.cli import models
from voiced.errors import ModelError, NetworkError, UsageError

COMMIT = "1" * 40
WEIGHTS = bytes(range(256)) * 4000

CATALOG = """
[models.big]
kind = "llm"
description = "A model of several files"
source = "hf:somebody/big@main"
licence = "Apache-2.0"
languages = ["en", "de", "fr", "es", "it"]
memory_mb = 100
supports_tools = true
files = [{ path = "weights.gguf" }]

[models.voice]
kind = "tts"
description = "A voice"
source = "bundled:voices"
licence = "MIT"
languages = ["*"]
memory_mb = 10
files = [{ path = "a.onnx", size = 3 }]

[presets.small]
description = "Nearly nothing."
[presets.small.settings]
llm.engine = "llama_cpp"
llm.llama_cpp.model = "big"
tts.piper.voice = "voice"
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub, and a voiced that knows `CATALOG` and nothing of the user's."""
    shipped = tmp_path / "shipped"
    (shipped / "voices").mkdir(parents=True)
    (shipped / "voices" / "a.onnx").write_bytes(b"abc")
    (shipped / "catalog.toml").write_text(CATALOG, encoding="utf-8")
    monkeypatch.setattr(resources, "models_dir", lambda: shipped)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with serving() as fake:
        fake.commit("somebody/big", COMMIT, {"weights.gguf": Offer(WEIGHTS)})
        monkeypatch.setenv("HF_ENDPOINT", fake.endpoint)
        yield fake


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers())
    args = parser.parse_args(["models", *words])
    status: int = args.run(args)
    return status


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, object]]:
    assert run("list", "--json", *words) == 0
    return {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}


def test_pull_list_verify_remove(
    fake: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data" / "voiced" / "models" / "big"
    assert listed(capsys)["big"]["state"] == "not installed"

    assert run("pull", "big") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"big: pulled and checked, {folder / 'weights.gguf'}",
        "big: no checksum was known of weights.gguf: trusted now, and pinned",
    ]
    assert err.splitlines()[-1] == "big weights.gguf: 1.0 MB of 1.0 MB"
    assert len(err.splitlines()) <= 11
    assert (folder / "weights.gguf").read_bytes() == WEIGHTS

    assert run("pull", "big") == 0
    assert "is here already" in capsys.readouterr().out

    entry = listed(capsys)["big"]
    assert entry == {
        "name": "big",
        "kind": "llm",
        "state": "installed",
        "path": str(folder / "weights.gguf"),
        "size": len(WEIGHTS),
        "memory_mb": 100,
        "languages": ["en", "de", "fr", "es", "it"],
        "licence": "Apache-2.0",
        "source": "hf:somebody/big@main",
        "description": "A model of several files",
        "supports_tools": True,
    }

    assert run("verify") == 0
    assert capsys.readouterr().out == "big: ok\n"
    (folder / "weights.gguf").write_bytes(b"x" + WEIGHTS[1:])
    assert run("verify") == 69
    assert "weights.gguf is not what it should be" in capsys.readouterr().out

    assert run("rm", "big") == 0
    assert capsys.readouterr().out == "big: removed, 1.0 MB freed\n"
    assert not folder.exists()


def test_list_for_people(fake: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "STATE", "SIZE", "MEMORY", "LANGUAGES", "LICENCE"]
    assert lines[1].split()[:7] == ["big", "llm", "not", "installed", "?", "100", "MB"]
    assert lines[1].endswith("  en de fr es ...  Apache-2.0")
    assert lines[2].split() == ["voice", "tts", "bundled", "0.0", "kB", "10", "MB", "many", "MIT"]
    assert lines[4:] == ["preset small: Nearly nothing.", "  big, voice"]


def test_list_a_part(fake: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(listed(capsys, "--kind", "llm")) == ["big"]
    assert list(listed(capsys, "--here")) == ["voice"]


def test_pull_a_preset(fake: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pull", "--preset", "small") == 0
    out = capsys.readouterr().out
    assert "big: pulled and checked" in out
    assert "voice: is here already" in out


def test_pull_needs_a_name(fake: FakeHub) -> None:
    with pytest.raises(UsageError, match="name the models to pull"):
        run("pull")
    with pytest.raises(ModelError, match="choose one of small"):
        run("pull", "--preset", "large")


def test_pull_checks_every_name_first(fake: FakeHub) -> None:
    with pytest.raises(ModelError, match="no model 'bigg'; did you mean big"):
        run("pull", "big", "bigg")
    assert fake.asked == []


def test_pull_without_network(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.status = 500
    with pytest.raises(NetworkError, match="the hub answered 500"):
        run("pull", "big")


def test_verify_with_nothing_to_verify(fake: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify") == 0
    assert capsys.readouterr().out == "no model has been pulled\n"
    assert run("verify", "voice") == 0
    assert capsys.readouterr().out == "voice: ok\n"


def test_a_bar_on_a_terminal(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = pty.openpty()
    with os.fdopen(parent, "rb", buffering=0) as screen, os.fdopen(child, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        assert run("pull", "big") == 0
        terminal.flush()
        shown = screen.read(65536).decode()
    assert "big weights.gguf" in shown
    assert "\x1b[" in shown
