"""Which line of a TOML text a key stands on: the standard library's parser does not say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<comment> \#[^\n]* )
    | (?P<long>    \"{3} (?: [^\\] | \\. )*? \"{3,5} | '{3} .*? '{3,5} )
    | (?P<text>    " (?: [^"\\\n] | \\. )* " | '[^'\n]*' )
    | (?P<word>    [A-Za-z0-9_-]+ )
    | (?P<newline> \n )
    | (?P<sign>    [^\s] )
    """,
    re.VERBOSE | re.DOTALL,
)

_MAX_DEPTH: Final = 8
"""Keys of ours have three parts; to note the thousands of a strange one takes their square."""


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line, counted from 1, of every key and table of a valid TOML text, by its path.

    What stands inside an inline table or an array has the line of the key that holds it
    (see `line_of`).
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, statement in _statements(text):
        words = [word for word in statement if word not in (".", "[", "]")]
        path = tuple(_unquoted(word) for word in words)
        if statement[0] == "[":
            table = ()
        path = table + path
        for length in range(1, min(len(path), _MAX_DEPTH) + 1):
            lines.setdefault(path[:length], line)
        if statement[0] == "[":
            table = path
    return lines


def line_of(lines: dict[tuple[str, ...], int], path: Sequence[str]) -> int | None:
    """The line of a key, or of the nearest thing that holds it."""
    for length in range(len(path), 0, -1):
        line = lines.get(tuple(path[:length]))
        if line is not None:
            return line
    return None


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Every `[table]` header and every key up to its "=", as tokens, with its line."""
    line = 1
    depth = 0
    in_value = False
    statement: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        kind = match.lastgroup
        if kind == "newline":
            if depth == 0:
                if statement and not in_value:
                    yield line, statement
                statement, in_value = [], False
        elif in_value:
            if kind == "sign":
                depth += (token in "[{") - (token in "]}")
        elif token == "=" and kind == "sign":
            yield line, statement
            in_value = True
        elif kind != "comment":
            statement.append(token)
        line += token.count("\n")
    if statement and not in_value:
        yield line, statement


def _unquoted(word: str) -> str:
    return str(tomllib.loads(f"k = {word}")["k"]) if word[0] in "\"'" else word
