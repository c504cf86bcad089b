"""voiced as the machine's service, under a real systemd: its own engines, on a PulseAudio without hardware.

One service for all tests, in the order in which they stand here: each leaves it running. A system call that
its unit does not allow would kill it, so each test also says that the unit allows all that is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine
from tests.systemd.service import (
    VOICED,
    Service,
    add_sound,
    add_wedge,
    ask_sound,
    start_sound,
)

CONFIG = "/etc/voiced/config.toml"


@pytest.fixture(scope="module")
def bare(machine: Machine) -> Iterator[Service]:
    """Not installed yet; with sound."""
    add_wedge(machine)
    add_sound(machine)
    yield Service(machine)
    machine.run("systemctl", "stop", "sound")


@pytest.fixture(scope="module")
def service(bare: Service) -> Service:
    """Installed, and so started."""
    bare.machine.write(CONFIG, "")
    assert "voiced runs" in bare.manage("install")
    return bare


def files(machine: Machine, *folders: str) -> set[str]:
    return set(machine.run("find", *folders, "-xdev", "-newer", "/etc/hostname").splitlines())


def test_a_dry_run_changes_nothing(bare: Service) -> None:
    before = files(bare.machine, "/etc", "/var/lib", "/var/cache")
    said = bare.manage("install --dry-run")
    assert "would write /etc/systemd/system/voiced.service" in said
    assert "would run systemctl restart voiced.service" in said
    assert files(bare.machine, "/etc", "/var/lib", "/var/cache") == before


def test_a_wrong_configuration_is_said_and_is_no_loop_of_restarts(bare: Service) -> None:
    bare.machine.write(CONFIG, "[audio]\nvolum = 1\n")
    said = bare.machine.attempt(VOICED, "service", "install", "--system")
    assert said.returncode != 0
    assert f"{CONFIG}:2: unknown key 'audio.volum'" in said.stdout
    assert bare.shown("ExecMainStatus") == "78"
    assert bare.shown("ActiveState") == "failed"
    assert bare.shown("SubState") == "failed", "and not auto-restart"


def test_it_has_started_when_it_hears_and_answers_over_its_socket(service: Service) -> None:
    assert service.shown("ActiveState") == "active"
    assert service.shown("StatusText") == "listening"
    assert service.restarts == 0
    log = service.journal()
    assert 0 < log.index("ready:") < log.index("Started voiced.service")
    assert "INFO" not in log, "that is a field of its own"
    this_time = f"_SYSTEMD_INVOCATION_ID={service.shown('InvocationID')}"
    assert service.journal(this_time, "--priority=warning") == ""
    assert 100 < service.status()["memory_mb"] < 1000
    assert service.status()["phase"] == "idle"
    service.answers()


def test_installed_again_it_goes_on(service: Service) -> None:
    before = service.shown("MainPID")
    assert "unchanged: /etc/systemd/system/voiced.service" in service.manage("install")
    assert service.shown("MainPID") == before
    said = service.manage("status")
    assert "it says: listening" in said
    assert said.count("as installed") == said.count(": /etc/") + said.count("\n/etc/") + 1
    assert "ready" in service.call("logs", "--once")


def test_others_are_kept_out(service: Service) -> None:
    machine = service.machine
    machine.run("useradd", "--create-home", "guest")
    assert machine.attempt(VOICED, "status", "--json", user="guest").returncode == 3
    assert machine.run("stat", "--format=%a %U", "/run/voiced/control.sock") == "600 voiced"


def test_a_reload_holds_what_is_right_and_refuses_what_is_wrong(service: Service) -> None:
    machine = service.machine
    machine.write(CONFIG, "[audio]\nvolume_percent = 55\n")
    machine.run("systemctl", "reload", "voiced")
    assert service.status()["volume_percent"] == 55
    machine.write(CONFIG, "[audio]\nvolume_percent = 'loud'\n")
    assert machine.attempt("systemctl", "reload", "voiced").returncode != 0
    assert f"{CONFIG}:2: audio.volume_percent" in service.journal()
    assert service.status()["volume_percent"] == 55
    assert service.works()
    assert service.restarts == 0
    # What it would begin with after a crash.
    machine.write(CONFIG, "")


def test_a_sound_server_that_is_killed_costs_no_restart(service: Service) -> None:
    machine = service.machine
    machine.run("systemctl", "kill", "--signal=KILL", "sound")
    machine.wait_until(lambda: service.shown("StatusText").startswith("deaf"))
    machine.run("systemctl", "reset-failed", "sound")
    start_sound(machine)
    took_s = machine.wait_until(service.works)
    # Polling through namespaces takes a second by itself.
    assert took_s < 3 + 1
    assert service.shown("StatusText") == "listening"
    service.answers()
    assert service.restarts == 0


def test_killed_it_comes_back_with_what_it_knew(service: Service) -> None:
    machine = service.machine
    service.call("ctl", "ask", "set a pizza timer for two hours")
    service.call("ctl", "volume", "70")
    service.call("ctl", "mute")
    machine.run("systemctl", "kill", "--signal=KILL", "voiced")
    machine.wait_until(lambda: service.restarts == 1 and service.shown("ActiveState") == "active")
    assert service.shown("StatusText") == "muted: the microphone is closed"
    assert "pizza: 1:" in service.call("ctl", "timers")
    assert service.status()["volume_percent"] == 70
    service.call("ctl", "unmute")
    machine.wait_until(service.works)
    assert service.shown("StatusText") == "listening"


def test_a_process_that_stands_still_is_restarted(service: Service) -> None:
    before = service.restarts
    service.machine.run("systemctl", "kill", "--signal=STOP", "voiced")
    service.comes_back_after(before)
    assert "Watchdog timeout" in service.journal()


def test_a_source_that_delivers_nothing_ends_in_a_restart_and_in_hearing(service: Service) -> None:
    machine = service.machine
    before = service.restarts
    assert ask_sound(machine, "suspend-source", "mic_source", "1") == 0
    machine.wait_until(lambda: service.shown("StatusText").startswith("deaf"))
    machine.wait_until(lambda: service.restarts > before)
    assert ask_sound(machine, "suspend-source", "mic_source", "0") == 0
    machine.wait_until(service.works)
    service.answers()


def test_a_wedged_wake_word_engine_is_no_end(service: Service) -> None:
    machine = service.machine
    before = service.restarts
    machine.write(CONFIG, "[wake]\nengine = 'wedge'\n")
    machine.run("systemctl", "reload", "voiced")
    assert service.status()["engines"]["wake"] == "wedge"
    machine.run("touch", "/run/voiced/wedge")
    machine.wait_until(lambda: "ear failed and is built anew" in service.journal())
    machine.wait_until(lambda: "ear works again" in service.journal())
    service.answers()
    assert service.restarts == before
    machine.write(CONFIG, "")


def test_it_stops_in_time_and_starts_again_with_its_timers(service: Service) -> None:
    machine = service.machine
    assert machine.timed("systemctl", "stop", "voiced") < 2
    assert service.shown("ActiveState") == "inactive"
    assert service.shown("Result") == "success"
    assert machine.attempt(VOICED, "service", "status", "--system").returncode == 1
    machine.run("systemctl", "start", "voiced")
    assert "pizza: 1:" in service.call("ctl", "timers")


def test_it_writes_where_it_may_and_nowhere_else(service: Service) -> None:
    """Nor has it ever been killed for what its unit does not allow."""
    own = ["-xdev", "-user", "voiced", "!", "-type", "d"]
    found = service.machine.run("find", "/", "/run", "/dev/shm", *own)
    folders = {re.sub(r"^(/\w+/\w+/voiced|/run/voiced).*", r"\1", path) for path in found.split()}
    # libjack, which PortAudio looks for servers with, leaves some there; systemd removes that (RemoveIPC=).
    folders = {path for path in folders if not path.startswith("/dev/shm/jack")}
    assert folders == {"/var/lib/voiced", "/var/cache/voiced", "/run/voiced"}
    assert "/var/lib/voiced/voiced.db" in found.split()
    assert "SYS" not in re.findall(r"status=\d+/(\w+)", service.journal())


def test_uninstalled_it_leaves_what_is_the_users(service: Service) -> None:
    machine = service.machine
    said = service.manage("uninstall --dry-run")
    assert "would remove /etc/systemd/system/voiced.service" in said
    assert service.shown("ActiveState") == "active"
    service.manage("uninstall")
    assert service.shown("LoadState") == "not-found"
    assert (
        machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "voiced*") == ""
    )
    ours = ["(", "-name", "*voiced*", "-o", "-user", "voiced", ")"]
    left = machine.run("find", "/etc", "/var", "/run", "/dev/shm", "-xdev", *ours, "-prune")
    drop_ins = "/etc/systemd/system/voiced.service.d"
    assert set(left.split()) == {"/etc/voiced", "/var/lib/voiced", drop_ins}
    assert machine.run("find", drop_ins, "-type", "f").endswith("/90-test.conf"), "that is ours"
