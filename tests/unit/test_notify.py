"""What a service manager receives: real datagrams, real descriptors."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.notify import Notifier, passed_sockets


class Manager:
    """The receiving end."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(5)

    def received(self) -> dict[str, str]:
        """The assignments of the next message."""
        lines = self._socket.recv(65_536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.fixture
def notifier(manager: Manager, tmp_path: Path) -> Notifier:
    return Notifier(str(tmp_path / "notify"))


def test_each_message_has_the_words_of_the_protocol(manager: Manager, notifier: Notifier) -> None:
    notifier.ready("listening")
    assert manager.received() == {"READY": "1", "STATUS": "listening"}
    notifier.status("no microphone")
    assert manager.received() == {"STATUS": "no microphone"}
    notifier.alive()
    assert manager.received() == {"WATCHDOG": "1"}
    notifier.extend(90)
    assert manager.received() == {"EXTEND_TIMEOUT_USEC": "90000000"}
    notifier.stopping()
    assert manager.received()["STOPPING"] == "1"


def test_reloading_says_since_when(manager: Manager, notifier: Notifier) -> None:
    before_us = time.monotonic_ns() // 1000
    notifier.reloading()
    message = manager.received()
    assert message["RELOADING"] == "1"
    assert before_us <= int(message["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


@given(st.text())
def test_a_status_is_one_line_whatever_it_says(text: str) -> None:
    # A device's name may hold anything, and must not be able to say READY=1.
    address = f"\0voiced-test-{os.getpid()}"
    manager = Manager(address)
    Notifier(f"@{address[1:]}").status(text + "\nREADY=1")
    assert set(manager.received()) == {"STATUS"}
    manager.close()


def test_the_environment_is_read_once_and_not_passed_on(manager: Manager, tmp_path: Path) -> None:
    environ = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "20000000",
        "WATCHDOG_PID": str(os.getpid()),
        "LANG": "C",
    }
    notifier = Notifier.from_environment(environ)
    assert notifier.watchdog_s == 20
    assert environ == {"LANG": "C"}
    notifier.alive()
    assert manager.received() == {"WATCHDOG": "1"}


@pytest.mark.parametrize(
    "watchdog",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_there_is_no_watchdog_unless_it_is_for_this_process(watchdog: dict[str, str]) -> None:
    environ = {"NOTIFY_SOCKET": "@nobody", **watchdog}
    assert Notifier.from_environment(environ).watchdog_s is None


def test_without_a_manager_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier.from_environment({"WATCHDOG_USEC": "1000000"})
    notifier.ready("listening")
    assert notifier.watchdog_s is None
    assert not caplog.records


@pytest.mark.parametrize("address", ["/nowhere/notify", "@nobody", "/" + "x" * 200, "vsock:2:1"])
def test_a_manager_that_cannot_be_reached_is_said_once(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(address)
    for _ in range(3):
        notifier.alive()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_manager_that_does_not_read_holds_nobody_up(
    manager: Manager, notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    # More messages than any queue holds (net.unix.max_dgram_qlen), until one does not fit.
    while not caplog.records:
        notifier.alive()
    assert manager.received() == {"WATCHDOG": "1"}
    notifier.alive()


def test_a_manager_that_comes_back_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(str(tmp_path / "later"))
    notifier.alive()
    manager = Manager(str(tmp_path / "later"))
    notifier.ready("listening")
    assert manager.received()["READY"] == "1"
    manager.close()
    notifier.alive()
    assert len(caplog.records) == 2


_TAKES_SOCKETS = """
import json, os, socket, sys
from voiced.errors import ConfigError
from voiced.notify import passed_sockets
for position, descriptor in enumerate(json.loads(sys.argv[1])):
    os.dup2(descriptor, 3 + position)
os.environ["LISTEN_PID"] = str(os.getpid() + int(sys.argv[2]))
try:
    found = passed_sockets(os.environ)
except ConfigError as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps({name: [s.getsockname(), s.get_inheritable()] for name, s in found.items()}))
print(json.dumps([name for name in os.environ if name.startswith("LISTEN_")]))
"""


def taken(descriptors: list[int], names: str, *, pid_offset: int = 0) -> object:
    """What a process makes of these descriptors, passed as systemd does it."""
    environ = {**os.environ, "LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": names}
    # Above all numbers that they are to get.
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100) for descriptor in descriptors]
    command = [sys.executable, "-c", _TAKES_SOCKETS, json.dumps(high), str(pid_offset)]
    output = subprocess.run(
        command, env=environ, pass_fds=high, capture_output=True, text=True, check=True
    ).stdout
    for descriptor in high:
        os.close(descriptor)
    result, variables = (json.loads(line) for line in output.splitlines())
    assert variables == []
    return result


def test_sockets_come_by_name_and_are_not_inherited(tmp_path: Path) -> None:
    path = str(tmp_path / "control")
    with socket.socket(socket.AF_UNIX) as control, socket.socket(socket.AF_INET) as metrics:
        control.bind(path)
        metrics.bind(("127.0.0.1", 0))
        passed = [control.fileno(), metrics.fileno()]
        assert taken(passed, "control:metrics") == {
            "control": [path, False],
            "metrics": [list(metrics.getsockname()), False],
        }
        assert taken(passed[:1], "") == {"unknown": [path, False]}
        assert taken(passed, "control:metrics", pid_offset=1) == {}
        assert "'control'" in str(taken(passed, "control:control"))


def test_what_is_no_socket_is_named(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert "'control' is no socket" in str(taken([file.fileno()], "control"))


def test_nothing_is_passed_where_systemd_did_not_start_us() -> None:
    assert passed_sockets({}) == {}
    assert passed_sockets({"LISTEN_FDS": "1", "LISTEN_PID": "1"}) == {}
    assert passed_sockets({"LISTEN_FDS": "many", "LISTEN_PID": str(os.getpid())}) == {}
