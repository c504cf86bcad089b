"""The cache is whole or made again, whatever happened to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from voiced.engines.stt._sphinx_cache import cached_folder
from voiced.errors import ModelError


class Maker:
    """Fills a folder and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "one").write_text("first")
        (folder / "two").write_text("second")


def test_made_once(tmp_path: Path) -> None:
    make = Maker()
    folder = cached_folder(tmp_path / "new", "lm", "k", make)
    assert cached_folder(tmp_path / "new", "lm", "k", make) == folder
    assert make.calls == 1
    assert (folder / "one").read_text() == "first"


def _truncate(folder: Path) -> None:
    (folder / "two").write_text("sec")


def _remove(folder: Path) -> None:
    (folder / "one").unlink()


def _forget(folder: Path) -> None:
    (folder / "checksums.json").unlink()


def _garble(folder: Path) -> None:
    (folder / "checksums.json").write_bytes(b"\xff{")


def _empty(folder: Path) -> None:
    (folder / "checksums.json").write_text("[]")


@pytest.mark.parametrize("damage", [_truncate, _remove, _forget, _garble, _empty])
def test_damage_is_repaired(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    make = Maker()
    folder = cached_folder(tmp_path, "lm", "k", make)
    damage(folder)
    assert cached_folder(tmp_path, "lm", "k", make) == folder
    assert make.calls == 2
    assert (folder / "two").read_text() == "second"


def test_another_key_replaces_the_old_folder_and_no_other(tmp_path: Path) -> None:
    old = cached_folder(tmp_path, "lm", "1", Maker())
    other = cached_folder(tmp_path, "words", "1", Maker())
    new = cached_folder(tmp_path, "lm", "2", Maker())
    assert sorted(tmp_path.iterdir()) == sorted([new, other])
    assert not old.exists()


def test_a_failure_leaves_nothing_half_made(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "one").write_text("first")
        raise ModelError("no")

    with pytest.raises(ModelError):
        cached_folder(tmp_path, "lm", "k", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelError, match="make room there or allow writing"):
        cached_folder(tmp_path / "file", "lm", "k", Maker())
