"""The units themselves, as systemd reads them: nothing is started here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

VOICED = Path(sys.executable).with_name("voiced")

HIGHEST_EXPOSURE = 2.0


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """All units, as an installation writes them."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze missing: sudo apt install systemd")
    for source in (REPOSITORY / "systemd").rglob("voiced.*"):
        copy = tmp_path / source.relative_to(REPOSITORY / "systemd")
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(source.read_text().replace("@VOICED@", str(VOICED)))
    return tmp_path


def analysed(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        # Of the user's manager only the folders are needed.
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize(("folder", "manager"), [(".", "--user"), ("system", "--system")])
def test_systemd_finds_no_fault(units: Path, folder: str, manager: str) -> None:
    files = [str(units / folder / name) for name in ("voiced.service", "voiced.socket")]
    assert analysed("verify", manager, *files, folder=units) == ""


def test_verify_does_find_faults(units: Path) -> None:
    unit = units / "voiced.service"
    unit.write_text(unit.read_text().replace("RestartSec", "RestartSecs"))
    assert "RestartSecs" in analysed("verify", "--user", str(unit), folder=units)


def test_the_machines_unit_is_hardened(units: Path) -> None:
    report = analysed(
        "security",
        "--offline=true",
        f"--threshold={HIGHEST_EXPOSURE * 10:.0f}",
        str(units / "system/voiced.service"),
        folder=units,
    )
    found = re.search(r"Overall exposure level for voiced.service: ([\d.]+)", report)
    assert found, report
    assert float(found[1]) <= HIGHEST_EXPOSURE


def test_the_machines_user_and_folders_are_understood(units: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-sysusers"):
        pytest.skip("systemd-sysusers missing: sudo apt install systemd")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/group").write_text("audio:x:29:\n")
    for program, file in (
        (["systemd-sysusers"], "voiced.sysusers.conf"),
        (["systemd-tmpfiles", "--create"], "voiced.tmpfiles.conf"),
    ):
        done = subprocess.run(
            [*program, f"--root={root}", str(units / "system" / file)],
            capture_output=True,
            text=True,
            check=False,
        )
        if "only root" in done.stderr or "denied" in done.stderr:
            pytest.skip("users are made by root: sudo .venv/bin/pytest tests/systemd")
        assert done.returncode == 0, done.stderr
    assert "voiced:" in (root / "etc/passwd").read_text()
    assert "audio:x:29:voiced" in (root / "etc/group").read_text()
    assert (root / "run/voiced").stat().st_mode & 0o777 == 0o700
