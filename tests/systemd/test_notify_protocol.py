"""voiced.notify as a real systemd understands it, with a service that does nothing else."""

from __future__ import annotations

import sys

import pytest

from tests.systemd.machine import REPOSITORY, Machine

WATCHDOG_S = 1

SERVICE = """
import os, signal, sys, time
from voiced.notify import Notifier, passed_sockets

notifier = Notifier.from_environment(os.environ)
(control,) = passed_sockets(os.environ).values()
assert control.getsockname() == "/run/tiny.sock"
assert notifier.watchdog_s == WATCHDOG_S
assert not {"NOTIFY_SOCKET", "LISTEN_FDS", "WATCHDOG_USEC"} & set(os.environ)
is_on = True

def reload(*_):
    notifier.reloading()
    notifier.ready("reloaded")

def stall(*_):
    global is_on
    is_on = False
    notifier.status("stalled")

def stop(*_):
    notifier.stopping()
    sys.exit(0)

signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGUSR1, stall)
signal.signal(signal.SIGTERM, stop)
notifier.status("starting")
# Longer than the manager would wait by itself.
notifier.extend(20)
time.sleep(1.5)
notifier.ready("works")
while True:
    if is_on:
        notifier.alive()
    time.sleep(WATCHDOG_S / 4)
"""

UNIT = f"""
[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart={sys.executable} /etc/tiny.py
ExecReload=sh -c 'kill -HUP $MAINPID'
Environment=PYTHONPATH={REPOSITORY}
WatchdogSec={WATCHDOG_S}
WatchdogSignal=SIGKILL
TimeoutStartSec=1
Restart=on-failure
RestartSec=100ms
"""

SOCKET = """
[Socket]
ListenStream=/run/tiny.sock
FileDescriptorName=control
"""


@pytest.fixture(scope="module")
def tiny(machine: Machine) -> Machine:
    """The machine, with the service running."""
    machine.write("/etc/tiny.py", SERVICE.replace("WATCHDOG_S", str(WATCHDOG_S)))
    machine.write("/etc/systemd/system/tiny.service", UNIT)
    machine.write("/etc/systemd/system/tiny.socket", SOCKET)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "tiny.socket", "tiny.service")
    return machine


def test_it_has_started_when_it_says_so(tiny: Machine) -> None:
    assert tiny.property("tiny", "ActiveState") == "active"
    assert tiny.property("tiny", "StatusText") == "works"
    assert tiny.property("tiny", "NRestarts") == "0", "it was given the time that it asked for"


def test_a_reload_is_over_when_it_says_so(tiny: Machine) -> None:
    tiny.run("systemctl", "reload", "tiny")
    tiny.wait_until(lambda: tiny.property("tiny", "StatusText") == "reloaded")
    assert tiny.property("tiny", "ActiveState") == "active"


def test_silence_is_the_end_and_a_new_beginning(tiny: Machine) -> None:
    before = int(tiny.property("tiny", "NRestarts"))
    tiny.run("systemctl", "kill", "--signal=SIGUSR1", "tiny")
    tiny.wait_until(lambda: int(tiny.property("tiny", "NRestarts")) > before)
    tiny.wait_until(lambda: tiny.property("tiny", "ActiveState") == "active")
    assert "Watchdog timeout" in tiny.journal("tiny")
    assert tiny.property("tiny", "StatusText") == "works"


def test_it_stops_for_good(tiny: Machine) -> None:
    tiny.run("systemctl", "stop", "tiny.service")
    assert tiny.property("tiny", "Result") == "success"
    assert tiny.property("tiny", "ActiveState") == "inactive"
    tiny.run("systemctl", "stop", "tiny.socket")
