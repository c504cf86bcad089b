"""The line of a key, in texts made to mislead and in any text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from voiced.config.lines import key_lines, line_of
from voiced.config.values import to_toml

TRICKY = '''\
# [stt]  engine = 1
top = """
[not.a.table]
not_a_key = 1 "" " \\""""" # "
'quoted key' . "tab\\t" = 'x' # y = 1
list = [ # [
  { inner = "]" },
  "#", \'\'\'
]\'\'\',
]

[ a . "b.c" ]
key.sub = { x = 1, y = [2,
3] }
[[rows]]
n = 1
[[rows]]
n = 2
[last]'''


def test_lines_of_keys_in_a_text_made_to_mislead() -> None:
    assert tomllib.loads(TRICKY)["quoted key"]["tab\t"] == "x"
    lines = key_lines(TRICKY)
    assert lines == {
        ("top",): 2,
        ("quoted key",): 5,
        ("quoted key", "tab\t"): 5,
        ("list",): 6,
        ("a",): 12,
        ("a", "b.c"): 12,
        ("a", "b.c", "key"): 13,
        ("a", "b.c", "key", "sub"): 13,
        ("rows",): 15,
        ("rows", "n"): 16,
        ("last",): 19,
    }
    assert line_of(lines, ("a", "b.c", "key", "sub", "x")) == 13
    assert line_of(lines, ("nowhere",)) is None


def _leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in table.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_VALUES = st.recursive(
    st.booleans() | st.integers(-99, 99) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(_NAMES, st.dictionaries(_NAMES, _VALUES, max_size=3), max_size=3))
@example({"": {'"""': "'''", "#": "]\n["}})
def test_every_key_of_any_text_is_found_on_its_line(table: dict[str, dict[str, Any]]) -> None:
    rows: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for name, inner in table.items():
        rows += ["# = [", f"[{to_toml(name)}]"]
        expected[(name,)] = len(rows)
        for key, value in inner.items():
            rows += ["", f"{to_toml(key)} = {to_toml(value)} # ["]
            expected[(name, key)] = len(rows)
    text = "\n".join(rows)
    assert tomllib.loads(text) == table
    assert key_lines(text) == expected
    assert all(line_of(expected, path) for path in _leaves(table))
