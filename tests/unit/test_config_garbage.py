"""A slip of the finger is understood; what is no configuration at all is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.unit.config_engines import all_keys, loaded
from voiced.config.nearest import edit_distance, nearest
from voiced.errors import ConfigError

KEYS = [key.name for key in all_keys()]


@settings(deadline=None)
@given(
    st.sampled_from(KEYS),
    st.integers(0, 60),
    st.sampled_from("abcxyz_1"),
    st.sampled_from(["drop", "add", "change", "swap"]),
)
def test_one_slip_of_the_finger_is_answered_with_the_key(
    key: str, at: int, letter: str, slip: str
) -> None:
    at %= len(key)
    rest = key[at + 1 :]
    typed = (
        key[:at]
        + {
            "drop": rest,
            "add": letter + key[at:],
            "change": letter + rest,
            "swap": rest[:1] + key[at] + rest[1:],
        }[slip]
    )
    as_near = [other for other in KEYS if edit_distance(typed, other) <= 1]
    assume(typed not in KEYS)
    answer = nearest(typed, KEYS)
    assert answer in as_near
    if as_near == [key]:
        assert answer == key


@settings(deadline=None)
@given(st.text("abcd", max_size=6), st.text("abcd", max_size=6), st.text("abcd", max_size=6))
def test_edit_distance_is_a_distance(a: str, b: str, c: str) -> None:
    assert edit_distance(a, a) == 0
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))
    # One more letter on either side is at most one more step.
    assert edit_distance(a + "a", b) <= edit_distance(a, b) + 1
    assert edit_distance(a + c, b + c) <= edit_distance(a, b)


_FRAGMENTS = st.sampled_from(
    ["stt", "engine", "[", "]", "[[", "]]", "=", ".", "\n", '"', "'", '"""', "'''", "#", " ", "{",
     "}", ",", "1", "-", "nan", "true", "threads = 1\n", "[stt]\n", "[stt.pocketsphinx]\n", "words",
     "\\", "\\u00e9", "é", "\x00", "\r", "\r\n", "1979-05-27", "0x", "e9", "model = "]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(_FRAGMENTS, max_size=40).map("".join) | st.text(max_size=60))
@example("a = 1" + "0" * 5000)
@example("threads = 0x" + "f" * 5000)
@example("\ufefflanguage = 'en'")
@example("x = {a = {a = {a = {}}}}")
def test_garbage_raises_nothing_but_config_errors(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "garbage.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        loaded(file)
    except ConfigError as error:
        for line in str(error).split("\n"):
            assert line.startswith((str(file), "... and ")), line


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_garbage_bytes_raise_nothing_but_config_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "garbage.toml"
    file.write_bytes(data)
    try:
        loaded(file)
    except ConfigError as error:
        assert str(file) in str(error)  # noqa: PT017  # most garbage is wrong, some is valid TOML
