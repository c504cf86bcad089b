"""A short run of `python -m tests.faults.sigkill`."""

from __future__ import annotations

from tests.faults.sigkill import kill

KILLS = 25


def test_nothing_that_was_confirmed_is_lost() -> None:
    killings = kill(KILLS, seed=0)
    assert killings.losses == []
    assert killings.counts["kills"] == KILLS
    assert killings.counts["changes confirmed"] > KILLS
