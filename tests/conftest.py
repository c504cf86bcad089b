"""What holds for every test: it leaves no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

_GRACE_S = 2.0
"""A thread that was told to end may need a moment; one that was not never ends."""


@pytest.fixture(autouse=True)
def _no_thread_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(_GRACE_S)
    alive = [thread.name for thread in left if thread.is_alive()]
    assert not alive, f"threads left behind: {', '.join(alive)}"
