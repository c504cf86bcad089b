"""Real-time priority, where the limits of the process let it."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator

import pytest

from voiced.audio.priority import ask_for_real_time


@pytest.fixture
def limit() -> Iterator[int]:
    before = resource.getrlimit(resource.RLIMIT_RTPRIO)
    yield before[0]
    resource.setrlimit(resource.RLIMIT_RTPRIO, before)


def asked_in_a_thread() -> tuple[bool, int]:
    found: list[tuple[bool, int]] = []
    thread = threading.Thread(
        target=lambda: found.append((ask_for_real_time(), os.sched_getscheduler(0)))
    )
    thread.start()
    thread.join()
    return found[0]


def test_where_none_is_allowed_nothing_changes(limit: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_RTPRIO)
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, hard))
    assert asked_in_a_thread() == (False, os.SCHED_OTHER)


def test_where_it_is_allowed_the_thread_has_it_and_others_do_not(limit: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_RTPRIO, (5, 5))
    except ValueError:
        pytest.skip("RLIMIT_RTPRIO is 0: `ulimit -r 5` as root, or run the tests as root")
    is_given, scheduler = asked_in_a_thread()
    if not is_given:
        pytest.skip(
            "the kernel gives this group no real-time budget: run the tests outside a container"
        )
    assert scheduler == os.SCHED_RR | os.SCHED_RESET_ON_FORK
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
