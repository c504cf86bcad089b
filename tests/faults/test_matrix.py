"""Each fault in one phase; `make faults` plays all."""

from __future__ import annotations

import logging

import pytest

from tests.faults.matrix import FAULTS, Fault, When, play

ROTATING = [(fault, list(When)[number % len(When)]) for number, fault in enumerate(FAULTS)]


@pytest.mark.parametrize(
    ("fault", "when"), ROTATING, ids=[f"{fault.name}, {when}" for fault, when in ROTATING]
)
def test_what_breaks_costs_what_it_may(
    fault: Fault, when: When, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    assert play(fault, when).worse == []


def test_there_are_enough() -> None:
    assert len(FAULTS) >= 25
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
