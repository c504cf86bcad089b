"""A crash costs a turn: an isolated engine that is gone is built anew by who supervises it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.fragile_engines import BUILD, Models
from voiced.engines.contracts import BuildContext
from voiced.errors import EngineError
from voiced.isolation import isolated
from voiced.isolation._proxies import IsolatedLanguageModel
from voiced.supervised import Supervised
from voiced.types import Message, Role

PATIENCE_S = 20


def build() -> IsolatedLanguageModel:
    return isolated("llm", "fine", None, BuildContext(Models(), Path("/cache")), build=BUILD)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("deed", "deadline_s", "message"),
    [
        ("read address 0", PATIENCE_S, r"^the language model's process crashed \(SIGSEGV\)$"),
        ("hang", 1.0, "^llm hangs: no answer within 1 s$"),
    ],
)
def test_the_next_call_has_another_process(deed: str, deadline_s: float, message: str) -> None:
    async def main() -> tuple[int, int, int]:
        host = await Supervised.load("llm", [build], lambda _: None, deadline_s=deadline_s)
        pid = await host.run(lambda model: model.pid)
        with pytest.raises(EngineError, match=message):
            await host.run(lambda model: model.count_tokens([Message(Role.USER, deed)]))
        async with asyncio.timeout(PATIENCE_S):
            while host.is_substituted or is_there(pid):
                await asyncio.sleep(0.01)
        next_pid = await host.run(lambda model: model.pid)
        await host.close()
        return pid, next_pid, host.threads_lost

    pid, next_pid, threads_lost = asyncio.run(main())
    assert pid != next_pid
    assert threads_lost == 0
