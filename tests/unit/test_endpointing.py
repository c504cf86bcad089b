"""The patience that a pause earns, as relations: the numbers behind them are tuned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from voiced.core.endpointing import (
    EMPTY_MS,
    LONGEST_MS,
    SHORTEST_MS,
    Endpointer,
    Evidence,
    PatienceLimits,
    PauseHabit,
    patience_ms,
    whole_probability,
)

UNKNOWN = Evidence(has_words=True)
WHOLE = replace(UNKNOWN, is_match=True, end_share=0.8)
"""What time is it."""
PREFIX = replace(UNKNOWN, is_match=True, end_share=0.02)
"""Turn on the light: whole, but most who begin like this say in which room."""
HANGS = replace(UNKNOWN, end_share=0.0, end_probability=0.02)
"""Set a timer for."""
QUESTION = replace(UNKNOWN, end_probability=0.95)
"""Why is the sky blue."""
NOTHING = Evidence(has_words=False)

probabilities = st.floats(0, 1)
maybe = st.none() | probabilities
habits = st.builds(PauseHabit, st.floats(0, 3000), st.floats(0, 2000))
limits = st.builds(PatienceLimits, st.integers(300, 3000), st.integers(200, 5000))
evidences = st.builds(
    Evidence, st.booleans(), probabilities, st.booleans(), st.booleans(), maybe, maybe, habits
)


@pytest.mark.parametrize(
    ("evidence", "least_ms", "most_ms"),
    [
        (WHOLE, SHORTEST_MS, 250),
        (QUESTION, SHORTEST_MS, 250),
        (PREFIX, 250, 600),
        (UNKNOWN, 600, 800),
        (HANGS, 1000, LONGEST_MS),
        (NOTHING, EMPTY_MS, EMPTY_MS),
    ],
)
def test_what_is_promised(evidence: Evidence, least_ms: int, most_ms: int) -> None:
    assert least_ms <= patience_ms(evidence) <= most_ms


def test_the_more_it_may_go_on_the_longer() -> None:
    order = [WHOLE, PREFIX, UNKNOWN, HANGS, NOTHING]
    waits_ms = [patience_ms(evidence) for evidence in order]
    assert waits_ms == sorted(set(waits_ms))


@given(evidences, limits)
def test_never_beyond_the_limits(evidence: Evidence, limits: PatienceLimits) -> None:
    waited_ms = patience_ms(evidence, limits)
    assert waited_ms <= limits.longest_ms
    assert waited_ms >= min(SHORTEST_MS, 0.7 * limits.base_ms, limits.longest_ms)
    assert patience_ms(evidence, limits) == waited_ms


@given(evidences, probabilities, probabilities)
def test_the_surer_the_model_is_of_an_end_the_shorter(
    evidence: Evidence, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    assert patience_ms(replace(evidence, end_probability=less)) >= patience_ms(
        replace(evidence, end_probability=more)
    )


@given(evidences, probabilities, probabilities)
def test_the_more_sentences_end_here_the_shorter(
    evidence: Evidence, one: float, other: float
) -> None:
    # Alone, the sentences that are expected do not know all that may be said: only a share of 0 counts.
    assume(evidence.is_match or evidence.end_probability is not None)
    less, more = sorted((one, other))
    assert patience_ms(replace(evidence, end_share=less)) >= patience_ms(
        replace(evidence, end_share=more)
    )


@given(evidences)
def test_a_match_is_never_slower_than_the_same_words_without(evidence: Evidence) -> None:
    """Where the words are known to begin a sentence, and no model was asked."""
    evidence = replace(evidence, is_open_match=False, end_probability=None)
    matched, unmatched = (replace(evidence, is_match=is_match) for is_match in (True, False))
    assert patience_ms(matched) <= patience_ms(unmatched)


@given(evidences, limits, probabilities, probabilities)
def test_what_is_not_believed_is_never_waited_for_less(
    evidence: Evidence, limits: PatienceLimits, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    assert patience_ms(replace(evidence, confidence=less), limits) >= patience_ms(
        replace(evidence, confidence=more), limits
    )


def test_noise_that_looks_like_a_command_does_not_end_at_once() -> None:
    for evidence in (WHOLE, QUESTION):
        assert patience_ms(replace(evidence, confidence=0.02)) >= patience_ms(evidence) + 100
        assert patience_ms(replace(evidence, confidence=0.95)) == patience_ms(evidence)


@given(evidences, habits, habits)
def test_who_pauses_longer_is_waited_for_longer(
    evidence: Evidence, one: PauseHabit, other: PauseHabit
) -> None:
    brisk, slow = sorted((one, other), key=lambda habit: habit.slowness)
    assert patience_ms(replace(evidence, habit=brisk)) <= patience_ms(replace(evidence, habit=slow))


def test_habit_matters_where_the_end_is_open_not_where_it_is_certain() -> None:
    slow = PauseHabit(900, 300)
    for evidence in (UNKNOWN, PREFIX):
        assert patience_ms(replace(evidence, habit=slow)) > patience_ms(evidence)
    assert patience_ms(replace(WHOLE, habit=slow)) == patience_ms(WHOLE)


@pytest.mark.parametrize(
    ("evidence", "least", "most"),
    [
        (UNKNOWN, None, None),
        (replace(UNKNOWN, end_share=0.4), None, None),
        (replace(UNKNOWN, end_share=0.0), 0.0, 0.0),
        (QUESTION, 0.95, 0.95),
        (HANGS, 0.0, 0.02),
        # A sentence of the language, but the expected ones that begin so go on: half believed.
        (replace(UNKNOWN, end_share=0.0, end_probability=0.9), 0.3, 0.7),
        (replace(UNKNOWN, end_share=0.9, end_probability=0.1), 0.0, 0.1),
        (replace(UNKNOWN, is_match=True), 0.85, 1.0),
        (WHOLE, 0.85, 1.0),
        (PREFIX, 0.4, 0.7),
    ],
)
def test_how_likely_it_is_whole(
    evidence: Evidence, least: float | None, most: float | None
) -> None:
    probability = whole_probability(evidence)
    if least is None or most is None:
        assert probability is None
    else:
        assert probability is not None
        assert least <= probability <= most


@given(evidences)
def test_a_probability_is_one(evidence: Evidence) -> None:
    probability = whole_probability(evidence)
    assert probability is None or 0 <= probability <= 1


@given(st.floats(0, 5000), habits)
def test_a_habit_is_learned(pause_ms: float, habit: PauseHabit) -> None:
    for _ in range(150):
        habit = habit.after(pause_ms)
    assert habit.mean_ms == pytest.approx(pause_ms, abs=1)
    assert habit.spread_ms == pytest.approx(0, abs=10)


def test_how_much_pauses_vary_is_learned() -> None:
    habit = PauseHabit()
    for _ in range(100):
        habit = habit.after(400).after(800)
    assert habit.mean_ms == pytest.approx(600, abs=30)
    assert habit.spread_ms == pytest.approx(200, abs=30)


@given(st.floats(0, 10_000), habits)
def test_one_pause_does_not_make_a_habit(pause_ms: float, habit: PauseHabit) -> None:
    after = habit.after(pause_ms)
    assert abs(after.mean_ms - habit.mean_ms) <= 0.1 * abs(pause_ms - habit.mean_ms) + 1e-6
    assert min(habit.mean_ms, pause_ms) - 1e-6 <= after.mean_ms
    assert after.mean_ms <= max(habit.mean_ms, pause_ms) + 1e-6


def test_a_habit_is_forgotten_slowly() -> None:
    slow = PauseHabit(1000, 100)
    habit, remembered = slow, []
    for _ in range(40):
        habit = habit.after(300)
        remembered.append((habit.mean_ms - 300) / 700)
    # A dozen pauses later a third is left of it, after forty hardly anything.
    assert 0.25 < remembered[11] < 0.45
    assert remembered[39] < 0.05
    assert remembered == sorted(remembered, reverse=True)


@given(habits, st.lists(st.floats(0, 20_000), max_size=30))
def test_slowness_is_bounded(habit: PauseHabit, pauses_ms: list[float]) -> None:
    for pause_ms in pauses_ms:
        habit = habit.after(pause_ms)
        assert 0.7 <= habit.slowness <= 1.5
        assert habit.spread_ms >= 0


def test_a_typical_person_is_neither_brisk_nor_slow() -> None:
    assert PauseHabit().slowness == pytest.approx(1)


def test_an_endpointer_learns_from_those_who_went_on() -> None:
    endpointer = Endpointer()
    first_ms = endpointer.patience_ms(UNKNOWN)
    assert first_ms == patience_ms(UNKNOWN)
    for _ in range(20):
        endpointer.went_on(900)
    slow_ms = endpointer.patience_ms(UNKNOWN)
    assert slow_ms > first_ms
    for _ in range(40):
        endpointer.went_on(180)
    assert endpointer.patience_ms(UNKNOWN) < first_ms
    # What it has learned takes the place of a habit that comes with the evidence.
    assert endpointer.patience_ms(replace(UNKNOWN, habit=PauseHabit(5000, 0))) < first_ms


def test_an_endpointer_keeps_its_limits() -> None:
    endpointer = Endpointer(PatienceLimits(base_ms=400, longest_ms=900))
    assert endpointer.patience_ms(UNKNOWN) == 400
    assert endpointer.patience_ms(HANGS) == 900
    assert endpointer.patience_ms(NOTHING) == 900
