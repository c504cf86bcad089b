"""What is logged, and in which form: a journal's end of the socket, a pipe, a terminal."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import pty
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.observe.journal import JournalHandler, encoded
from voiced.observe.logs import handler_for, of_turn, set_up_logging


class Journal:
    """The receiving end of journald's socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(5)

    def received(self) -> dict[str, str]:
        return decoded(self._socket.recv(1 << 20))

    def close(self) -> None:
        self._socket.close()
        Path(self.path).unlink(missing_ok=True)


def decoded(datagram: bytes) -> dict[str, str]:
    """The fields of a message, read as systemd's description of the protocol says."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(datagram[:8], "little")
            value = datagram[8 : 8 + length]
            assert datagram[8 + length : 9 + length] == b"\n"
            datagram = datagram[9 + length :]
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


def log_to(handler: logging.Handler) -> logging.Logger:
    """A logger of its own, so that nothing of the tests' own logging is touched."""
    logger = logging.Logger("voiced.test", logging.DEBUG)  # noqa: LOG001
    logger.addHandler(handler)
    return logger


def journal_handler(journal: Journal) -> JournalHandler:
    """As it is made where standard error is the journal."""
    with Path(os.devnull).open("w") as stream:
        found = os.fstat(stream.fileno())
        announced = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        handler = handler_for(announced, stream, journal_path=journal.path)
    assert isinstance(handler, JournalHandler)
    return handler


def test_the_journal_gets_fields(journal: Journal) -> None:
    handler = journal_handler(journal)
    logger = log_to(handler)
    with of_turn(7):
        logger.warning("turn %d failed: %s", 7, "no voice", extra={"fields": {"outcome": "failed"}})
    found = journal.received()
    assert found["MESSAGE"] == "turn 7 failed: no voice"
    assert found["PRIORITY"] == "4"
    assert found["SYSLOG_IDENTIFIER"] == "voiced"
    assert found["LOGGER"] == "voiced.test"
    assert found["CODE_FILE"] == __file__
    assert found["CODE_FUNC"] == "test_the_journal_gets_fields"
    assert int(found["CODE_LINE"]) > 0
    assert (found["VOICED_TURN"], found["VOICED_OUTCOME"]) == ("7", "failed")
    logger.info("idle")
    assert "VOICED_TURN" not in journal.received()
    handler.close()


def test_a_traceback_is_one_message(journal: Journal) -> None:
    handler = journal_handler(journal)
    try:
        int("first\nsecond")
    except ValueError:
        log_to(handler).exception("a defect")
    found = journal.received()
    assert found["PRIORITY"] == "3"
    assert found["MESSAGE"].startswith("a defect\nTraceback")
    assert found["MESSAGE"].splitlines()[-1].startswith("ValueError: invalid literal")
    handler.close()


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), st.text()))
def test_every_value_arrives_as_it_was(fields: dict[str, str]) -> None:
    assert decoded(encoded(fields)) == fields


def test_what_is_too_long_is_cut_and_arrives(journal: Journal) -> None:
    handler = journal_handler(journal)
    log_to(handler).info("%s", "ä" * 1_000_000)
    assert journal.received()["MESSAGE"].endswith("ä ... (cut)")
    handler.close()


def test_a_journal_that_is_behind_holds_nobody_up(journal: Journal) -> None:
    handler = journal_handler(journal)
    logger = log_to(handler)
    sent = 0
    while not handler.dropped:
        logger.info("message %d", sent)
        sent += 1
    assert [journal.received()["MESSAGE"] for _ in range(sent - 1)][-1] == f"message {sent - 2}"
    logger.info("later")
    found = journal.received()
    assert (found["MESSAGE"], found["VOICED_DROPPED_MESSAGES"]) == ("later", "1")
    logger.info("later still")
    assert "VOICED_DROPPED_MESSAGES" not in journal.received()
    handler.close()


def test_without_its_socket_lines_are_written_instead(journal: Journal) -> None:
    stream = io.StringIO()
    lines = handler_for({"JOURNAL_STREAM": "8:1"}, stream)
    handler = JournalHandler(lines, str(journal.path) + "-missing")
    log_to(handler).error("no voice")
    assert stream.getvalue() == "<3>voiced.test: no voice\n"
    handler.close()


def test_a_message_that_cannot_be_written_ends_nothing(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = journal_handler(journal)
    log_to(handler).info("%d", "not a number")
    assert "not a number" in capsys.readouterr().err
    handler.close()


def test_where_the_journal_is_announced_lines_have_a_priority() -> None:
    # The unit's standard error goes to a file, or through a pipe: JOURNAL_STREAM names another one.
    stream = io.StringIO()
    logger = log_to(handler_for({"JOURNAL_STREAM": "8:1"}, stream))
    logger.warning("two\nlines")
    with of_turn(3):
        logger.info("slow")
        logger.info("turn 3 answered")
    assert stream.getvalue().splitlines() == [
        "<4>voiced.test: two",
        "<4>lines",
        "<6>voiced.test: slow [turn 3]",
        "<6>voiced.test: turn 3 answered",
    ]


def test_people_read_plain_lines() -> None:
    stream = io.StringIO()
    log_to(handler_for({}, stream)).warning("the disk is full")
    assert stream.getvalue() == "WARNING voiced.test: the disk is full\n"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "\033[31mERROR\033[0m voiced.test: no voice"),
        ({"NO_COLOR": "1"}, "ERROR voiced.test: no voice"),
    ],
)
def test_a_terminal_has_colours_unless_told_otherwise(
    environ: dict[str, str], expected: str
) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal, os.fdopen(master, "rb", buffering=0) as screen:
        log_to(handler_for(environ, terminal)).error("no voice")
        assert screen.read(100).decode().rstrip("\r\n") == expected


def test_a_turn_is_known_in_all_tasks_that_it_starts(journal: Journal) -> None:
    handler = journal_handler(journal)
    logger = log_to(handler)

    async def work(name: str) -> None:
        await asyncio.sleep(0)
        logger.info(name)

    async def turn(turn_id: int) -> None:
        with of_turn(turn_id):
            await asyncio.create_task(work(f"of {turn_id}"))

    async def both() -> None:
        await asyncio.gather(turn(1), turn(2), work("of none"))

    asyncio.run(both())
    found = [journal.received() for _ in range(3)]
    turns = {message["MESSAGE"]: message.get("VOICED_TURN") for message in found}
    assert turns == {"of 1": "1", "of 2": "2", "of none": None}
    handler.close()


@pytest.mark.parametrize(
    ("verbosity", "level"), [(0, logging.WARNING), (1, logging.INFO), (3, logging.DEBUG)]
)
def test_verbosity_chooses_the_level(
    verbosity: int, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.RootLogger(logging.NOTSET)
    monkeypatch.setattr(logging, "root", root)
    set_up_logging(verbosity, {}, io.StringIO())
    assert root.level == level
    assert len(root.handlers) == 1
    set_up_logging(0, {}, io.StringIO())
    assert len(root.handlers) == 1, "who listens already is left alone"
