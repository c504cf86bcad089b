"""Fetches models from the hub: resumed, checked, and in the store as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from voiced.errors import ModelError, NetworkError, OutputError
from voiced.models import pins, wheels
from voiced.models.catalog import ModelFile
from voiced.models.hub import Hub, Remote
from voiced.models.pins import FilePin, Pin
from voiced.models.store import ModelStore, State, expected_of

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes of it that are here, and its size."""

_COMMIT_LENGTH: Final = 40
_SPARE_BYTES: Final = 32 << 20


class Pulled(Struct, frozen=True):
    """What a pull did. `pinned` are the files that were trusted: nothing was known of them."""

    name: str
    path: Path
    was_here: bool
    pinned: tuple[str, ...] = ()


def pull(
    store: ModelStore, name: str, hub: Hub, progress: Progress, *, repin: bool = False
) -> Pulled:
    """Make sure that the model `name` is here, whole.

    With `repin` what is there now is trusted, whatever was pulled before. Raises `ModelError` where
    the hub has something else than it should, `NetworkError`, and `OutputError`.
    """
    entry = store.catalog.model(name)
    if entry.origin != "hf":
        return Pulled(name, store.path(name), was_here=True)
    with store.locked():
        is_here = store.status(name).state is State.INSTALLED and not store.verify(name)
        if is_here and not repin:
            return Pulled(name, store.path(name), was_here=True)
        pin = None if repin else store.pin(name, entry)
        pinned = _Pull(store, name, pin, hub, progress).run()
    return Pulled(name, store.path(name), was_here=False, pinned=pinned)


class _Pull:
    """One model on its way, in `.partial` of the store, whose lock is held."""

    def __init__(
        self, store: ModelStore, name: str, pin: Pin | None, hub: Hub, progress: Progress
    ) -> None:
        self._store = store
        self._name = name
        self._entry = entry = store.catalog.model(name)
        self._pin = pin
        self._hub = hub
        self._progress = progress
        self._folder = store.folder(name)
        self._partial = store.partial(name)
        self._expected = [expected_of(file, pin) for file in entry.files]

    def run(self) -> tuple[str, ...]:
        """Fetch and install; the names of the files that had to be trusted."""
        commit, remotes = self._look()
        try:
            self._partial.mkdir(parents=True, exist_ok=True)
            self._keep_what_is_good()
        except OSError as error:
            raise OutputError(f"{self._partial} cannot be written: {error.strerror}") from error
        self._check_space(remotes)
        got = {
            expected.name: self._fetch(expected, remote)
            for expected, remote in zip(self._expected, remotes, strict=True)
        }
        self._install(Pin(self._entry.source, commit, got))
        return tuple(file.name for file in self._expected if file.sha256 is None)

    def _keep_what_is_good(self) -> None:
        """What is right of a damaged model, or of an earlier pull, is not fetched again."""
        for expected in self._expected:
            installed, whole = self._folder / expected.name, self._partial / expected.name
            if whole.exists() and wheels.sha256(whole) != expected.sha256:
                whole.unlink()
            if whole.exists() or not installed.exists():
                continue
            if wheels.sha256(installed) == expected.sha256:
                os.link(installed, whole)

    def _look(self) -> tuple[str, list[Remote]]:
        """What the hub has, all of it at one commit."""
        revision = self._entry.revision
        if self._pin is not None and len(revision) != _COMMIT_LENGTH:
            revision = self._pin.revision
        remotes = []
        for file, expected in zip(self._entry.files, self._expected, strict=True):
            remote = self._hub.look(self._entry.place, revision, file.path)
            revision = remote.commit
            self._check_offer(file, expected, remote)
            remotes.append(remote)
        return revision, remotes

    def _check_offer(self, file: ModelFile, expected: ModelFile, remote: Remote) -> None:
        """Refuse another file than the expected one before it is downloaded."""
        has_its_size = None in (expected.size, remote.size) or expected.size == remote.size
        has_its_sum = None in (expected.sha256, remote.sha256) or expected.sha256 == remote.sha256
        if has_its_size and has_its_sum:
            return
        if file.sha256 is None and self._pin is not None:
            raise ModelError(
                f"{self._name}: the hub has another {file.name} than when it was first pulled; "
                f"to trust what it has now: voiced models pull --repin {self._name}"
            )
        raise ModelError(
            f"{self._name}: the hub has another {file.name} than voiced's catalogue knows; "
            "it was not pulled"
        )

    def _check_space(self, remotes: list[Remote]) -> None:
        needed = _SPARE_BYTES
        for expected, remote in zip(self._expected, remotes, strict=True):
            here = [self._partial / expected.name, self._part(expected, remote)]
            present = sum(path.stat().st_size for path in here if path.exists())
            needed += max((remote.size or expected.size or 0) - present, 0)
        free = shutil.disk_usage(self._partial).free
        if free < needed:
            raise OutputError(
                f"{self._store.root} has no room for {self._name}: {needed / 1e6:.0f} MB are "
                f"needed, {free / 1e6:.0f} MB are free"
            )

    def _part(self, expected: ModelFile, remote: Remote) -> Path:
        return self._partial / f"{expected.name}.{remote.key}.part"

    def _fetch(self, expected: ModelFile, remote: Remote) -> FilePin:
        whole = self._partial / expected.name
        if not whole.exists():
            part = self._part(expected, remote)
            self._hub.fetch(
                remote, part, lambda done: self._progress(expected.name, done, remote.size)
            )
            part.replace(whole)
        size = whole.stat().st_size
        self._progress(expected.name, size, size)
        digest = wheels.sha256(whole)
        if expected.sha256 is None and remote.git_sha1 is not None:
            is_right = _git_sha1(whole) == remote.git_sha1
        else:
            is_right = digest == (expected.sha256 or remote.sha256 or digest)
        if not is_right:
            whole.unlink()
            raise NetworkError(
                f"{self._name}: {expected.name} arrived damaged (its checksum is wrong); "
                "pull it again"
            )
        return FilePin(size, digest)

    def _install(self, pin: Pin) -> None:
        pins_path = self._store.root / "pins.json"
        pins.write(pins_path, pins.read(pins_path) | {self._name: pin})
        old = self._partial.with_name(f"{self._name}.old")
        try:
            for leftover in self._partial.glob("*.part"):
                leftover.unlink()
            if self._folder.exists():
                # A folder cannot be replaced by a rename: for an instant there is none.
                shutil.rmtree(old, ignore_errors=True)
                self._folder.rename(old)
            self._partial.rename(self._folder)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written: {error.strerror}") from error


def _git_sha1(path: Path) -> str:
    """Git's own sum of a file, which the hub gives for small ones."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
