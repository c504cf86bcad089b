"""How much is worth doing before the end of a turn is certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.speculation import Speculation, affordable


@pytest.mark.parametrize(
    ("look_ms", "answer_ms", "level"),
    [
        # A laptop, a mini PC, a small board, one that should not be bothered.
        (50, 150, Speculation.FIRST_CLAUSE),
        (200, 400, Speculation.FIRST_CLAUSE),
        (300, 900, Speculation.TRANSCRIPT),
        (100, 5000, Speculation.TRANSCRIPT),
        (900, 100, Speculation.OFF),
        (5000, 5000, Speculation.OFF),
    ],
)
def test_affordable(look_ms: float, answer_ms: float, level: Speculation) -> None:
    assert affordable(look_ms, answer_ms) is level


times_ms = st.floats(0, 10_000)


@given(times_ms, times_ms, times_ms, times_ms)
def test_a_slower_machine_never_does_more(
    look_ms: float, answer_ms: float, more_look_ms: float, more_answer_ms: float
) -> None:
    levels = list(Speculation)
    slower = affordable(look_ms + more_look_ms, answer_ms + more_answer_ms)
    assert levels.index(slower) <= levels.index(affordable(look_ms, answer_ms))
