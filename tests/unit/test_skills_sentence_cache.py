"""The kept sentences are those that would be made, whatever happened to the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from voiced.errors import ConfigError
from voiced.skills import sentence_cache
from voiced.skills.names import HouseNames
from voiced.skills.sentence_cache import cached_sentences
from voiced.skills.sentences import expected_sentences


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The languages that sentences were made in; three of them, instead of thousands."""
    calls: list[str] = []

    def make(language: str, names: HouseNames) -> list[str]:
        calls.append(language)
        return ["what time is it", "stop", f"turn on the {names.areas[0]} lights"]

    monkeypatch.setattr(sentence_cache, "expected_sentences", make)
    return calls


def test_they_are_the_expected_ones(tmp_path: Path) -> None:
    expected = expected_sentences("en")
    assert list(cached_sentences("en", tmp_path)) == expected
    assert list(cached_sentences("en", tmp_path)) == expected


def test_made_once(tmp_path: Path, made: list[str]) -> None:
    first = cached_sentences("en", tmp_path / "new")
    assert list(cached_sentences("en", tmp_path / "new")) == list(first)
    assert made == ["en"]
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_other_names_give_others(tmp_path: Path, made: list[str]) -> None:
    cached_sentences("en", tmp_path)
    other = cached_sentences("en", tmp_path, HouseNames(areas=("attic",)))
    assert "turn on the attic lights" in other
    assert len(made) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-3],
        lambda content: content + b"\nturn on the oven",
        lambda content: b"\xff\xfe" * 500,
        lambda content: content.replace(b"stop", b"step"),
    ],
)
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, made: list[str], damage: Callable[[bytes], bytes]
) -> None:
    expected = list(cached_sentences("en", tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert list(cached_sentences("en", tmp_path)) == expected
    assert list(cached_sentences("en", tmp_path)) == expected
    assert len(made) == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, made: list[str]) -> None:
    (tmp_path / "file").write_text("no folder")
    for _ in range(2):
        assert "stop" in cached_sentences("en", tmp_path / "file" / "cache")
    assert len(made) == 2


def test_a_language_without_sentences_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='language "xx"'):
        cached_sentences("xx", tmp_path)
