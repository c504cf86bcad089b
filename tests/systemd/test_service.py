"""voiced as the machine's service, under a real systemd: its own engines, on a PulseAudio without hardware.

One service for all tests, in the order in which they stand here: each leaves it running.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.systemd.machine import VENV, Machine

VOICED = str(VENV / "bin/voiced")
SOCKET = "/run/sound/native"
WATCHDOG_S = 8

SOUND_UNIT = """
[Service]
ExecStart=pulseaudio -n -F /etc/sound.pa --daemonize=no --use-pid-file=no --exit-idle-time=-1 \
  --disable-shm=yes --realtime=no --high-priority=no
Environment=HOME=/run/sound XDG_RUNTIME_DIR=/run/sound
RuntimeDirectory=sound
"""
SOUND_SCRIPT = f"""
load-module module-native-protocol-unix socket={SOCKET} auth-anonymous=1
load-module module-null-sink sink_name=mic rate=48000 channels=1 norewinds=1
load-module module-remap-source source_name=mic_source master=mic.monitor
load-module module-null-sink sink_name=speaker rate=48000 channels=1 norewinds=1
set-default-source mic_source
set-default-sink speaker
"""
ALSA = "".join(
    f'{kind}.!default {{ type pulse server "unix:{SOCKET}" }}\n' for kind in ("pcm", "ctl")
)

WEDGE = """
import os, threading
from msgspec import Struct

class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass

def build(options, context):
    return Wedge()

class Wedge:
    phrases = ("open sesame",)

    def detect(self, chunk):
        try:
            os.unlink("/run/voiced/wedge")
        except FileNotFoundError:
            return None
        threading.Event().wait()

    def reset(self):
        pass

    def close(self):
        pass
"""

DROP_IN = f"""
[Service]
WatchdogSec={WATCHDOG_S}
Environment=PYTHONPATH=/opt/wedge VOICED_WAKE_ENGINE=wedge
"""


class Service:
    """voiced in the machine, and what a person asks of it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def call(self, *words: str) -> str:
        return self.machine.run(VOICED, *words)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.call("status", "--json"))
        return found

    def shown(self, name: str) -> str:
        return self.machine.property("voiced", name)

    @property
    def restarts(self) -> int:
        return int(self.shown("NRestarts"))

    @property
    def hears(self) -> bool:
        """Whether it runs, and its microphone delivers."""
        if self.shown("ActiveState") != "active":
            return False
        found = self.machine.attempt(VOICED, "status", "--json")
        return found.returncode == 0 and json.loads(found.stdout)["microphone"]["state"] == "open"

    def answers(self) -> None:
        """A question is answered by the real engines, aloud."""
        assert "It's" in self.call("ctl", "ask", "what time is it")

    def back_after(self, restarts: int) -> float:
        """How long it takes until it has been restarted once more, and hears."""
        took_s = self.machine.wait_until(lambda: self.restarts > restarts and self.hears)
        self.answers()
        return took_s


@pytest.fixture(scope="module")
def service(machine: Machine) -> Iterator[Service]:
    machine.write("/etc/systemd/system/sound.service", SOUND_UNIT)
    machine.write("/etc/sound.pa", SOUND_SCRIPT)
    machine.write("/etc/voiced/asound.conf", ALSA)
    machine.write(
        "/etc/voiced/environment",
        f"PULSE_SERVER=unix:{SOCKET}\nALSA_CONFIG_PATH=/etc/voiced/asound.conf\n",
    )
    machine.write("/opt/wedge/wedge.py", WEDGE)
    machine.write("/opt/wedge/wedge-1.dist-info/METADATA", "Name: wedge\nVersion: 1\n")
    machine.write(
        "/opt/wedge/wedge-1.dist-info/entry_points.txt", "[voiced.engines.wake]\nwedge = wedge\n"
    )
    machine.write("/etc/systemd/system/voiced.service.d/90-test.conf", DROP_IN)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "sound")
    machine.run(VOICED, "service", "install", "--system")
    yield Service(machine)
    machine.run("systemctl", "stop", "sound")


def test_it_is_active_once_it_hears_and_answers_over_its_socket(service: Service) -> None:
    assert service.shown("ActiveState") == "active"
    assert service.shown("StatusText") == "listening"
    assert service.restarts == 0
    status = service.status()
    assert status["microphone"]["state"] == "open"
    assert status["memory_mb"] > 100
    service.answers()
    assert "as installed" in service.call("service", "status", "--system")
    journal = service.machine.journal("voiced")
    assert "ready:" in journal
    assert "INFO" not in journal, "that is a field of its own"
    assert "Traceback" not in journal
    assert "denied" not in journal.lower()


def test_others_are_kept_out(service: Service) -> None:
    machine = service.machine
    machine.run("useradd", "--create-home", "guest")
    refused = machine.attempt(VOICED, "status", "--json", user="guest")
    assert refused.returncode == 3
    assert machine.run("stat", "--format=%a %U", "/run/voiced/control.sock") == "600 voiced"


def test_a_reload_holds_what_is_right_and_refuses_what_is_wrong(service: Service) -> None:
    machine = service.machine
    machine.write("/etc/voiced/config.toml", "[audio]\nvolume_percent = 55\n")
    machine.run("systemctl", "reload", "voiced")
    assert service.status()["volume_percent"] == 55
    machine.write("/etc/voiced/config.toml", "[audio]\nvolume_percent = 'loud'\n")
    assert machine.attempt("systemctl", "reload", "voiced").returncode != 0
    assert "audio.volume_percent" in machine.journal("voiced")
    assert service.status()["volume_percent"] == 55
    machine.write("/etc/voiced/config.toml", "")
    machine.run("systemctl", "reload", "voiced")
    assert service.restarts == 0


def test_a_sound_server_that_is_killed_costs_no_restart(service: Service) -> None:
    machine = service.machine
    before = service.restarts
    machine.run("systemctl", "kill", "--signal=KILL", "sound")
    machine.wait_until(lambda: service.status()["microphone"]["state"] == "away")
    assert machine.property("voiced", "StatusText").startswith("deaf")
    machine.run("systemctl", "reset-failed", "sound")
    machine.run("systemctl", "start", "sound")
    machine.wait_until(lambda: Path(SOCKET).name in machine.run("ls", "/run/sound"))
    took_s = machine.wait_until(lambda: service.hears)
    # Polling through namespaces takes a second by itself.
    assert took_s < 3 + 1
    service.answers()
    assert service.restarts == before


def test_killed_it_comes_back_with_what_it_knew(service: Service) -> None:
    service.call("ctl", "ask", "set a pizza timer for two hours")
    service.call("ctl", "volume", "70")
    before = service.restarts
    service.machine.run("systemctl", "kill", "--signal=SEGV", "voiced")
    service.back_after(before)
    assert "pizza" in service.call("ctl", "timers")
    assert service.status()["volume_percent"] == 70


def test_a_process_that_stands_still_is_restarted(service: Service) -> None:
    before = service.restarts
    service.machine.run("systemctl", "kill", "--signal=STOP", "voiced")
    service.back_after(before)
    assert "watchdog" in service.machine.journal("voiced").lower()


def test_a_source_that_delivers_nothing_ends_in_a_restart_and_in_hearing(service: Service) -> None:
    before = service.restarts
    pactl = ("env", f"PULSE_SERVER=unix:{SOCKET}", "pactl", "suspend-source", "mic_source")
    service.machine.run(*pactl, "1")
    service.machine.wait_until(lambda: service.shown("StatusText") != "listening")
    service.machine.wait_until(lambda: service.restarts > before)
    service.machine.run(*pactl, "0")
    service.machine.wait_until(lambda: service.hears)
    service.answers()


def test_a_wedged_wake_word_engine_is_no_end(service: Service) -> None:
    service.machine.run("touch", "/run/voiced/wedge")
    service.machine.wait_until(lambda: "built anew" in service.machine.journal("voiced"))
    service.machine.wait_until(lambda: service.hears)
    service.answers()


def test_it_stops_in_time_and_starts_again_with_its_timers(service: Service) -> None:
    machine = service.machine
    took_s = machine.timed("systemctl", "stop", "voiced")
    assert took_s < 2.5
    assert service.shown("ActiveState") == "inactive"
    machine.run("systemctl", "start", "voiced")
    assert "pizza" in service.call("ctl", "timers")


def test_a_wrong_configuration_is_no_loop_of_restarts(service: Service) -> None:
    machine = service.machine
    machine.write("/etc/voiced/config.toml", "[audio]\nvolum = 1\n")
    assert machine.attempt("systemctl", "restart", "voiced").returncode != 0
    assert service.shown("ExecMainStatus") == "78"
    assert service.shown("ActiveState") == "failed"
    assert "audio.volum" in machine.journal("voiced")
    machine.write("/etc/voiced/config.toml", "")
    machine.run("systemctl", "restart", "voiced")
    service.answers()


def test_it_writes_where_it_may_and_nowhere_else(service: Service) -> None:
    found = service.machine.run(
        "find", "/etc", "/var", "/opt", "/home", "/tmp", "-xdev", "-user", "voiced", "-type", "f"
    )
    folders = {str(Path(line).parents[-4]) for line in found.splitlines()}
    assert folders <= {"/var/lib/voiced", "/var/cache/voiced"}


def test_uninstalled_it_leaves_nothing(service: Service) -> None:
    machine = service.machine
    said = machine.run(VOICED, "service", "uninstall", "--system", "--dry-run")
    assert "would remove" in said
    assert service.shown("ActiveState") == "active"
    service.call("service", "uninstall", "--system")
    assert service.shown("ActiveState") == "inactive"
    left = machine.run("find", "/etc", "-name", "*voiced*", "-not", "-path", "/etc/voiced*")
    # The user and its folders stay, as Debian's packages leave them.
    assert [line for line in left.splitlines() if "90-test" not in line and ".d" not in line] == []
