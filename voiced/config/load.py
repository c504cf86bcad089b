"""The configuration from all its sources: default < preset < file < environment < command line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from voiced.config.schema import EngineCatalog, Key, Schema, Table, build, build_settings
from voiced.config.settings import (
    ENGINE_KINDS,
    NO_ENGINE,
    OPTIONAL_ENGINES,
    EngineOptions,
    Settings,
)
from voiced.config.sources import (
    MAX_SHOWN,
    Given,
    Layer,
    Origin,
    Problems,
    choice_problem,
    from_command_line,
    from_environment,
    from_file,
    from_preset,
)
from voiced.config.validate import contradictions
from voiced.errors import ConfigError

_ENGINE_KEYS: Final = (*(f"{kind}.engine" for kind in ENGINE_KINDS), "llm.fallback", "tts.fallback")


class Value(Struct, frozen=True):
    """A key with its value and where that comes from; `where` is empty for a default."""

    key: Key
    value: Any
    origin: Origin
    where: str


class Section(Struct, frozen=True):
    """A table with its keys; `table` is None for the top of the file."""

    table: Table | None
    values: tuple[Value, ...]


class Configuration(Struct, frozen=True):
    """The settings, and the story of every key. `path` is the file, where one was read."""

    settings: Settings
    sections: tuple[Section, ...]
    path: Path | None


def load_settings(
    path: Path | None = None,
    *,
    engines: EngineCatalog,
    presets: Mapping[str, Mapping[str, Any]],
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings that hold; see `load`."""
    loaded = load(path, engines=engines, presets=presets, overrides=overrides, environ=environ)
    return loaded.settings


def load(
    path: Path | None = None,
    *,
    engines: EngineCatalog,
    presets: Mapping[str, Mapping[str, Any]],
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    every_engine: bool = False,
) -> Configuration:
    """Read every source.

    `path` is the file of `--config`; without it `VOICED_CONFIG` names one, else it is the one of
    the user's configuration folder, which need not be there. `presets` maps a preset's name to its
    settings as nested tables. `overrides` are "KEY=VALUE". `every_engine` lists the keys of engines
    that are neither chosen nor configured, too.

    Raises `ConfigError` with a line for each thing that is wrong, and `EngineError` where an
    engine's module cannot be imported.
    """
    environ = os.environ if environ is None else environ
    schema = Schema(engines)
    problems: Problems = []
    file = config_path(path, environ)
    is_read = path is not None or bool(environ.get("VOICED_CONFIG")) or _is_there(file)
    in_file = from_file(file, schema, problems) if is_read else {}
    in_environment = from_environment(environ, schema, problems)
    on_command_line = from_command_line(overrides, schema, problems)
    given: Layer = in_file | in_environment | on_command_line
    given = _preset_layer(given, presets, schema, problems) | given
    _check_engines(given, schema, problems)
    if every_engine:
        schema.add_every_engine()
    settings = _settings(given, schema, problems)
    if not problems:
        problems += [_located(given, keys, text) for keys, text in contradictions(settings)]
    if problems:
        more = len(problems) - MAX_SHOWN
        told = [*problems[:MAX_SHOWN], f"... and {more} more"] if more > 0 else problems
        raise ConfigError("\n".join(told))
    return Configuration(settings, tuple(_sections(given, schema)), file if is_read else None)


def config_path(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The file that is read: `path`, else `VOICED_CONFIG`, else the one of the user's folder."""
    if path is not None:
        return path
    named = environ.get("VOICED_CONFIG")
    if named:
        return Path(named)
    # Costs 20 ms, and whoever names a file does not need it.
    from platformdirs import user_config_path

    return user_config_path("voiced") / "config.toml"


def _is_there(path: Path) -> bool:
    """Whether it exists. What cannot be looked at is taken for there, so that reading it tells."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _preset_layer(
    given: Layer, presets: Mapping[str, Mapping[str, Any]], schema: Schema, problems: Problems
) -> Layer:
    default = schema.keys["preset"].default
    chosen = given.get("preset", Given(default, Origin.DEFAULT, ""))
    if chosen.value in presets:
        return from_preset(chosen.value, presets[chosen.value], schema, problems)
    if chosen.value != default:
        text = choice_problem("unknown preset", chosen.value, sorted(presets))
        problems.append(f"{chosen.where}: {text}")
    return {}


def _check_engines(given: Layer, schema: Schema, problems: Problems) -> None:
    """Every chosen engine exists; its keys become known."""
    for name in _ENGINE_KEYS:
        kind = name.partition(".")[0]
        engine = _chosen(name, given, schema)
        names = schema.engine_names(kind)
        if engine in names:
            schema.add_engine(kind, engine)
        elif name not in OPTIONAL_ENGINES or engine != NO_ENGINE:
            choices = [*names, NO_ENGINE] if name in OPTIONAL_ENGINES else list(names)
            text = choice_problem(f"{name}: unknown engine", engine, choices)
            problems.append(_located(given, [name], text))


def _settings(given: Layer, schema: Schema, problems: Problems) -> Settings:
    values = {name: one.value for name, one in given.items()}
    chosen = {name.partition(".")[0] + "." + _chosen(name, given, schema) for name in _ENGINE_KEYS}
    options: list[EngineOptions] = []
    for kind, name, struct in schema.engines():
        table = f"{kind}.{name}"
        keys = [key for key in schema.keys.values() if key.table == table]
        missing = [key.name for key in keys if key.is_required and key.name not in given]
        if missing:
            if table in chosen:
                problems += [f"{key} has no default: set it to use {name!r}" for key in missing]
            continue
        try:
            built = build(struct, table, values)
        except (ValueError, TypeError) as error:
            problems.append(_located(given, [key.name for key in keys], f"[{table}]: {error}"))
        else:
            options.append(EngineOptions(kind=kind, name=name, options=built))
    return build_settings(values, tuple(options))


def _chosen(name: str, given: Layer, schema: Schema) -> str:
    return str(given[name].value if name in given else schema.keys[name].default)


def _sections(given: Layer, schema: Schema) -> Iterator[Section]:
    for table, keys in schema.ordered():
        values = []
        for key in keys:
            one = given.get(key.name, Given(key.default, Origin.DEFAULT, ""))
            values.append(Value(key, one.value, one.origin, one.where))
        yield Section(table, tuple(values))


def _located(given: Layer, keys: Sequence[str], text: str) -> str:
    """`text` with the place that overrules most of those that set one of `keys`."""
    ranks = list(Origin)
    places = [given[key] for key in keys if key in given]
    place = max(places, key=lambda one: ranks.index(one.origin), default=None)
    return f"{place.where}: {text}" if place else text
