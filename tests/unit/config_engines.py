"""Engines that exist only as options, for the tests of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from voiced.config import Configuration, load
from voiced.config.load import Value
from voiced.config.schema import Key, Schema


class Plain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No options."""


class Sphinx(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every kind of value."""

    model: Annotated[str, Meta(min_length=1, description="The model.")] = "small"
    weight: Annotated[float, Meta(ge=0.5, le=20, description="The weight.")] = 10.0
    beam: Annotated[int, Meta(ge=1, description="The beam.")] = 4
    is_fast: Annotated[bool, Meta(description="Whether it hurries.")] = False
    words: Annotated[tuple[str, ...], Meta(description="Words.")] = ("yes", "no, never")
    levels_db: Annotated[tuple[float, ...], Meta(description="Levels.")] = ()
    numbers: Annotated[Literal["int8", "float32"], Meta(description="What it computes with.")] = (
        "int8"
    )
    scale: Annotated[Annotated[float, Meta(ge=0)] | None, Meta(description="Its scale.")] = None
    name: Annotated[str | None, Meta(description="Its name.")] = None


class Size(StrEnum):
    """A choice."""

    SMALL = "small"
    LARGE = "large"


class Whisper(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice, and two values that may contradict each other."""

    size: Annotated[Size, Meta(description="How large.")] = Size.SMALL
    low: Annotated[int, Meta(description="The lower end.")] = 1
    high: Annotated[int, Meta(description="The upper end.")] = 2

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is more than high ({self.high})")


class Sized(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`stt.whisper_large.size`, for engines whose names begin alike."""

    size: Annotated[int, Meta(description="Another size.")] = 3


class Remote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value without a default."""

    url: Annotated[str, Meta(description="Where it is.")]


ENGINES: Final[Mapping[str, Mapping[str, type[Struct]]]] = {
    "vad": {"gated": Plain, "silero": Plain},
    "wake": {"microwakeword": Plain},
    "stt": {"pocketsphinx": Sphinx, "whisper": Whisper, "whisper_large": Sized, "remote": Remote},
    "llm": {"llama_cpp": Plain},
    "tts": {"piper": Plain, "espeak": Plain},
}


class Catalog:
    """An `EngineCatalog`; remembers whose options were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def names(self, kind: str) -> Sequence[str]:
        return tuple(ENGINES[kind])

    def options_type(self, kind: str, name: str) -> type[Struct]:
        self.asked.append(f"{kind}.{name}")
        return ENGINES[kind][name]


def loaded(
    path: Path,
    *,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    every_engine: bool = False,
) -> Configuration:
    """Load `path` with these engines, and nothing of this machine."""
    return load(
        path,
        engines=Catalog(),
        presets=presets or {},
        overrides=overrides,
        environ=environ or {},
        every_engine=every_engine,
    )


def values_of(configuration: Configuration) -> dict[str, Value]:
    return {one.key.name: one for section in configuration.sections for one in section.values}


def all_keys() -> list[Key]:
    schema = Schema(Catalog())
    schema.add_every_engine()
    return list(schema.keys.values())
