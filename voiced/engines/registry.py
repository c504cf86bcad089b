"""Finds engines by name and loads them.

An engine of voiced is the module `voiced/engines/<kind>/<name>.py`; one of another package is an
entry point in the group `voiced.engines.<kind>` whose value is such a module (see `contracts.py`).
Nothing is imported before it is asked for.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Literal, overload

from msgspec import Struct

from voiced.config.nearest import nearest
from voiced.engines.contracts import (
    BuildContext,
    LanguageModel,
    SpeechToText,
    TextToSpeech,
    VoiceActivityDetector,
    WakeWordDetector,
)
from voiced.errors import ConfigError, EngineError


def names(kind: str) -> tuple[str, ...]:
    """The engines of a kind ("vad", "wake", "stt", "llm" or "tts"), sorted."""
    return tuple(sorted({*_own(kind), *_others(kind)}))


def options_type(kind: str, name: str) -> type[Struct]:
    """The type of the engine's options.

    Raises `ConfigError` where there is no such engine, `EngineError` where its module is broken.
    """
    options = getattr(_module(kind, name), "Options", None)
    if not (isinstance(options, type) and issubclass(options, Struct)):
        raise EngineError(f"the {kind} engine {name!r} is incomplete: no msgspec struct `Options`")
    return options


@overload
def build(
    kind: Literal["vad"], name: str, options: Struct | None, context: BuildContext
) -> VoiceActivityDetector: ...
@overload
def build(
    kind: Literal["wake"], name: str, options: Struct | None, context: BuildContext
) -> WakeWordDetector: ...
@overload
def build(
    kind: Literal["stt"], name: str, options: Struct | None, context: BuildContext
) -> SpeechToText: ...
@overload
def build(
    kind: Literal["llm"], name: str, options: Struct | None, context: BuildContext
) -> LanguageModel: ...
@overload
def build(
    kind: Literal["tts"], name: str, options: Struct | None, context: BuildContext
) -> TextToSpeech: ...


def build(kind: str, name: str, options: Struct | None, context: BuildContext) -> Any:
    """Load an engine; without `options`, with its defaults.

    Raises `ConfigError` for an unknown name, `ModelError` where its model is missing, and
    `EngineError` where it cannot be loaded, such as for a Python package that is not installed.
    """
    module = _module(kind, name)
    if options is None:
        options = options_type(kind, name)()
    if not hasattr(module, "build"):
        raise EngineError(f"the {kind} engine {name!r} is incomplete: no function `build`")
    try:
        return module.build(options, context)
    except ImportError as error:
        raise _cannot_import(kind, name, error) from error


def _own(kind: str) -> list[str]:
    package = import_module(f"voiced.engines.{kind}")
    modules = pkgutil.iter_modules(package.__path__)
    return [module.name for module in modules if not module.name.startswith("_")]


def _others(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"voiced.engines.{kind}")}


def _module(kind: str, name: str) -> ModuleType:
    try:
        if name in _own(kind):
            return import_module(f"voiced.engines.{kind}.{name}")
        others = _others(kind)
        if name in others:
            return import_module(others[name].module)
    except ImportError as error:
        raise _cannot_import(kind, name, error) from error
    known = names(kind)
    meant = nearest(name, known)
    hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(known)}"
    raise ConfigError(f"there is no {kind} engine {name!r}; {hint}")


def _cannot_import(kind: str, name: str, error: ImportError) -> EngineError:
    if isinstance(error, ModuleNotFoundError):
        return EngineError(
            f"the {kind} engine {name!r} needs the Python package {error.name!r}, "
            "which is not installed"
        )
    return EngineError(f"the {kind} engine {name!r} cannot be loaded: {error}")
