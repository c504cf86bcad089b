"""The guard, in processes of its own: what it installs cannot be taken out again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from voiced.observe.guard import opt_out

_PROGRAM = """
import json, logging, socket, sys, threading
from voiced.observe.guard import Guard, NetworkRefusedError
logging.basicConfig(format="%(message)s")
guard = Guard(int(sys.argv[2]))
guard.install()
guard.install()
results = []
def attempt(work):
    try:
        results.append([True, repr(work())])
    except NetworkRefusedError as error:
        assert isinstance(error, PermissionError)
        results.append([False, str(error)])
    except OSError as error:
        results.append([True, type(error).__name__])
exec(sys.argv[1])
print(json.dumps([results, guard.refused]))
"""


def under_guard(program: str, metrics_port: int = 0) -> tuple[list[tuple[bool, str]], int, str]:
    """What `program`'s attempts came to: whether each was let through and what came of it; how many were
    refused; and the log.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, program, str(metrics_port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout)
    return [(let, came) for let, came in found[0]], found[1], done.stderr


TCP = "socket.socket()"
UDP = "socket.socket(type=socket.SOCK_DGRAM)"


@pytest.mark.parametrize(
    "attempt",
    [
        f"{TCP}.connect(('127.0.0.1', 9))",
        f"{TCP}.connect_ex(('192.0.2.1', 80))",
        "socket.socket(socket.AF_INET6).connect(('::1', 9))",
        "socket.create_connection(('127.0.0.1', 9))",
        f"{TCP}.bind(('127.0.0.1', 0))",
        f"{TCP}.bind(('0.0.0.0', 9323))",
        f"{UDP}.sendto(b'x', ('192.0.2.1', 53))",
        f"{UDP}.sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
        "socket.getaddrinfo('example.org', 443)",
        "socket.gethostbyname('localhost')",
        "socket.gethostbyaddr('127.0.0.1')",
        "socket.getnameinfo(('192.0.2.1', 80), 0)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).bind((0, 0))",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1:9/', timeout=5)",
    ],
)
def test_nothing_goes_out(attempt: str) -> None:
    results, refused, log = under_guard(f"attempt(lambda: {attempt})", metrics_port=9324)
    assert refused == 1, results
    assert "refused: __main__ (<string>:" in log
    # urllib wraps what is raised, in an OSError of its own.
    assert results[0][0] is ("urlopen" in attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        "[end.send(b'x') for end in socket.socketpair()]",
        "socket.socket(socket.AF_UNIX).connect('/nowhere')",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '/nowhere')",
        "socket.socket(socket.AF_UNIX).bind('\\0voiced-test-guard')",
        "socket.gethostname()",
        "open('/dev/null').close()",
    ],
)
def test_unix_sockets_and_files_are_let_through(attempt: str) -> None:
    results, refused, log = under_guard(f"attempt(lambda: {attempt})")
    assert (results[0][0], refused, log) == (True, 0, "")


def test_the_metrics_are_served_under_it() -> None:
    program = """
import asyncio
with socket.socket() as probe:
    guard.switch_off()
    probe.bind(("127.0.0.1", 0))
    guard.metrics_port = probe.getsockname()[1]
guard.install()
from voiced.observe.metrics_server import MetricsServer

def fetch(port):
    import subprocess
    code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)"
    url = f"http://127.0.0.1:{port}/metrics"
    return subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True).stdout

async def serve():
    async with MetricsServer(guard.metrics_port, lambda: "x 1\\n" * 50_000) as server:
        return await asyncio.to_thread(fetch, server.port)
attempt(lambda: asyncio.run(serve()))
attempt(lambda: socket.socket().bind(("127.0.0.1", guard.metrics_port + 1)))
"""
    results, refused, _ = under_guard(program)
    assert results[0] == (True, repr("200\n"))
    assert (results[1][0], refused) == (False, 1)


def test_each_place_is_logged_once_and_every_attempt_counted() -> None:
    program = """
def go():
    socket.socket().connect(("192.0.2.1", 80))
for _ in range(3):
    attempt(go)
thread = threading.Thread(target=attempt, args=(lambda: socket.getaddrinfo("example.org", 1),))
thread.start()
thread.join()
"""
    results, refused, log = under_guard(program)
    assert refused == 4
    assert len(log.splitlines()) == 2
    assert "wanted to connect to ('192.0.2.1', 80)" in results[0][1]
    assert "wanted to look up 'example.org'" in results[3][1]


def test_it_can_be_switched_off_and_on() -> None:
    program = """
go = lambda: socket.socket().connect(("127.0.0.1", 9))
guard.switch_off()
attempt(go)
guard.install()
attempt(go)
"""
    results, refused, _ = under_guard(program)
    assert results[0] == (True, "ConnectionRefusedError")
    assert (results[1][0], refused) == (False, 1)


def test_libraries_are_told_to_report_nothing_whatever_was_said_before() -> None:
    environ = {"ORT_DISABLE_TELEMETRY": "0", "LANG": "C"}
    opt_out(environ)
    assert environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert environ["LANG"] == "C"
