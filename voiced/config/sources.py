"""Where values come from: one function a source, which also tells what is wrong there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from voiced.config.lines import key_lines, line_of
from voiced.config.nearest import nearest
from voiced.config.schema import Key, Schema
from voiced.config.values import convert, convert_text, key_to_toml

OTHER_VARIABLES: Final = frozenset({"VOICED_CONFIG"})
"""Environment variables of ours that are no keys."""

_MAX_FILE_KIB: Final = 256
"""All keys with their comments are 10 KiB; a device or a wrong file is not read to its end."""

_TOMLLIB_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Origin(StrEnum):
    """The sources, each of which overrules those before it."""

    DEFAULT = "default"
    PRESET = "preset"
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


class Given(Struct, frozen=True):
    """A value that somebody gave; `where` is the file and line, the variable, or the option."""

    value: Any
    origin: Origin
    where: str


Layer = dict[str, Given]
"""The values of one source by dotted key."""

Problems = list[str]
"""What is wrong, a line each, to be shown all at once."""

MAX_SHOWN: Final = 20
"""More problems than these are counted, not shown: it was the wrong file."""


def from_file(path: Path, schema: Schema, problems: Problems) -> Layer:
    """The values of a TOML file."""
    text = _read(path, problems)
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        problems.append(_syntax_problem(path, text, error))
        return {}
    lines = key_lines(text)

    def where(names: Sequence[str]) -> str:
        line = line_of(lines, names)
        return f"{path}:{line}" if line else str(path)

    return _from_table(table, Origin.FILE, where, schema, problems)


def from_preset(name: str, table: Mapping[str, Any], schema: Schema, problems: Problems) -> Layer:
    """The values of a preset, whose settings are nested tables."""
    return _from_table(table, Origin.PRESET, lambda _: f"preset {name}", schema, problems)


def from_environment(environ: Mapping[str, str], schema: Schema, problems: Problems) -> Layer:
    """The values of `VOICED_*` variables."""
    layer: Layer = {}
    for variable in sorted(environ):
        if not variable.startswith("VOICED_") or variable in OTHER_VARIABLES:
            continue
        key = schema.find_variable(variable)
        if key is None:
            schema.add_every_engine()
            known = [*(key.variable for key in schema.keys.values()), *sorted(OTHER_VARIABLES)]
            problems.append(f"unknown variable {variable!r}{_meant(variable, known)}")
        else:
            _add_text(layer, key, environ[variable], Origin.ENVIRONMENT, variable, problems)
    return layer


def from_command_line(overrides: Sequence[str], schema: Schema, problems: Problems) -> Layer:
    """The values of `--set KEY=VALUE` options; of one key the last counts."""
    layer: Layer = {}
    for override in overrides:
        name, equals, text = override.partition("=")
        key = schema.find(name.strip())
        if not equals:
            problems.append(f"--set {override}: write KEY=VALUE")
        elif schema.find_table(name.strip()) is not None:
            inner = next((key for key in schema.keys if key.startswith(name.strip() + ".")), "")
            problems.append(
                f"--set: {name.strip()!r} is a table: name one of its keys, such as {inner!r}"
            )
        elif key is None:
            meant = _meant(name.strip(), schema.keys)
            problems.append(f"--set: unknown key {name.strip()!r}{meant}")
        else:
            _add_text(layer, key, text, Origin.COMMAND_LINE, "--set", problems)
    return layer


def choice_problem(what: str, word: str, choices: Sequence[str]) -> str:
    """That `word` is none of `choices`, and which was meant."""
    return f"{what} {word!r}{_meant(word, choices)} (there are: {', '.join(choices)})"


def _from_table(
    table: Mapping[str, Any],
    origin: Origin,
    where: Callable[[Sequence[str]], str],
    schema: Schema,
    problems: Problems,
) -> Layer:
    layer: Layer = {}

    def walk(inner: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for name, value in inner.items():
            names = (*path, name)
            shown = ".".join(map(key_to_toml, names))
            key = schema.find(shown)
            if key is not None:
                try:
                    layer[shown] = Given(convert(key, value), origin, where(names))
                except ValueError as error:
                    problems.append(f"{where(names)}: {shown} {error}")
            elif schema.find_table(shown) is None:
                problems.append(f"{where(names)}: unknown {_nature(value)} {shown!r}")
                if len(problems) <= MAX_SHOWN:
                    problems[-1] += _hint(names, value, schema)
            elif isinstance(value, dict):
                walk(value, names)
            else:
                problems.append(f"{where(names)}: {shown!r} is a table: write it as [{shown}]")

    walk(table, ())
    return layer


def _add_text(
    layer: Layer, key: Key, text: str, origin: Origin, where: str, problems: Problems
) -> None:
    try:
        layer[key.name] = Given(convert_text(key, text), origin, where)
    except ValueError as error:
        problems.append(f"{where}: {key.name} {error}")


def _read(path: Path, problems: Problems) -> str:
    data = b""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_KIB * 1024 + 1)
        if len(data) > _MAX_FILE_KIB * 1024:
            problems.append(f"{path}: too large for a configuration ({_MAX_FILE_KIB} KiB)")
            return ""
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        problems.append(f"{path}: no such file; `voiced config init` writes one")
    except IsADirectoryError:
        problems.append(f"{path}: is a folder; name the file in it")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(f"{path}:{line}: is not UTF-8 text; save it in that encoding")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(f"{path}: cannot be read: {reason}")
    return ""


def _syntax_problem(path: Path, text: str, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"{path}: lists or tables are nested too deep"
    message = str(error)
    place = _TOMLLIB_PLACE.search(message)
    if place is None:
        return f"{path}: {message}"
    line = place[1] or text.rstrip("\n").count("\n") + 1
    return f"{path}:{line}: not valid TOML: {message[: place.start()]}"


def _nature(value: object) -> str:
    return "table" if isinstance(value, dict) else "key"


def _hint(names: Sequence[str], value: object, schema: Schema) -> str:
    """What was meant by a key or a table; else the keys that there are where it stands."""
    known = [*(schema.table_names() if isinstance(value, dict) else ()), *schema.keys]
    table = ".".join(names[:-1])
    own = [key.name.rpartition(".")[2] for key in schema.keys.values() if key.table == table]
    nothing = f" ([{table}] has: {', '.join(own) or 'no keys'})" if table else ""
    return _meant(".".join(names), known) or nothing


def _meant(word: str, candidates: Sequence[str] | Mapping[str, object]) -> str:
    known = nearest(word, candidates)
    return f": did you mean {known!r}?" if known else ""
