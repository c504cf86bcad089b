"""voiced as a service in the machine, its sound without hardware, and an engine that can be made to hang."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.systemd.machine import VENV, Machine

VOICED: Final = str(VENV / "bin/voiced")

WATCHDOG_S: Final = 8

DEVICES: Final = """
load-module module-null-sink sink_name=mic rate=48000 channels=1 norewinds=1
load-module module-remap-source source_name=mic_source master=mic.monitor
load-module module-null-sink sink_name=speaker rate=48000 channels=1 norewinds=1
set-default-source mic_source
set-default-sink speaker
"""
"""For PulseAudio: a microphone and a speaker."""

MACHINE_SOUND: Final = "/run/sound/native"
"""The socket of the machine's PulseAudio."""

_MACHINE_SOUND_UNIT: Final = """
[Service]
ExecStart=pulseaudio -n -F /etc/sound.pa --daemonize=no --use-pid-file=no --exit-idle-time=-1 \\
  --disable-shm=yes --realtime=no --high-priority=no
Environment=HOME=/run/sound XDG_RUNTIME_DIR=/run/sound
RuntimeDirectory=sound
"""

_WEDGE: Final = """
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

_MACHINE_DROP_IN: Final = f"""
[Service]
WatchdogSec={WATCHDOG_S}
# The wake-word engine "wedge".
Environment=PYTHONPATH=/opt/wedge
# What is not allowed ends it, instead of being refused: the tests would see that.
SystemCallErrorNumber=
"""


@dataclass(frozen=True)
class Service:
    """voiced in the machine, as the service of `user`, or the machine's where that is root."""

    machine: Machine
    user: str = "root"

    def call(self, *words: str) -> str:
        """What a `voiced` command prints."""
        return self.machine.run(VOICED, *words, user=self.user)

    def manage(self, action: str) -> str:
        """`voiced service ACTION`."""
        scope = ("--system",) if self.user == "root" else ()
        return self.call("service", *action.split(), *scope)

    def systemctl(self, *words: str) -> str:
        scope = () if self.user == "root" else ("--user",)
        return self.machine.run("systemctl", *scope, *words, user=self.user)

    def shown(self, name: str) -> str:
        """A property of the unit."""
        return self.systemctl("show", "voiced.service", f"--property={name}", "--value")

    def journal(self, *options: str) -> str:
        """What is logged of it."""
        scope = () if self.user == "root" else ("--user",)
        command = ("journalctl", *scope, "--unit=voiced", "--output=cat", "--no-pager", "--quiet")
        return self.machine.run(*command, *options, user=self.user)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.call("status", "--json"))
        return found

    @property
    def restarts(self) -> int:
        """How many times systemd has started it by itself."""
        return int(self.shown("NRestarts"))

    def works(self) -> bool:
        """Whether it runs, its microphone delivers, and its speaker takes."""
        if self.shown("ActiveState") != "active":
            return False
        found = self.machine.attempt(VOICED, "status", "--json", user=self.user)
        if found.returncode:
            return False
        status = json.loads(found.stdout)
        return status["microphone"]["state"] == "open" and bool(status["speaker"]["is_there"])

    def answers(self) -> None:
        """A question is answered by the real engines, aloud."""
        assert "It's" in self.call("ctl", "ask", "what time is it")

    def comes_back_after(self, restarts: int) -> float:
        """How long it takes until it has been restarted once more, and works; in seconds."""
        took_s = self.machine.wait_until(lambda: self.restarts > restarts and self.works())
        self.answers()
        return took_s


def add_sound(machine: Machine) -> None:
    """A PulseAudio as the unit's comment has it; nothing else is told where it is."""
    machine.write("/etc/systemd/system/sound.service", _MACHINE_SOUND_UNIT)
    socket = f"load-module module-native-protocol-unix socket={MACHINE_SOUND} auth-anonymous=1"
    machine.write("/etc/sound.pa", socket + DEVICES)
    machine.write("/etc/voiced/environment", f"PULSE_SERVER=unix:{MACHINE_SOUND}\n")
    start_sound(machine)


def start_sound(machine: Machine) -> None:
    """Returns when it answers."""
    machine.run("systemctl", "start", "sound")
    machine.wait_until(lambda: ask_sound(machine, "info") == 0)


def ask_sound(machine: Machine, *words: str) -> int:
    """The status of `pactl WORDS`."""
    server = f"PULSE_SERVER=unix:{MACHINE_SOUND}"
    return machine.attempt("env", server, "pactl", *words).returncode


def add_wedge(machine: Machine) -> None:
    """The wake-word engine "wedge", which hangs for ever after `touch /run/voiced/wedge`."""
    machine.write("/opt/wedge/wedge.py", _WEDGE)
    about = "/opt/wedge/wedge-1.dist-info"
    machine.write(f"{about}/METADATA", "Name: wedge\nVersion: 1\n")
    machine.write(f"{about}/entry_points.txt", "[voiced.engines.wake]\nwedge = wedge\n")
    machine.write("/etc/systemd/system/voiced.service.d/90-test.conf", _MACHINE_DROP_IN)
    machine.run("systemctl", "daemon-reload")
