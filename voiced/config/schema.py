"""The keys that exist: those of `Settings`, and those of engines once something asks for them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo, fields, replace

from voiced.config.settings import ENGINE_KINDS, EngineOptions, Settings

_S = TypeVar("_S", bound=Struct)

_NOT_A_KEY: Final = "engine_options"


class EngineCatalog(Protocol):
    """Knows the engines of this installation; `voiced.engines.registry` is one."""

    def names(self, kind: str) -> Sequence[str]:
        """The engines of a kind."""

    def options_type(self, kind: str, name: str) -> type[Struct]:
        """The type of the table `[<kind>.<name>]`."""


class Key(Struct, frozen=True):
    """One setting. `name` is dotted, as in "endpointing.pause_ms"; `default` may be `NODEFAULT`."""

    name: str
    type: Any
    default: Any
    description: str

    @property
    def table(self) -> str:
        """The table it stands in; empty for the top of the file."""
        return self.name.rpartition(".")[0]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "VOICED_" + self.name.upper().replace(".", "_")

    @property
    def is_required(self) -> bool:
        return self.default is NODEFAULT


class Table(Struct, frozen=True):
    """One table of the file, `[name]`, and what it is about."""

    name: str
    description: str


class Schema:
    """Every key and table by name, in the order in which they are shown."""

    def __init__(self, engines: EngineCatalog) -> None:
        self._engines = engines
        self._added: dict[tuple[str, str], type[Struct]] = {}
        self.keys: dict[str, Key] = {}
        self.tables: dict[str, Table] = {}
        self._names = {kind: tuple(engines.names(kind)) for kind in ENGINE_KINDS}
        self._add(Settings, "")
        for field in fields(Settings):
            table = _table_type(field)
            if table is not None:
                self._add(table, field.name)

    def engine_names(self, kind: str) -> tuple[str, ...]:
        return self._names[kind]

    def table_names(self) -> list[str]:
        """Of all tables that exist, those of engines that were not added included."""
        of_engines = (f"{kind}.{name}" for kind, names in self._names.items() for name in names)
        return list(dict.fromkeys((*self.tables, *of_engines)))

    def add_engine(self, kind: str, name: str) -> None:
        """Learn the keys of `[<kind>.<name>]`."""
        if (kind, name) not in self._added:
            options = self._added[kind, name] = self._engines.options_type(kind, name)
            self._add(options, f"{kind}.{name}")

    def engines(self) -> Iterator[tuple[str, str, type[Struct]]]:
        """The kind, name and options of every engine that was added."""
        for kind, names in self._names.items():
            for name in names:
                if (kind, name) in self._added:
                    yield kind, name, self._added[kind, name]

    def add_every_engine(self) -> None:
        """Learn the keys of all engines."""
        for kind, names in self._names.items():
            for name in names:
                self.add_engine(kind, name)

    def find_table(self, name: str) -> Table | None:
        """The table of that dotted name."""
        self._add_owner(name)
        return self.tables.get(name)

    def find(self, name: str) -> Key | None:
        """The key of that dotted name."""
        self._add_owner(name)
        return self.keys.get(name)

    def find_variable(self, variable: str) -> Key | None:
        """The key that an environment variable sets.

        Where two would do ("a.b_c" and "a_b.c"), the one of voiced itself wins, then the one of the
        engine with the longer name.
        """
        for kind, names in self._names.items():
            for name in names:
                if variable.startswith(f"VOICED_{kind}_{name}_".upper()):
                    self.add_engine(kind, name)
        matches = [key for key in self.keys.values() if key.variable == variable]
        return max(matches, key=_rank, default=None)

    def _add_owner(self, name: str) -> None:
        kind, _, rest = name.partition(".")
        engine = rest.partition(".")[0]
        if f"{kind}.{engine}" not in self.keys and engine in self._names.get(kind, ()):
            self.add_engine(kind, engine)

    def _add(self, struct: type[Struct], table: str) -> None:
        if table:
            self.tables[table] = Table(table, _summary(struct))
        for field in fields(struct):
            is_table = struct is Settings and _table_type(field) is not None
            if not is_table and field.name != _NOT_A_KEY:
                name = _dotted(table, field)
                key = Key(name, field.type, _default(field), _description(field.type))
                self.keys[name] = key

    def ordered(self) -> Iterator[tuple[Table | None, list[Key]]]:
        """The tables with their keys: the top of the file first, engines behind their kind."""
        yield None, [key for key in self.keys.values() if not key.table]
        for top in [name for name in self.tables if "." not in name]:
            engines = [f"{top}.{name}" for name in self._names.get(top, ())]
            for name in (top, *(name for name in engines if name in self.tables)):
                yield (self.tables[name], [key for key in self.keys.values() if key.table == name])


def build(struct: type[_S], table: str, values: Mapping[str, Any]) -> _S:
    """An instance of `struct`, the type of `[table]`, from values by dotted key.

    Raises what its `__post_init__` raises.
    """
    names = {field.name: _dotted(table, field) for field in fields(struct)}
    return struct(**{field: values[name] for field, name in names.items() if name in values})


def build_settings(values: Mapping[str, Any], options: tuple[EngineOptions, ...]) -> Settings:
    """All settings, from values by dotted key."""
    tables = ((field, _table_type(field)) for field in fields(Settings))
    built = {field.name: build(table, field.name, values) for field, table in tables if table}
    return replace(build(Settings, "", values), **built, engine_options=options)


def _table_type(field: FieldInfo) -> type[Struct] | None:
    """The struct that a field of `Settings` holds, if it is a table rather than a value."""
    return field.type if inspect.isclass(field.type) and issubclass(field.type, Struct) else None


def _dotted(table: str, field: FieldInfo) -> str:
    return f"{table}.{field.encode_name}" if table else field.encode_name


def _rank(key: Key) -> tuple[bool, int]:
    return key.table.count(".") == 0, len(key.table)


def _summary(struct: type[Struct]) -> str:
    """The first paragraph about a table: an engine is described by its module."""
    is_ours = struct.__module__ == Settings.__module__
    text = inspect.getdoc(struct if is_ours else inspect.getmodule(struct)) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return field.default


def _description(annotation: Any) -> str:
    for note in getattr(annotation, "__metadata__", ()):
        if isinstance(note, Meta) and note.description:
            return " ".join(note.description.split())
    return ""
