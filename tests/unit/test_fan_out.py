"""Whoever watches can hold nothing up, not even by failing."""

from __future__ import annotations

import logging

import pytest

from voiced.core.state import Phase
from voiced.events import AssistantEvent, PhaseChanged
from voiced.observe.fan_out import FanOut

EVENT = PhaseChanged(Phase.IDLE)


def test_one_that_fails_is_told_no_more_and_nobody_else_notices(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first: list[AssistantEvent] = []
    last: list[AssistantEvent] = []

    def broken(_: AssistantEvent) -> None:
        raise OSError("the terminal is gone")

    fan_out = FanOut(first.append, broken, last.append)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            fan_out.observe(EVENT)
    assert (len(first), len(last)) == (3, 3)
    assert len(caplog.records) == 1


def test_observers_come_and_go_while_it_tells() -> None:
    seen: list[AssistantEvent] = []
    fan_out = FanOut()

    def once(event: AssistantEvent) -> None:
        seen.append(event)
        fan_out.observers.remove(once)

    fan_out.observers.append(once)
    for _ in range(2):
        fan_out.observe(EVENT)
    assert seen == [EVENT]
