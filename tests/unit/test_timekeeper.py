"""When timers ring, on virtual time with a disk that is real."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.virtual_time import DeadlockError, VirtualExecutor, run_virtual
from tests.unit.timer_house import House
from voiced.errors import DeviceError
from voiced.store import Store, Timer
from voiced.timekeeper import Ring, Timekeeper
from voiced.timers import TimerBook


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = Store.open(tmp_path / "voiced.db")
    yield House(store)
    store.close()


def test_each_rings_when_it_is_up_and_is_forgotten_then(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(300, "pizza")
        book.start(10.5, "egg")
        await house.keep(book, 400)
        assert book.timers() == ()

    run_virtual(main())
    assert house.rung == [("egg", 10.5, 0.0), ("pizza", 300.0, 0.0)]
    assert house.store.timers() == []


def test_a_change_wakes_it(house: House) -> None:
    async def main() -> None:
        book = house.book()
        keeping = asyncio.create_task(house.keep(book, 100))
        await asyncio.sleep(5)
        egg, tea = book.start(10, "egg"), book.start(40, "tea")
        book.extend(egg, 5)
        book.pause(tea)
        await keeping
        assert [timer.name for timer in book.timers()] == ["tea"]

    run_virtual(main())
    assert house.rung == [("egg", 20.0, 0.0)]


def test_a_change_on_another_thread_wakes_it(house: House) -> None:
    async def main() -> Ring:
        book = TimerBook(house.store)
        rung: asyncio.Queue[Ring] = asyncio.Queue()
        keeper = asyncio.create_task(Timekeeper(book, rung.put).run())
        await asyncio.sleep(0)
        timer = await asyncio.to_thread(book.start, 0.01, "egg")
        ring = await asyncio.wait_for(rung.get(), 30)
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        assert ring.timer == timer
        return ring

    assert asyncio.run(main()).late_s >= 0


def test_it_sleeps_for_ever_without_a_timer_that_runs(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.pause(book.start(10, "egg"))
        await house.keep(book, 10)

    run_virtual(main())

    async def forever() -> None:
        await Timekeeper(house.book(), house.ring, VirtualExecutor()).run()

    with pytest.raises(DeadlockError):
        run_virtual(forever())
    assert house.rung == []


def test_few_wake_ups_while_one_runs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    left_s = TimerBook.left_s

    def counted(book: TimerBook, timer: Timer) -> float:
        nonlocal looks
        looks += 1
        return left_s(book, timer)

    monkeypatch.setattr(TimerBook, "left_s", counted)

    async def main() -> None:
        house.book().start(3600, "cake")
        await house.keep(house.book(), 3000)

    run_virtual(main())
    assert 100 <= looks <= 250


def test_a_ring_that_could_not_be_heard_is_tried_again(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(10, "pizza")
        book.start(15, "egg")

        async def ring(ring: Ring) -> None:
            if ring.timer.name == "pizza" and asyncio.get_running_loop().time() < 35:
                raise DeviceError("the speaker is away")
            await house.ring(ring)

        await house.keep(book, 100, ring)

    run_virtual(main())
    assert house.rung == [("egg", 15.0, 0.0), ("pizza", 40.0, 30.0)]


def test_a_ring_that_was_cut_off_by_the_end_rings_again(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(10, "pizza")

        async def ring(ring: Ring) -> None:
            await asyncio.sleep(1000)

        await house.keep(book, 20, ring)
        assert len(book.timers()) == 1
        await house.keep(book, 20)

    run_virtual(main())
    assert house.rung == [("pizza", 20.0, 10.0)]


def test_one_that_is_put_off_while_it_rings_rings_again(house: House) -> None:
    async def main() -> None:
        book = house.book()
        timer = book.start(10, "pizza")

        async def ring(ring: Ring) -> None:
            await house.ring(ring)
            if ring.timer == timer:
                book.extend(timer, 60)

        await house.keep(book, 100, ring)
        assert book.timers() == ()

    run_virtual(main())
    assert house.rung == [("pizza", 10.0, 0.0), ("pizza", 70.0, 0.0)]


def test_one_that_is_cancelled_while_another_rings_does_not_ring(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(10, "pizza")
        egg = book.start(10, "egg")

        async def ring(ring: Ring) -> None:
            await house.ring(ring)
            book.cancel([egg])

        await house.keep(book, 100, ring)

    run_virtual(main())
    assert house.rung == [("pizza", 10.0, 0.0)]


def test_a_disk_that_fails_keeps_nothing_from_ringing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        book = house.book()
        book.start(10, "pizza")
        book.start(20, "egg")
        house.store._database.execute("PRAGMA query_only = ON")
        with caplog.at_level(logging.WARNING):
            await house.keep(book, 100)
        assert book.timers() == ()

    run_virtual(main())
    assert house.rung == [("pizza", 10.0, 0.0), ("egg", 20.0, 0.0)]
    assert "may ring again after a restart" in caplog.text


def test_a_disk_that_hangs_keeps_nothing_from_ringing(house: House) -> None:
    async def main() -> None:
        book = house.book()
        book.start(10, "pizza")
        book.start(30, "egg")
        keeper = Timekeeper(book, house.ring, VirtualExecutor(cost_s=1000))
        task = asyncio.create_task(keeper.run())
        await asyncio.sleep(50)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main())
    assert house.rung == [("pizza", 10.0, 0.0), ("egg", 30.0, 0.0)]
