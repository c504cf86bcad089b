"""One value: from TOML or from text to its type, back to TOML, and in words."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import inspect as types

from voiced.config.schema import Key

_UNITS: Final = {
    "_ms": "milliseconds",
    "_s": "seconds",
    "_hz": "hertz",
    "_db": "decibels",
    "_dbfs": "decibels below full scale",
    "_tokens": "tokens",
    "_percent": "percent",
    "_samples": "samples",
    "_bytes": "bytes",
    "_mb": "megabytes",
    "_wpm": "words a minute",
}

_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
_SHOWN_CHARACTERS: Final = 40
_TOML_INTEGER_BITS: Final = 63


def convert(key: Key, value: object) -> Any:
    """`value`, as TOML gave it, as the type of `key`.

    Raises `ValueError` that says what is expected and what came.
    """
    with suppress(ValueError, TypeError, RecursionError):
        if _is_writable(value):
            return msgspec.convert(value, key.type)
    raise ValueError(f"expects {expectation(key)}, got {_described(value)}")


def convert_text(key: Key, text: str) -> Any:
    """Like `convert`, for a value that was written as text in a variable or on a command line.

    A list is written as in TOML or with commas.
    """
    kind = _plain_type(key.type)
    value: object = text
    if isinstance(kind, types.BoolType):
        word = text.strip().casefold()
        value = True if word in _TRUE else False if word in _FALSE else text
    elif isinstance(kind, types.IntType | types.FloatType):
        value = _number(text)
    elif isinstance(kind, types.CollectionType | types.TupleType):
        value = _list(text)
    elif isinstance(kind, types.LiteralType) and text not in kind.values:
        value = _number(text)
    return convert(key, value)


def expectation(key: Key) -> str:
    """What a value of `key` has to be, in words."""
    unit = next((word for suffix, word in _UNITS.items() if key.name.endswith(suffix)), "")
    return _in_words(types.type_info(key.type), unit)


def to_toml(value: object) -> str:
    """`value` on one line of TOML."""
    value = msgspec.to_builtins(value)
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case list() | tuple():
            return "[" + ", ".join(to_toml(item) for item in value) + "]"
        case dict():
            pairs = (f"{key_to_toml(str(name))} = {to_toml(item)}" for name, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        case _:
            raise TypeError(f"TOML has no way to write {value!r}")


def key_to_toml(name: str) -> str:
    """One part of a key, in quotes where it needs them."""
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else _quoted(name)


def _quoted(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

    def escaped(character: str) -> str:
        if character in escapes:
            return escapes[character]
        return character if character.isprintable() else f"\\U{ord(character):08x}"

    return '"' + "".join(map(escaped, text)) + '"'


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _list(text: str) -> object:
    if not text.strip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return tomllib.loads(f"list = {text}")["list"]
    except (ValueError, RecursionError):
        return text


def _plain_type(annotation: object) -> types.Type:
    """The type without its notes, and without "or nothing"."""
    info = types.type_info(annotation)
    while isinstance(info, types.Metadata):
        info = info.type
    if isinstance(info, types.UnionType):
        some = [one for one in info.types if not isinstance(one, types.NoneType)]
        if len(some) == 1:
            return some[0].type if isinstance(some[0], types.Metadata) else some[0]
    return info


def _is_writable(value: object) -> bool:
    """Whether TOML and terminals take it: no infinity, torn character or endless number."""
    match value:
        case float():
            return math.isfinite(value)
        case int():
            return value.bit_length() <= _TOML_INTEGER_BITS
        case str():
            return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)
        case list():
            return all(map(_is_writable, value))
        case dict():
            return all(map(_is_writable, value.values()))
        case _:
            return True


def _in_words(info: types.Type, unit: str) -> str:  # noqa: C901  # one line a type
    of_unit = f" of {unit}" if unit else ""
    match info:
        case types.Metadata():
            examples = (info.extra_json_schema or {}).get("examples")
            words = _in_words(info.type, unit)
            return f"text such as {to_toml(examples[0])}" if examples else words
        case types.BoolType():
            return "true or false"
        case types.IntType():
            return f"a whole number{of_unit}{_range(info)}"
        case types.FloatType():
            return f"a number{of_unit}{_range(info)}"
        case types.StrType():
            return "text" + _text_limits(info)
        case types.LiteralType():
            return _one_of(info.values)
        case types.EnumType():
            return _one_of([member.value for member in info.cls])
        case types.UnionType():
            some = [one for one in info.types if not isinstance(one, types.NoneType)]
            return " or ".join(_in_words(one, unit) for one in some)
        case types.CollectionType():
            return f"a list, each item {_in_words(info.item_type, unit)}"
        case types.TupleType():
            return f"a list of {len(info.item_types)} items"
        case types.DictType():
            return "a table"
        case _:
            return "another kind of value"


def _range(info: types.IntType | types.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f" between {info.ge} and {info.le}"
    limits = {"of at least": info.ge, "above": info.gt, "of at most": info.le, "below": info.lt}
    words = [f"{word} {limit}" for word, limit in limits.items() if limit is not None]
    return "".join(" " + word if i == 0 else " and " + word for i, word in enumerate(words))


def _text_limits(info: types.StrType) -> str:
    if info.pattern is not None:
        return f" of the form {info.pattern}"
    limits = {"at least": info.min_length, "at most": info.max_length}
    words = [f"{word} {count}" for word, count in limits.items() if count is not None]
    return f" of {' and '.join(words)} characters" if words else ""


def _one_of(values: Iterable[object]) -> str:
    return "one of " + ", ".join(to_toml(value) for value in values)


def _described(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > _TOML_INTEGER_BITS:
            return "a number of more than 64 bits"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {_shortened(_quoted(value))}"
        case list():
            return "a list" if not _is_writable(value) else f"the list {_shortened(_toml(value))}"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def _toml(value: list[Any]) -> str:
    try:
        return to_toml(value)
    except (TypeError, ValueError, RecursionError):
        return "[...]"


def _shortened(text: str) -> str:
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return text[: _SHOWN_CHARACTERS - 4] + "..." + text[-1]
