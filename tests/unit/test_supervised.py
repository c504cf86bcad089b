"""Engines that raise, hang or cannot be built, and what is built in their place; on virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from itertools import pairwise

import pytest

from tests.support.virtual_time import VirtualExecutor, run_virtual
from voiced.errors import ConfigError, EngineError, ModelError, VoicedError
from voiced.events import AssistantEvent, EngineFailed, EngineRecovered
from voiced.supervised import Supervised

DEADLINE_S = 5.0


class Engine:
    """Number so and so many of its kind."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.is_closed = False

    def who(self) -> str:
        return f"{self.name} {self.number}"

    def letters(self) -> Iterator[str]:
        yield from self.name

    def close(self) -> None:
        self.is_closed = True


class Factory:
    """Builds engines of one kind; while `refuses` it does not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.built: list[Engine] = []
        self.attempts_s: list[float] = []
        self.refuses: VoicedError | None = None

    def __call__(self) -> Engine:
        self.attempts_s.append(asyncio.get_running_loop().time())
        if self.refuses is not None:
            raise self.refuses
        self.built.append(Engine(self.name, len(self.built) + 1))
        return self.built[-1]


class Stage:
    """One supervised engine, with a stand-in where wanted."""

    def __init__(self, *, has_stand_in: bool = False) -> None:
        self.wanted = Factory("wanted")
        self.stand_in = Factory("stand-in")
        self.events: list[AssistantEvent] = []
        self._builds = [self.wanted, self.stand_in] if has_stand_in else [self.wanted]

    async def load(self) -> Supervised[Engine]:
        return await Supervised.load(
            "stt",
            self._builds,
            self.events.append,
            deadline_s=DEADLINE_S,
            new_executor=VirtualExecutor,
        )

    @property
    def kinds(self) -> list[type[AssistantEvent]]:
        return [type(event) for event in self.events]


async def fail(engine: Supervised[Engine]) -> None:
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        await engine.run(lambda _: 1 // 0)


def test_what_raises_is_built_anew_and_the_next_call_works() -> None:
    async def main() -> None:
        stage = Stage()
        engine = await stage.load()
        assert await engine.run(Engine.who) == "wanted 1"
        await fail(engine)
        assert await engine.run(Engine.who) == "wanted 2"
        await asyncio.sleep(0.1)
        assert stage.kinds == [EngineFailed, EngineRecovered]
        assert stage.wanted.built[0].is_closed
        await engine.close()
        assert stage.wanted.built[1].is_closed

    run_virtual(main())


def test_what_is_not_loaded_at_first_is_an_error_and_a_wrong_name_has_no_stand_in() -> None:
    async def main() -> None:
        stage = Stage(has_stand_in=True)
        stage.wanted.refuses = ConfigError("no such engine")
        with pytest.raises(ConfigError):
            await stage.load()
        alone = Stage()
        alone.wanted.refuses = ModelError("pull it")
        with pytest.raises(ModelError, match="pull it"):
            await alone.load()

    run_virtual(main())


def test_a_stand_in_answers_until_the_engine_can_be_had() -> None:
    async def main() -> None:
        stage = Stage(has_stand_in=True)
        stage.wanted.refuses = ModelError("pull it")
        engine = await stage.load()
        assert engine.is_substituted
        assert await engine.run(Engine.who) == "stand-in 1"
        stage.wanted.refuses = None
        await asyncio.sleep(60)
        assert not engine.is_substituted
        assert await engine.run(Engine.who) == "wanted 1"
        await engine.close()
        assert stage.stand_in.built[0].is_closed

    run_virtual(main())


def test_a_stand_in_speaks_at_once_while_the_engine_is_built() -> None:
    async def main() -> None:
        stage = Stage(has_stand_in=True)
        engine = await stage.load()
        stage.wanted.refuses = EngineError("its server is away")
        await fail(engine)
        assert await engine.run(Engine.who) == "stand-in 1"
        await fail(engine)
        # It is not immortal, either; another one is there at once, whenever the engine is due again.
        assert await engine.run(Engine.who) == "stand-in 2"
        stage.wanted.refuses = None
        await asyncio.sleep(120)
        assert await engine.run(Engine.who) == "wanted 2"
        await engine.close()

    run_virtual(main())


def test_who_needs_one_engine_from_beginning_to_end_never_gets_another() -> None:
    async def main() -> None:
        stage = Stage()
        engine = await stage.load()
        mine = await engine.working()
        await fail(engine)
        await engine.run(Engine.who)
        with pytest.raises(EngineError):
            await mine.run(Engine.who)
        # What is left to be done with it is not done with another.
        mine.submit(lambda it: it.close())
        await asyncio.sleep(0.1)
        assert not stage.wanted.built[1].is_closed
        async with aclosing(engine.stream(Engine.letters)) as letters:
            assert await anext(letters) == "w"
            await fail(engine)
            with pytest.raises(EngineError):
                await anext(letters)
        await engine.close()

    run_virtual(main())


def test_while_nothing_can_be_built_a_call_waits_and_then_says_so() -> None:
    async def main() -> None:
        stage = Stage()
        engine = await stage.load()
        stage.wanted.refuses = EngineError("out of memory")
        await fail(engine)
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(EngineError, match="being built anew"):
            await engine.run(Engine.who)
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(DEADLINE_S)
        waiting = asyncio.create_task(engine.run(Engine.who))
        stage.wanted.refuses = None
        assert await waiting == "wanted 2"
        await engine.close()

    run_virtual(main())


def test_attempts_become_rarer_and_go_on_for_ever() -> None:
    async def main() -> None:
        stage = Stage()
        engine = await stage.load()
        stage.wanted.refuses = EngineError("no")
        await fail(engine)
        await asyncio.sleep(3600)
        attempts_s = stage.wanted.attempts_s[1:]
        gaps_s = [b - a for a, b in pairwise(attempts_s)]
        assert gaps_s[:8] == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60], abs=0.01)
        assert max(gaps_s) <= 60.01
        assert len(attempts_s) > 55
        await engine.close()

    run_virtual(main())


def test_what_fails_again_and_again_is_built_more_and_more_seldom() -> None:
    async def main() -> None:
        stage = Stage(has_stand_in=True)
        engine = await stage.load()
        for _ in range(2000):
            if not engine.is_substituted:
                await fail(engine)
            await asyncio.sleep(0.5)
        assert len(stage.wanted.built) < 30
        # Once it has been steady, a failure is a first one again.
        await asyncio.sleep(600)
        await fail(engine)
        await asyncio.sleep(0.1)
        assert not engine.is_substituted
        await engine.close()

    run_virtual(main())


def test_what_hangs_is_given_up_with_its_thread() -> None:
    hang = threading.Event()
    built: list[Engine] = []

    def build() -> Engine:
        built.append(Engine("wanted", len(built) + 1))
        return built[-1]

    async def main() -> None:
        engine = await Supervised.load("llm", [build], lambda _: None, deadline_s=0.05)
        hung = asyncio.create_task(engine.run(lambda _: hang.wait()))
        queued = asyncio.create_task(engine.run(Engine.who))
        with pytest.raises(EngineError, match=r"hangs: no answer within 0\.05 s"):
            await hung
        with pytest.raises(EngineError, match="hangs"):
            await queued
        assert engine.threads_lost == 1
        assert await engine.run(Engine.who) == "wanted 2"
        await engine.close()
        hang.set()

    asyncio.run(main())


def test_who_is_only_slow_or_behind_others_does_not_hang() -> None:
    async def main() -> None:
        stage = Stage()
        slow: list[VirtualExecutor] = []

        def executor() -> VirtualExecutor:
            slow.append(VirtualExecutor(DEADLINE_S * 0.9))
            return slow[-1]

        engine = await Supervised.load(
            "stt", [stage.wanted], stage.events.append, deadline_s=DEADLINE_S, new_executor=executor
        )
        calls = [asyncio.create_task(engine.run(Engine.who)) for _ in range(5)]
        assert await asyncio.gather(*calls) == ["wanted 1"] * 5
        assert stage.events == []
        slow[0].cost_s = 0.0
        await engine.close()

    run_virtual(main())


def test_the_end_waits_for_nobody() -> None:
    hang = threading.Event()

    async def main() -> None:
        engine = await Supervised.load(
            "llm", [lambda: Engine("wanted", 1)], lambda _: None, deadline_s=60
        )
        waiting = asyncio.create_task(engine.run(lambda _: hang.wait()))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await engine.close()
        with pytest.raises(EngineError, match="closed"):
            await waiting
        hang.set()

    asyncio.run(main())
