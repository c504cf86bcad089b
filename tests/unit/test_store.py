"""The file on the disk: what is in it after it was closed, damaged, full, old or new."""

from __future__ import annotations

import logging
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voiced.errors import InputError, OutputError
from voiced.store import Store, Timer
from voiced.store.schema import MIGRATIONS

TIMER = Timer(0, "pizza", 300.0, 1000.0, 1300.25, 77.125, "boot")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "voiced.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store.open(path)
    yield opened
    opened.close()


def reread(path: Path) -> tuple[list[Timer], bool, int | None]:
    store = Store.open(path)
    try:
        return store.timers(), store.muted, store.volume_percent
    finally:
        store.close()


def test_a_new_one_is_empty_and_private(store: Store, path: Path) -> None:
    assert (store.timers(), store.muted, store.volume_percent) == ([], False, None)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.set_muted(is_muted=True)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"voiced.db": 0o600, "voiced.db-wal": 0o600, "voiced.db-shm": 0o600}


def test_each_write_goes_through_to_the_disk(store: Store) -> None:
    database = store._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    store.set_muted(is_muted=True)
    assert not database.in_transaction


def test_what_was_written_is_there_while_it_is_still_open(store: Store, path: Path) -> None:
    first = store.add_timer(TIMER)
    second = store.add_timer(replace(TIMER, name="", due_s=None, due_boot_s=None, left_s=7.5))
    store.change_timer(replace(TIMER, id=first, due_s=1400.0, due_boot_s=177.0))
    store.set_muted(is_muted=True)
    store.set_volume(0)
    timers, muted, volume_percent = reread(path)
    assert timers == store.timers()
    assert [(timer.id, timer.due_s, timer.left_s) for timer in timers] == [
        (first, 1400.0, None),
        (second, None, 7.5),
    ]
    assert (muted, volume_percent) == (True, 0)


def test_the_number_of_one_that_is_gone_is_not_given_again(store: Store) -> None:
    first = replace(TIMER, id=store.add_timer(TIMER))
    store.remove_timers([first])
    assert store.add_timer(TIMER) > first.id


def test_one_that_was_changed_since_is_not_removed(store: Store) -> None:
    old = replace(TIMER, id=store.add_timer(TIMER))
    changed = replace(old, due_s=1500.0)
    store.change_timer(changed)
    store.remove_timers([old])
    assert store.timers() == [changed]
    store.remove_timers([changed])
    assert store.timers() == []


def test_changing_one_that_is_gone_does_not_bring_it_back(store: Store) -> None:
    gone = replace(TIMER, id=store.add_timer(TIMER))
    store.remove_timers([gone])
    store.change_timer(gone)
    assert store.timers() == []


def test_threads_may_write_at_once(store: Store, path: Path) -> None:
    def write(name: str) -> None:
        for count in range(25):
            timer = replace(TIMER, name=name)
            timer = replace(timer, id=store.add_timer(timer))
            store.set_volume(count)
            if count % 2:
                store.remove_timers([timer])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, "abcd"))
    names = [timer.name for timer in store.timers()]
    assert sorted(names) == sorted("abcd" * 13)
    assert reread(path) == (store.timers(), False, 24)


def fill(store: Store) -> None:
    for _ in range(100):
        store.add_timer(replace(TIMER, name="x" * 100_000))


@pytest.mark.parametrize(
    ("pragma", "advice"), [("query_only = ON", "permission"), ("max_page_count = 1", "free some")]
)
def test_a_disk_that_takes_no_more_changes_nothing(
    store: Store, path: Path, pragma: str, advice: str
) -> None:
    kept = replace(TIMER, id=store.add_timer(TIMER))
    store._database.execute(f"PRAGMA {pragma}")
    with pytest.raises(OutputError, match=advice):
        fill(store)
    was_muted = store.muted
    if "query_only" in pragma:
        with pytest.raises(OutputError):
            store.set_muted(is_muted=True)
        with pytest.raises(OutputError):
            store.remove_timers([kept])
    assert store.muted == was_muted
    confirmed = store.timers()
    assert confirmed[0] == kept
    assert reread(path)[0] == confirmed


def test_a_store_that_was_closed_says_so(path: Path) -> None:
    store = Store.open(path)
    store.close()
    with pytest.raises(OutputError, match="closed"):
        store.set_muted(is_muted=True)


@pytest.mark.parametrize("damage", ["garbage", "header", "page", "foreign"])
def test_a_damaged_file_is_set_aside(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(path)
    for _ in range(100):
        store.add_timer(replace(TIMER, name="x" * 200))
    store.close()
    sound = path.read_bytes()
    spoiled = {
        "garbage": b"not a database at all" * 100,
        "header": b"\0" * 100 + sound[100:],
        "page": sound[:4096] + b"\x55" * 8192 + sound[12288:],
    }
    if damage == "foreign":
        path.unlink()
        with sqlite3.connect(path) as foreign:
            foreign.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        foreign.close()
    else:
        path.write_bytes(spoiled[damage])
    before = path.read_bytes()
    path.with_name("voiced.db-wal").write_bytes(b"old log")

    with caplog.at_level(logging.WARNING):
        assert reread(path) == ([], False, None)
    (aside,) = path.parent.glob("voiced.db.corrupt-*Z")
    assert aside.name in caplog.text
    if damage != "foreign":
        assert aside.read_bytes() == before
    assert path.read_bytes() != before
    caplog.clear()
    reread(path)
    assert caplog.text == ""


def place_of(place: bytes | int) -> int:
    return place if isinstance(place, int) else -1


@example(place=18, value=3)
@example(place=60, value=128)
@example(place=63, value=0)
@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200) | st.integers(0, 8191), st.integers(0, 255))
def test_any_damage_gives_a_store_that_works(
    tmp_path_factory: pytest.TempPathFactory, place: bytes | int, value: int
) -> None:
    path = tmp_path_factory.mktemp("damage") / "voiced.db"
    store = Store.open(path)
    store.add_timer(replace(TIMER, name="ü" * 500))
    store.set_muted(is_muted=True)
    store.close()
    content = bytearray(path.read_bytes())
    if isinstance(place, bytes):
        content = bytearray(place)
    else:
        content[place % len(content)] = value
    path.write_bytes(content)
    try:
        store = Store.open(path)
    except InputError:
        # The byte that says which version it is was hit.
        assert 60 <= place_of(place) < 64
        return
    assert all(isinstance(timer.name, str) for timer in store.timers())
    store.set_muted(is_muted=True)
    identity = store.add_timer(TIMER)
    assert identity in [timer.id for timer in store.timers()]
    store.close()


@pytest.mark.parametrize("name", ["?", "CAST(? AS TEXT)"])
def test_a_row_that_makes_no_sense_is_damage(path: Path, name: str) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        insert = "INSERT INTO timers VALUES (1, NAME, 1.0, 1.0, 1.0, 1.0, 'boot', NULL)"
        database.execute(insert.replace("NAME", name), (b"\xc3\xc3",))
    database.close()
    assert reread(path) == ([], False, None)
    assert len(list(path.parent.glob("voiced.db.corrupt-*Z"))) == 1


def test_one_that_a_newer_voiced_wrote_is_left_alone(path: Path) -> None:
    Store.open(path, (*MIGRATIONS, "CREATE TABLE later (x)")).close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"newer voiced .*version 2.*update voiced, or move"):
        Store.open(path)
    assert path.read_bytes() == before


def test_an_older_one_is_copied_then_brought_up_to_date(path: Path) -> None:
    store = Store.open(path)
    store.add_timer(TIMER)
    store.close()
    later = (
        *MIGRATIONS,
        "CREATE TABLE later (x); INSERT INTO later VALUES (1)",
        "UPDATE later SET x = x + 1",
    )
    store = Store.open(path, later)
    assert [timer.name for timer in store.timers()] == ["pizza"]
    assert store._database.execute("SELECT x FROM later").fetchall() == [(2,)]
    store.close()
    copy = path.with_name("voiced.db.before-v3")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    timers, *_ = reread(copy)
    assert [timer.name for timer in timers] == ["pizza"]
    with pytest.raises(InputError):
        reread(path)


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    Store.open(path).close()
    with pytest.raises(OutputError, match="no such table"):
        Store.open(path, (*MIGRATIONS, "CREATE TABLE later (x); DROP TABLE missing"))
    assert reread(path) == ([], False, None)


@pytest.mark.parametrize("kind", ["folder", "parent"])
def test_a_path_that_cannot_be_a_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "voiced.db"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("")
        path = path / "voiced.db"
    with pytest.raises(OutputError, match=r"cannot write .*voiced\.db"):
        Store.open(path)
