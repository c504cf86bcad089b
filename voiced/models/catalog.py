"""What `models/catalog.toml` says: the models that are known, and which suit a class of machine."""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from voiced import resources
from voiced.errors import ModelError

Kind = Literal["stt", "llm", "tts", "wake", "vad"]


class ModelFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model. `path` is its path under the model's source."""

    path: str
    size: int | None = None
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None

    @property
    def name(self) -> str:
        """What it is called on this machine, where pulled files lie side by side."""
        return PurePosixPath(self.path).name


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the catalogue; the file's head explains the fields."""

    kind: Kind
    description: str
    source: Annotated[str, Meta(pattern="^(bundled|wheel|hf):.+$")]
    licence: str
    languages: tuple[str, ...]
    memory_mb: int
    files: Annotated[tuple[ModelFile, ...], Meta(min_length=1)]
    is_folder: bool = False
    supports_tools: bool = False

    @property
    def origin(self) -> str:
        """Where it comes from: "bundled", "wheel" or "hf"."""
        return self.source.partition(":")[0]

    @property
    def place(self) -> str:
        """The folder, the package and its folder, or the repository."""
        return self.source.partition(":")[2].partition("@")[0]

    @property
    def revision(self) -> str:
        """The revision of a repository, "main" where none is named."""
        return self.source.partition("@")[2] or "main"

    @property
    def size(self) -> int | None:
        """All of its files together in bytes, where every size is known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)


class Preset(Struct, frozen=True, forbid_unknown_fields=True):
    """The choices for a class of machine. `settings` are nested tables of configuration keys."""

    description: str
    settings: dict[str, Any]


class Catalog(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    models: dict[str, Model]
    presets: dict[str, Preset] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> Catalog:
        """Read `path`, or the catalogue that comes with voiced. Raises `ModelError`."""
        path = path or resources.models_dir() / "catalog.toml"
        try:
            return msgspec.toml.decode(path.read_bytes(), type=cls)
        except OSError as error:
            raise ModelError(
                f"the catalogue {path} cannot be read ({error.strerror}); install voiced again"
            ) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ModelError(f"the catalogue {path} is wrong: {error}") from error

    def model(self, name: str) -> Model:
        """The entry `name`. Raises `ModelError` with the names that are like it."""
        if name in self.models:
            return self.models[name]
        raise ModelError(f"there is no model {name!r}; {_suggestion(name, list(self.models))}")

    def preset(self, name: str) -> Preset:
        """The preset `name`. Raises `ModelError` with the names that there are."""
        if name in self.presets:
            return self.presets[name]
        known = ", ".join(self.presets)
        raise ModelError(f"there is no preset {name!r}; choose one of {known}")

    def models_of(self, preset: str) -> list[str]:
        """The models that a preset's settings name, in their order."""
        return [name for name in _strings(self.preset(preset).settings) if name in self.models]

    def preset_settings(self) -> dict[str, dict[str, Any]]:
        """The settings of every preset, as the configuration takes them."""
        return {name: preset.settings for name, preset in self.presets.items()}


def _strings(table: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for value in table.values():
        if isinstance(value, dict):
            found += _strings(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, str)]
        elif isinstance(value, str):
            found.append(value)
    return found


def _suggestion(name: str, known: list[str]) -> str:
    # A part of a name is the commonest slip: "base.en" for "whisper-base.en".
    alike = [entry for entry in known if name.lower() in entry.lower()] if len(name) > 1 else []
    alike = alike or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if not alike:
        return "voiced models list shows all of them"
    return f"did you mean {' or '.join(alike[:3])}?"
