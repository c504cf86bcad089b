"""voiced as a user's service, on that user's own PulseAudio, as Debian starts it; nobody is logged in.

One service for all tests, in the order in which they stand here: each leaves it running.
"""

from __future__ import annotations

import pytest

from tests.systemd.machine import Machine
from tests.systemd.service import DEVICES, VOICED, Service

HOME = "/home/ann"
UNITS = f"{HOME}/.config/systemd/user"


@pytest.fixture(scope="module")
def ann(machine: Machine) -> Service:
    """Somebody whose systemd runs without a login, and who has not installed voiced yet."""
    machine.run("useradd", "--create-home", "ann")
    service = Service(machine, "ann")
    sound = f"{HOME}/.config/pulse/default.pa"
    machine.write(sound, f"load-module module-native-protocol-unix\n{DEVICES}")
    machine.write(f"{HOME}/.config/voiced/config.toml", "")
    machine.run("chown", "--recursive", "ann:ann", HOME)
    machine.run("loginctl", "enable-linger", "ann")
    machine.wait_until(lambda: machine.attempt("pactl", "info", user="ann").returncode == 0)
    return service


@pytest.fixture(scope="module")
def service(ann: Service) -> Service:
    """Installed, and so started."""
    assert "voiced runs" in ann.manage("install")
    return ann


def test_a_dry_run_changes_nothing(ann: Service) -> None:
    assert f"would write {UNITS}/voiced.service" in ann.manage("install --dry-run")
    said = ann.machine.attempt(VOICED, "service", "status", user="ann")
    assert said.returncode == 1
    assert f"there is no {UNITS}/voiced.service (voiced service install)" in said.stdout


def test_whoever_runs_it_by_hand_keeps_the_socket(ann: Service) -> None:
    by_hand = ("systemd-run", "--user", "--quiet", "--unit=by-hand", "--property=Type=notify")
    ann.machine.run(*by_hand, VOICED, "run", user="ann")
    refused = ann.machine.attempt(VOICED, "service", "install", user="ann")
    assert refused.returncode == 75
    assert f"already runs (pid {ann.status()['pid']}), but not as a service" in refused.stdout
    ann.call("ctl", "shutdown")
    asleep = ("systemctl", "--user", "is-active", "by-hand")
    ann.machine.wait_until(lambda: ann.machine.attempt(*asleep, user="ann").returncode != 0)


def test_it_has_started_when_it_hears_and_answers_over_its_socket(service: Service) -> None:
    assert service.shown("ActiveState") == "active"
    assert service.shown("StatusText") == "listening"
    log = service.journal()
    assert 0 < log.index("ready:") < log.index("Started voiced.service")
    this_time = f"_SYSTEMD_INVOCATION_ID={service.shown('InvocationID')}"
    assert service.journal(this_time, "--priority=warning") == ""
    service.answers()
    assert "it says: listening" in service.manage("status")
    assert "ready" in service.call("logs", "--once")


def test_only_its_user_reaches_it(service: Service) -> None:
    machine = service.machine
    runtime = f"/run/user/{machine.run('id', '-u', 'ann')}/voiced"
    assert machine.run("stat", "--format=%a %U", runtime) == "700 ann"
    assert machine.run("stat", "--format=%a %U", f"{runtime}/control.sock") == "600 ann"
    machine.run("useradd", "bob")
    assert machine.attempt(VOICED, "status", "--json", user="bob").returncode == 3


def test_a_reload_holds_what_is_right_and_refuses_what_is_wrong(service: Service) -> None:
    config = f"{HOME}/.config/voiced/config.toml"
    service.machine.write(config, "[audio]\nvolume_percent = 55\n")
    service.systemctl("reload", "voiced")
    assert service.status()["volume_percent"] == 55
    service.machine.write(config, "[audio]\nvolum = 1\n")
    refused = ("systemctl", "--user", "reload", "voiced")
    assert service.machine.attempt(*refused, user="ann").returncode != 0
    assert f"{config}:2: unknown key 'audio.volum'" in service.journal()
    assert service.works()
    service.machine.write(config, "")


def test_a_sound_server_that_is_killed_costs_no_restart(service: Service) -> None:
    service.systemctl("kill", "--signal=KILL", "pulseaudio")
    # Its unit starts it again, and so do those who knock at its socket.
    service.machine.wait_until(lambda: service.status()["reconnects"] >= 2)
    service.machine.wait_until(service.works)
    service.answers()
    assert service.restarts == 0


def test_killed_it_comes_back_with_what_it_knew(service: Service) -> None:
    service.call("ctl", "ask", "set a pizza timer for two hours")
    service.systemctl("kill", "--signal=KILL", "voiced")
    service.comes_back_after(0)
    assert "pizza: 1:" in service.call("ctl", "timers")


def test_uninstalled_it_leaves_what_is_the_users(service: Service) -> None:
    assert service.machine.timed("systemctl", "--user", "--machine=ann@", "stop", "voiced") < 2
    assert service.shown("ActiveState") == "inactive"
    assert "would remove" in service.manage("uninstall --dry-run")
    service.manage("uninstall")
    assert service.shown("LoadState") == "not-found"
    left = service.machine.run("find", HOME, "-name", "*voiced*", "-prune").split()
    assert sorted(left) == [
        f"{HOME}/{each}/voiced" for each in (".cache", ".config", ".local/state")
    ]
