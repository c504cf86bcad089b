"""Models inside Python packages: where they lie, and what the packages' RECORDs say of them."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path


def folder(place: str) -> Path | None:
    """The folder `place` ("package/folder/in/it"), or None; the package is not imported."""
    package, _, inside = place.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / inside


def recorded_sha256(place: str) -> dict[Path, str]:
    """The checksums, in hexadecimal, of every file that the distribution of `place` installed."""
    package = place.partition("/")[0]
    sums: dict[Path, str] = {}
    for name in importlib.metadata.packages_distributions().get(package, []):
        for file in importlib.metadata.files(name) or []:
            if file.hash is not None and file.hash.mode == "sha256":
                padded = file.hash.value + "=" * (-len(file.hash.value) % 4)
                sums[Path(str(file.locate())).resolve()] = base64.urlsafe_b64decode(padded).hex()
    return sums


def sha256(path: Path) -> str:
    """The checksum of a file in hexadecimal. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
