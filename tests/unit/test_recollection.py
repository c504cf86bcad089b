"""The conversation that outlives a crash, and only that."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from voiced.core.conversation import Exchange
from voiced.recollection import Recollection, recollection_file

SAID = (
    Exchange("who are you", "I am voiced."),
    Exchange("tell me more", "There", is_interrupted=True),
)


def test_the_next_process_goes_on_from_it(tmp_path: Path) -> None:
    file = tmp_path / "conversation.json"
    Recollection(file).keep(SAID[:1])
    Recollection(file).keep(SAID)
    assert Recollection(file).recall() == SAID
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(("age_s", "count"), [(3000, 2), (4000, 0), (-10, 0)])
def test_after_an_hour_nobody_goes_on_from_it(tmp_path: Path, age_s: float, count: int) -> None:
    file = tmp_path / "conversation.json"
    Recollection(file, lambda: 10_000.0).keep(SAID)
    assert len(Recollection(file, lambda: 10_000.0 + age_s).recall()) == count


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"at_s":1}', b'{"at_s":1e9,"exchanges":[{"x":1}]}', b"\xff"]
)
def test_a_broken_file_is_forgotten_and_said(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "conversation.json"
    file.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert Recollection(file).recall() == ()
    assert len(caplog.records) == 1


def test_what_cannot_be_kept_harms_nobody(tmp_path: Path) -> None:
    for file in (None, tmp_path / "missing" / "conversation.json"):
        recollection = Recollection(file)
        recollection.keep(SAID)
        assert recollection.recall() == ()


def test_it_lies_where_memory_is() -> None:
    user = {"XDG_RUNTIME_DIR": "/run/user/1"}
    assert recollection_file(user) == Path("/run/user/1/voiced/conversation.json")
    assert recollection_file({**user, "RUNTIME_DIRECTORY": "/run/voiced:/run/x"}) == Path(
        "/run/voiced/conversation.json"
    )
    assert recollection_file({"TMPDIR": "/tmp"}) is None, "that may be a disk"
