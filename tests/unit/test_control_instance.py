"""One assistant at a time, and a place for its socket that is safe."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from voiced.control.instance import AlreadyRunningError, sole_instance
from voiced.control.server import listen_at
from voiced.errors import ConfigError, OutputError

HOLD = """
import sys, signal
from pathlib import Path
from voiced.control.instance import AlreadyRunningError, sole_instance
try:
    with sole_instance(Path(sys.argv[1])):
        print("in", flush=True)
        sys.stdin.readline()
except AlreadyRunningError as error:
    print(error, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "voiced" / "control.sock"


def hold(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_second_is_told_of_the_first(path: Path) -> None:
    with sole_instance(path):
        with pytest.raises(AlreadyRunningError) as caught, sole_instance(path):
            pytest.fail("two at once")
        assert str(caught.value) == (
            f"voiced already runs (pid {os.getpid()}): `voiced status` shows what it does"
        )
        assert caught.value.exit_status == 75
    with sole_instance(path):
        pass
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.with_suffix(".lock").stat().st_mode & 0o777 == 0o600


def test_of_many_that_start_at_once_one_wins(path: Path) -> None:
    started = [hold(path) for _ in range(6)]
    # A winner holds until its input ends, which is after all have said who they are.
    said = [process.stdout.readline().strip() for process in started if process.stdout]
    for process in started:
        process.communicate("\n", timeout=30)
    assert said.count("in") == 1
    winner = started[said.index("in")].pid
    others = [line for line in said if line != "in"]
    assert all(line.startswith("voiced already runs") for line in others)
    # A loser may come between the winner's lock and its pid; most do not.
    assert any(f"(pid {winner})" in line for line in others)


def test_a_killed_process_leaves_nothing_that_keeps_the_next_out(path: Path) -> None:
    process = hold(path)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    with pytest.raises(AlreadyRunningError, match=str(process.pid)), sole_instance(path):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    with sole_instance(path):
        pass


def test_a_stale_socket_is_replaced_and_a_living_one_is_not(path: Path) -> None:
    # Closed without being removed: what a process that was killed leaves.
    listen_at(path).close()
    with listen_at(path) as living:
        with pytest.raises(AlreadyRunningError, match=f"pid {os.getpid()}"):
            listen_at(path)
        # Its queue being full does not make it dead.
        waiting = []
        while True:
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            waiting.append(one)
            try:
                one.connect(str(path))
            except BlockingIOError:
                break
        with pytest.raises(AlreadyRunningError):
            listen_at(path)
        for one in waiting:
            one.close()
        assert living.fileno() >= 0


def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a letter")
    with pytest.raises(OutputError, match="is no socket"):
        listen_at(path)
    assert path.read_text() == "a letter"


def test_a_path_that_is_too_long_says_so(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 60) / "control.sock"
    with pytest.raises(ConfigError, match=r"bytes, and a socket's path 107 at most"):
        listen_at(path)
    assert not path.parent.exists()


def test_a_folder_that_others_can_write_to_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(OutputError, match="not safe"), sole_instance(path):
        pass
    with pytest.raises(OutputError, match="not safe"):
        listen_at(path)
    # In a folder like /tmp nobody can remove what is not theirs.
    path.parent.chmod(0o1777)
    listen_at(path).close()


def test_a_link_in_the_folders_place_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="not safe"), sole_instance(path):
        pass


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot be made for the control socket"),
        sole_instance(tmp_path / "file" / "voiced" / "control.sock"),
    ):
        pass


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.with_suffix(".lock").symlink_to(tmp_path / "letter")
    with pytest.raises(OutputError, match="cannot be written"), sole_instance(path):
        pass
    assert not (tmp_path / "letter").exists()
