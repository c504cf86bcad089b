"""The bridge between blocking engines and asyncio, on a real thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from voiced.errors import EngineError, ModelError
from voiced.inference import Hosted


class Engine:
    """Notes on which threads it was used."""

    def __init__(self) -> None:
        self.threads = {threading.current_thread().name}
        self.closed = False
        self.stopped_at = -1

    def double(self, number: int) -> int:
        self.threads.add(threading.current_thread().name)
        return number * 2

    def count(self) -> Iterator[int]:
        number = 0
        try:
            while True:
                self.threads.add(threading.current_thread().name)
                yield number
                number += 1
        finally:
            self.stopped_at = number

    def close(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.closed = True


def test_an_engine_is_only_ever_touched_on_its_thread() -> None:
    async def main() -> Engine:
        hosted = await Hosted.load("test", Engine)
        assert await hosted.run(lambda engine: engine.double(21)) == 42
        async with aclosing(hosted.stream(Engine.count)) as numbers:
            async for number in numbers:
                if number == 3:
                    break
        engine = await hosted.run(lambda engine: engine)
        await hosted.close()
        return engine

    engine = asyncio.run(main())
    assert engine.threads == {"voiced-test"}
    assert engine.stopped_at == 3
    assert engine.closed


def test_foreign_exceptions_become_engine_errors() -> None:
    async def main() -> None:
        hosted = await Hosted.load("test", Engine)
        with pytest.raises(EngineError, match=r"test failed: ZeroDivisionError: .*zero"):
            await hosted.run(lambda _: 1 // 0)
        assert await hosted.run(lambda engine: engine.double(1)) == 2
        await hosted.close()

    asyncio.run(main())


def test_an_engine_that_cannot_be_built_leaves_nothing() -> None:
    def build() -> Engine:
        raise ModelError("the model is missing: pull it")

    async def main() -> None:
        with pytest.raises(ModelError, match="pull it"):
            await Hosted.load("test", build)

    asyncio.run(main())


def test_an_abandoned_call_delays_the_next_one_and_harms_nothing() -> None:
    async def main() -> None:
        hosted = await Hosted.load("test", Engine)
        begun, go_on = threading.Event(), threading.Event()

        def slow(_: Engine) -> None:
            begun.set()
            go_on.wait()

        waiting = asyncio.ensure_future(hosted.run(slow))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        following = asyncio.ensure_future(hosted.run(lambda engine: engine.double(4)))
        await asyncio.sleep(0)
        assert not following.done()
        go_on.set()
        assert await following == 8
        await hosted.close()

    asyncio.run(main())


def test_a_load_that_is_cancelled_closes_what_it_built() -> None:
    async def main() -> Engine:
        begun, go_on = threading.Event(), threading.Event()
        built: list[Engine] = []

        def build() -> Engine:
            begun.set()
            go_on.wait()
            built.append(Engine())
            return built[0]

        loading = asyncio.ensure_future(Hosted.load("test", build))
        await asyncio.to_thread(begun.wait)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        go_on.set()
        while not (built and built[0].closed):
            await asyncio.sleep(0.001)
        return built[0]

    assert asyncio.run(main()).closed
