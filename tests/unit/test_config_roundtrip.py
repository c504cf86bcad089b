"""Any valid settings are the same again after they were written out, or given as text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect as types

from tests.unit.config_engines import ENGINES, Catalog, Remote, all_keys, loaded, values_of
from voiced.config.describe import to_text
from voiced.config.schema import Key, Schema
from voiced.config.settings import ENGINE_KINDS
from voiced.config.values import convert, convert_text, to_toml


def valid(info: types.Type) -> st.SearchStrategy[Any]:  # noqa: C901  # one line a type
    """Every value that TOML can write and the type allows."""
    match info:
        case types.Metadata():
            return valid(info.type)
        case types.BoolType():
            return st.booleans()
        case types.IntType():
            least = -(2**63) + 1 if info.ge is None else info.ge
            return st.integers(least, 2**63 - 1 if info.le is None else info.le)
        case types.FloatType():
            low = -1e300 if info.ge is None else float(info.ge)
            return st.floats(low, 1e300 if info.le is None else float(info.le))
        case types.StrType(pattern=None):
            characters = st.characters(exclude_categories=["Cs"])
            return st.text(characters, min_size=info.min_length or 0, max_size=20)
        case types.StrType():
            return st.from_regex(str(info.pattern), fullmatch=True)
        case types.LiteralType():
            return st.sampled_from(info.values)
        case types.EnumType():
            return st.sampled_from(list(info.cls))
        case types.VarTupleType():
            return st.lists(valid(info.item_type), max_size=4).map(tuple)
        case types.UnionType():
            some = [one for one in info.types if not isinstance(one, types.NoneType)]
            return st.one_of([valid(one) for one in some])
    raise AssertionError(f"no strategy for {info}")


def is_choice(key: Key) -> bool:
    """Whether other things decide which texts are allowed."""
    return key.name.endswith((".engine", ".fallback")) or key.name == "preset"


FREE_KEYS = [key for key in all_keys() if not is_choice(key)]
CONTRADICTORY = ("segmenter.", "endpointing.", "stt.whisper.")


@st.composite
def assignments(draw: st.DrawFn) -> dict[str, Any]:
    """Values for some keys, none of which contradict each other."""
    keys = [key for key in FREE_KEYS if not key.name.startswith(CONTRADICTORY)]
    chosen = draw(st.lists(st.sampled_from(keys), unique_by=lambda key: key.name, max_size=12))
    values = {key.name: draw(valid(types.type_info(key.type))) for key in chosen}
    for kind in ENGINE_KINDS:
        if draw(st.booleans()):
            usable = [name for name in ENGINES[kind] if ENGINES[kind][name] is not Remote]
            values[f"{kind}.engine"] = draw(st.sampled_from(usable))
    low, high = sorted(draw(st.lists(st.integers(-9, 9), min_size=2, max_size=2)))
    return values | {"stt.whisper.low": low, "stt.whisper.high": high}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(assignments())
def test_any_valid_settings_survive_being_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "written.toml"
    file.write_text("".join(f"{key} = {to_toml(value)}\n" for key, value in values.items()))
    first = loaded(file, every_engine=True)
    shown = values_of(first)
    assert {key: shown[key].value for key in values} == values
    assert all(shown[key].where.startswith(f"{file}:") for key in values)

    file.write_text("\n".join(to_text(first)))
    again = loaded(file, every_engine=True)
    assert again.settings == first.settings
    assert {key: one.value for key, one in values_of(again).items()} == {
        key: one.value for key, one in shown.items()
    }


@given(
    st.sampled_from(FREE_KEYS).flatmap(
        lambda key: st.tuples(st.just(key), valid(types.type_info(key.type)))
    )
)
@settings(deadline=None)
def test_every_key_can_be_set_by_its_variable(case: tuple[Key, Any]) -> None:
    key, value = case
    plain = msgspec.to_builtins(value)
    text = plain if isinstance(plain, str) else to_toml(plain)
    assert convert_text(key, text) == value
    assert convert(key, list(plain) if isinstance(plain, tuple) else plain) == value
    found = Schema(Catalog()).find_variable(key.variable)
    assert found == key
