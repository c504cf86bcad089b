"""The data is found where it is installed: in the repository, and in a wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from voiced import resources

REPOSITORY = Path(__file__).parents[2]


def test_a_checkout_uses_the_repository_folder() -> None:
    assert resources.models_dir() == REPOSITORY / "models"
    assert (resources.models_dir() / "catalog.toml").is_file()


def test_a_wheel_carries_the_models_and_finds_them(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    find = "from voiced import resources; print(resources.models_dir())"
    # -I and a path of its own: nothing of this checkout can be imported.
    found = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {find}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    ).stdout.strip()
    shipped = {path.relative_to(found) for path in Path(found).rglob("*") if path.is_file()}
    source = REPOSITORY / "models"
    assert shipped == {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    assert found.startswith(str(site))
