"""The configuration as TOML with every key's meaning and origin, and as plain values for JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from voiced.config.load import Configuration, Value
from voiced.config.sources import Origin
from voiced.config.values import expectation, key_to_toml, to_toml

_WIDTH: Final = 88
"""Comments are folded here, so that they fit beside a line number in a terminal of 100 columns."""


def to_text(configuration: Configuration) -> Iterator[str]:
    """Lines of TOML that give the same settings again: every key, its meaning, value and origin."""
    for section, values in _sections(configuration):
        yield from section
        for value in values:
            yield from _comment(value.key.description)
            line = _assignment(value, value.value)
            yield (f"{line}  # {_origin(value)}" if line else f"#{_bare(value)} =  # not set")


def to_template(configuration: Configuration) -> Iterator[str]:
    """Lines of TOML in which every key stands as a comment, with its default.

    A key's line begins with "#" alone, a remark with "# ", so that an editor can tell them apart.
    """
    yield from _comment(
        "The configuration of voiced. Every key is shown with its default: take the # away from "
        "one to change it. `voiced config check` says whether it is right, `voiced config show` "
        "what holds."
    )
    yield ""
    for section, values in _sections(configuration):
        yield from section
        for value in values:
            yield from _comment(value.key.description)
            line = _assignment(value, value.key.default)
            yield f"#{line or _bare(value) + ' = '}"


def to_plain(configuration: Configuration) -> list[dict[str, Any]]:
    """Every key as a mapping of builtin values, for JSON. A default that is missing is None."""
    return [
        {
            "key": value.key.name,
            "value": _plain(value.value),
            "default": _plain(value.key.default),
            "expects": expectation(value.key),
            "meaning": value.key.description,
            "origin": value.origin.value,
            "where": value.where,
            "variable": value.key.variable,
        }
        for section in configuration.sections
        for value in section.values
    ]


def _sections(configuration: Configuration) -> Iterator[tuple[list[str], tuple[Value, ...]]]:
    for section in configuration.sections:
        lines: list[str] = []
        if section.table is not None:
            name = ".".join(map(key_to_toml, section.table.name.split(".")))
            lines = ["", *_comment(section.table.description), f"[{name}]"]
        yield lines, section.values


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]


def _bare(value: Value) -> str:
    return key_to_toml(value.key.name.rpartition(".")[2])


def _assignment(value: Value, content: object) -> str:
    """`key = content`; empty where there is nothing that TOML could write."""
    if _plain(content) is None:
        return ""
    return f"{_bare(value)} = {to_toml(content)}"


def _origin(value: Value) -> str:
    if value.origin is Origin.DEFAULT:
        return "default"
    default = _plain(value.key.default)
    text = "no default" if default is None else f"default {to_toml(default)}"
    return f"{value.where}; {text}"


def _plain(value: object) -> Any:
    return None if value is msgspec.NODEFAULT else msgspec.to_builtins(value)
