"""What the wall clock, a sleep, a restart and a boot mean for timers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.virtual_time import run_virtual
from tests.unit.timer_house import House
from voiced.store import Store


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = Store.open(tmp_path / "voiced.db")
    yield House(store)
    store.close()


def test_the_wall_clock_may_be_set(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(300, "pizza")
        keeping = asyncio.create_task(house.keep(book, 400))
        await asyncio.sleep(100)
        house.wall_ahead_s += 7200
        await asyncio.sleep(100)
        house.wall_ahead_s -= 86400
        await keeping

    run_virtual(main())
    assert house.rung == [("pizza", 300.0, 0.0)]


def test_a_machine_that_slept_rings_within_half_a_minute(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(300, "pizza")
        keeping = asyncio.create_task(house.keep(book, 200))
        await asyncio.sleep(100)
        house.asleep_s += 1000
        await keeping

    run_virtual(main())
    ((name, at_s, late_s),) = house.rung
    assert name == "pizza"
    assert 100 <= at_s <= 130
    assert 800 <= late_s <= 830


def test_after_a_restart_it_goes_on_where_it_was(house: House) -> None:
    async def main() -> None:
        house.book().start(300, "pizza")
        # The wall clock is set while nobody looks: in the same boot that does not matter.
        house.wall_ahead_s += 5000
        await house.keep(house.book(), 400)

    run_virtual(main())
    assert house.rung == [("pizza", 300.0, 0.0)]


def test_after_a_boot_the_wall_clock_decides(house: House) -> None:
    async def main() -> None:
        house.book().start(300, "pizza")
        house.boot_id = "next"
        # The new boot's clock began 100 s ago, the wall clock says that 200 s have passed.
        house.asleep_s, house.wall_ahead_s = -1000.0, house.wall_ahead_s + 1000 + 200
        book = house.book()
        assert book.left_s(book.timers()[0]) == pytest.approx(100)
        keeping = asyncio.create_task(house.keep(book, 400))
        # A machine without a battery learns the time late, over the network.
        await asyncio.sleep(10)
        house.wall_ahead_s += 60
        await keeping

    run_virtual(main())
    assert house.rung == [("pizza", 40.0, 0.0)]


@pytest.mark.parametrize(("away_s", "rings"), [(60, True), (3599, True), (3700, False)])
def test_what_was_due_while_it_was_away(
    house: House, away_s: float, rings: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        house.book().start(10, "pizza")
        house.asleep_s += 10 + away_s
        with caplog.at_level(logging.WARNING):
            await house.keep(house.book(), 100)

    run_virtual(main())
    assert house.rung == ([("pizza", 0.0, away_s)] if rings else [])
    assert ("nobody heard it" in caplog.text) is not rings
    assert "pizza" not in caplog.text
    assert house.store.timers() == []
