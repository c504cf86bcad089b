"""`voiced service`: systemd keeps voiced running, for this user or for the machine."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voiced.cli import units
from voiced.cli.common import add_command
from voiced.control.client import Client
from voiced.control.instance import AlreadyRunningError
from voiced.control.places import own_socket
from voiced.errors import OutputError, VoicedError
from voiced.pulse import DEAF

_EPILOG: Final = """\
examples:
  voiced service install --dry-run    what would be written and run
  voiced service install              start voiced now and whenever you log in
  voiced service status               whether it runs, and what it said last
  voiced service uninstall            remove what install wrote
  sudo .venv/bin/voiced service install --system    for the whole machine, without a login

The user's service is right wherever PipeWire or PulseAudio plays your sound. What you want to be
different belongs into `systemctl --user edit voiced`, which no installation touches.
exit status of `status`: 0 it runs, 1 it does not.
"""

_LOG_LINES: Final = "8"

_SHOWN: Final = "ActiveState,SubState,StatusText,NRestarts,ActiveEnterTimestamp,UnitFileState"

_LOOKS_EVERY_S: Final = 1.0
"""How often it is asked how far the start is."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "service", "let systemd keep voiced running", _EPILOG)
    actions = parser.add_subparsers(metavar="ACTION", required=True, title="actions")
    for name, run, summary in (
        ("install", _install, "write the units, enable them and start voiced"),
        ("uninstall", _uninstall, "stop voiced and remove what install wrote"),
        ("status", _status, "whether it is installed and runs, and its last words"),
    ):
        description = f"{summary[0].upper()}{summary[1:]}."
        action = actions.add_parser(name, help=summary, description=description, allow_abbrev=False)
        action.add_argument(
            "--system", action="store_true", help="the machine's service instead of this user's"
        )
        if run is not _status:
            action.add_argument(
                "--dry-run", action="store_true", help="only say what would be done"
            )
            action.add_argument("--force", action="store_true", help="whatever somebody has edited")
        action.set_defaults(run=run)


@dataclass(frozen=True)
class _Manager:
    """The systemd of this user, or of the machine."""

    is_system: bool

    @property
    def systemctl(self) -> tuple[str, ...]:
        return ("systemctl",) if self.is_system else ("systemctl", "--user")

    @property
    def journalctl(self) -> tuple[str, ...]:
        # Not --user-unit: that would leave out what systemd itself says of the unit.
        return ("journalctl", *(() if self.is_system else ("--user",)), "--unit", "voiced")

    @property
    def option(self) -> str:
        """What our own commands are told for this one."""
        return " --system" if self.is_system else ""

    def shown(self, names: str) -> dict[str, str]:
        """Properties of the service; empty where nobody answers."""
        lines = _output(*self.systemctl, "show", "voiced.service", f"--property={names}")
        return dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)

    def require(self) -> None:
        """Raises `OutputError` where it would not hear us."""
        if not shutil.which("systemctl"):
            raise OutputError(
                "there is no systemd here: let your own supervisor start `voiced run`"
            )
        asked = subprocess.run(
            [*self.systemctl, "show", "--property=Version"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode:
            reason = (asked.stderr.strip().splitlines() or ["it does not answer"])[0]
            remedy = (
                "was this machine booted by it?"
                if self.is_system
                else "log in as this user (su and sudo are no login), or use --system"
            )
            raise OutputError(f"no systemd to talk to ({reason}): {remedy}")


def _install(args: argparse.Namespace) -> int:
    manager = _Manager(args.system)
    files = units.wanted_files(is_system=args.system)
    changed = {path: text for path, text in files.items() if units.content(path) != text}
    if not args.force and (edited := [path for path in changed if units.is_foreign(path)]):
        raise OutputError(
            f"{_listed(edited)}: edited, or not written by voiced; move your changes to "
            f"`{' '.join(manager.systemctl)} edit voiced`, then use --force"
        )
    prepare = [
        ("systemd-sysusers", "/etc/sysusers.d/voiced.conf"),
        ("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/voiced.conf"),
    ]
    commands = [
        *(prepare if args.system else ()),
        (*manager.systemctl, "daemon-reload"),
        (*manager.systemctl, "enable", "voiced.service"),
    ]
    start = (*manager.systemctl, "restart" if changed else "start", "voiced.service")
    unchanged = files.keys() - changed.keys()
    if args.dry_run:
        for path, text in changed.items():
            print(f"would write {path}:\n\n{text}")
        _say("unchanged: ", unchanged)
        _would_run([*commands, start])
        return 0
    _require_root(args)
    manager.require()
    _require_alone(manager)
    for path, text in changed.items():
        units.write(path, text)
    _say("written: ", changed)
    _say("unchanged: ", unchanged)
    print("starting (the first time takes up to a minute) ...", flush=True)
    for command in commands:
        _call(command, f"see `{' '.join(manager.journalctl)} -n 50`")
    print(f"{_start(manager, start)} `voiced service status{manager.option}` shows how it is.")
    if not args.system and not _lingers():
        print("It ends when you log out. To have it from boot on: loginctl enable-linger")
    return 0


def _uninstall(args: argparse.Namespace) -> int:
    manager = _Manager(args.system)
    written = units.written_files(is_system=args.system)
    removed = [path for path in written if args.force or not units.is_foreign(path)]
    if not written:
        print("There is nothing to remove: voiced is not installed as a service.")
        return 0
    disable = (*manager.systemctl, "disable", "--now", "voiced.service")
    reload = (*manager.systemctl, "daemon-reload")
    # Of a user these folders belong to `voiced run`, too.
    clean = (*manager.systemctl, "clean", "--what=runtime", "--what=cache", "voiced.service")
    if args.dry_run:
        _would_run([disable, *([clean] if args.system else [])])
        _say("would remove ", removed)
        _would_run([reload])
        return 0
    _require_root(args)
    manager.require()
    _call(disable, "stop it by hand and try again")
    # Or a service that has failed would go on being listed.
    _output(*manager.systemctl, "reset-failed", "voiced.service")
    if args.system:
        _output(*clean)
    for path in removed:
        units.remove(path)
    _say("removed: ", removed)
    _call(reload, "restart the service manager")
    _say("kept, since it was edited (--force removes it): ", set(written) - set(removed))
    if args.system:
        print("kept: /etc/voiced, /var/lib/voiced (timers, volume) and the user voiced")
    return 0


def _status(args: argparse.Namespace) -> int:
    manager = _Manager(args.system)
    files = units.wanted_files(is_system=args.system)
    if not (unit := units.unit_folder(is_system=args.system) / "voiced.service").is_file():
        print(f"not installed: there is no {unit} (voiced service install{manager.option})")
        other = _Manager(not args.system)
        if (units.unit_folder(is_system=other.is_system) / unit.name).is_file():
            whose = "the machine's" if other.is_system else "this user's"
            print(f"{whose} is there: voiced service status{other.option}")
        return 1
    for path, text in files.items():
        print(f"{path}: {_judged(path, text, manager)}")
    manager.require()
    says = manager.shown(_SHOWN)
    is_active = says.get("ActiveState") == "active"
    since = f" since {says.get('ActiveEnterTimestamp')}" if is_active else ""
    print(f"at start: {says.get('UnitFileState') or 'unknown'}")
    print(f"now: {says.get('ActiveState')} ({says.get('SubState')}){since}")
    print(f"it says: {says.get('StatusText') or 'nothing'}")
    print(f"restarts: {says.get('NRestarts')}")
    log = _output(*manager.journalctl, "--lines", _LOG_LINES, "--no-pager", "--quiet")
    print("\n".join(("last words:", *(f"  {line}" for line in log.splitlines() or ["none"]))))
    print(f"more: {' '.join(manager.journalctl)} --follow")
    return 0 if is_active else 1


def _judged(path: Path, wanted: str, manager: _Manager) -> str:
    install = f"voiced service install{manager.option}"
    if not path.is_file():
        return f"missing ({install})"
    if units.content(path) == wanted:
        return "as installed"
    return "edited" if units.is_foreign(path) else f"of another version ({install})"


def _start(manager: _Manager, command: tuple[str, ...]) -> str:
    """What has come of it, in a sentence. Raises `OutputError` with what it said itself.

    The manager waits until it hears, and without a microphone that may be never.
    """
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as start:
        while start.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                start.wait(_LOOKS_EVERY_S)
            says = manager.shown("StatusText").get("StatusText", "")
            if says.startswith(DEAF):
                start.terminate()
                return f"voiced runs, but it is {says}."
        if start.returncode == 0:
            return "voiced runs."
        told = start.stderr.read() if start.stderr else ""
    invocation = manager.shown("InvocationID").get("InvocationID")
    own = (f"_SYSTEMD_INVOCATION_ID={invocation}", f"--lines={_LOG_LINES}", "--output=cat")
    said = _output("journalctl", *own, "--no-pager", "--quiet").rpartition("voiced: ")[2]
    reason = " ".join((said or told).split())
    raise OutputError(
        f"voiced does not start: {reason} (more: voiced service status{manager.option})"
    )


def _require_alone(manager: _Manager) -> None:
    """Raises `AlreadyRunningError` where it was started by hand: its socket would be the service's."""
    state = manager.shown("ActiveState").get("ActiveState")
    if manager.is_system or state not in {"inactive", "failed"}:
        return
    try:
        with Client([own_socket(os.environ)]) as client:
            pid = client.call("status")["pid"]
    except VoicedError:
        return
    raise AlreadyRunningError(
        f"voiced already runs (pid {pid}), but not as a service: end that one (voiced ctl shutdown) "
        "and try again"
    )


def _require_root(args: argparse.Namespace) -> None:
    if args.system and os.geteuid() != 0:
        raise OutputError("the machine's service is root's to change: use sudo")


def _lingers() -> bool:
    """Whether this user's systemd runs without a login, too."""
    asked = _output("loginctl", "show-user", str(os.getuid()), "--property=Linger")
    return asked == "Linger=yes"


def _say(what: str, paths: Iterable[Path]) -> None:
    for path in sorted(paths):
        print(f"{what}{path}")


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, sorted(paths)))


def _would_run(commands: Iterable[tuple[str, ...]]) -> None:
    for command in commands:
        print(f"would run {' '.join(command)}")


def _call(command: tuple[str, ...], remedy: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise OutputError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"status {done.returncode}"
        raise OutputError(f"`{' '.join(command)}` failed ({reason}): {remedy}")


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
