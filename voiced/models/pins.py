"""The pins of a store: what each pulled model was, so that it can be checked, and had again.

Where the catalogue knows no checksum, the first pull is trusted, and its checksum holds from then
on. Pins outlive the models that they are of.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from voiced.errors import ModelError, OutputError


class FilePin(Struct, frozen=True):
    """A file as it was pulled."""

    size: int
    sha256: str


class Pin(Struct, frozen=True):
    """A model as it was pulled: from `source` of the catalogue, at the commit `revision`."""

    source: str
    revision: str
    files: dict[str, FilePin]


def read(path: Path) -> dict[str, Pin]:
    """All pins. Raises `ModelError` where the file is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Pin])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is damaged ({error}); delete it to trust the next pull of every model again"
        ) from error


def write(path: Path, pins: dict[str, Pin]) -> None:
    """Replace all pins at once. Raises `OutputError`."""
    text = msgspec.json.format(msgspec.json.encode(pins, order="sorted"), indent=2) + b"\n"
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
