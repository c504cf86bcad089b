"""The decision that a person interrupts: cases, and what holds whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.barge_in import BargeIn, BargeInSettings, EchoLevels, EchoRemainder
from voiced.types import BLOCK_MS, BLOCK_SAMPLES

Block = tuple[float, float, float]
"""The speech probability, the level of the echo as estimated, and that of the rest."""

QUIET = (0.0, -90.0, -66.0)
ECHO = (0.0, -20.0, -45.0)
"""voiced alone: the filter takes 25 dB out, the rest does not sound like speech."""
UNCANCELLED = (0.9, -24.0, -21.0)
"""voiced alone before the filter knows the room: its own voice, and nearly all of it."""
AS_LOUD = (0.9, -20.0, -20.0)
"""A person as loud as the echo."""
COUGH = (0.2, -20.0, -10.0)
LEAK = (0.9, -20.0, -40.0)
"""The echo again, when what is left of it passes for speech."""
TAIL = (0.9, -60.0, -48.0)
"""The room after a word of voiced's: longer than the filter."""
PERSON_ALONE = (0.9, -90.0, -30.0)

SECOND = 1_000 // BLOCK_MS


class Ear:
    """The two halves of the decision, one after the other."""

    def __init__(self, before: Sequence[Block] = ()) -> None:
        self.remainder = EchoRemainder()
        self.barge_in = BargeIn()
        self.at = 0
        self.left_db = 0.0
        assert self.hear(before) == []
        self.at = 0

    def hear(self, blocks: Sequence[Block]) -> list[tuple[int, int]]:
        """For each person noticed: the number of the block that told, and the one where they began."""
        found = []
        for probability, echo_dbfs, rest_dbfs in blocks:
            self.at += 1
            heard = 10 ** (echo_dbfs / 10) + 10 ** (rest_dbfs / 10)
            levels = self.remainder.levels(10 * np.log10(heard), echo_dbfs, rest_dbfs)
            self.left_db = levels.left_db
            since = self.barge_in.process(probability, levels, self.at * BLOCK_SAMPLES)
            if since is not None:
                found.append((self.at, since // BLOCK_SAMPLES + 1))
        return found


def converged() -> Ear:
    return Ear([ECHO] * 20 * SECOND)


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([ECHO] * 500, []),
        ([ECHO] * 10 + [AS_LOUD] * 2, [(12, 11)]),
        ([ECHO] * 10 + [AS_LOUD, ECHO, AS_LOUD], [(13, 11)]),
        ([ECHO] * 10 + [AS_LOUD] + [ECHO] * 10, []),
        ([ECHO] * 10 + [AS_LOUD, ECHO, ECHO] * 5, []),
        ([ECHO] * 10 + [COUGH] * 30, []),
        ([ECHO] * 10 + [LEAK] * 100, []),
        ([ECHO] * 10 + [TAIL] * 8 + [QUIET] * 10, []),
        ([QUIET] * 50 + [PERSON_ALONE] * 2, [(52, 51)]),
        ([ECHO] * 10 + [AS_LOUD] * 4, [(12, 11), (14, 13)]),
    ],
    ids=[
        "only voiced",
        "a person as loud as the echo",
        "with a gap",
        "a click",
        "too far apart",
        "a cough",
        "what is left sounds like speech",
        "the room goes on after the echo",
        "a person in a pause",
        "it begins again",
    ],
)
def test_once_the_filter_knows_the_room(
    blocks: Sequence[Block], told: Sequence[tuple[int, int]]
) -> None:
    assert converged().hear(blocks) == told


def test_before_that_its_own_voice_is_nobody() -> None:
    assert Ear().hear([QUIET] * 50 + [UNCANCELLED] * 100) == []


def test_even_then_somebody_louder_than_the_echo_is_noticed() -> None:
    assert Ear().hear([QUIET] * 50 + [(0.9, -24, -11)] * 2) == [(52, 51)]


def test_it_trusts_the_filter_within_two_seconds() -> None:
    ear = Ear([QUIET] * 50)
    ear.hear([ECHO] * 2 * SECOND)
    assert ear.left_db < -10


def test_a_filter_that_lost_the_room_is_not_trusted_for_long() -> None:
    ear = converged()
    ear.hear([(0.1, -22, -22)] * 2 * SECOND)
    assert ear.left_db > -5
    assert ear.hear([(0.9, -22, -20)] * 50) == []


def test_an_estimate_that_is_none_of_what_is_heard_ends_all_trust() -> None:
    """A room that changed: the wrong echo is taken out, and what is left is louder than before."""
    ear = converged()
    for _ in range(100 // BLOCK_MS):
        ear.remainder.levels(-20, -20, -17)
    for _ in range(50):
        levels = ear.remainder.levels(-20, -20, -17)
        assert levels.left_db == 0
        assert ear.barge_in.process(0.9, levels, 0) is None


def test_a_person_for_half_a_second_changes_little() -> None:
    ear = converged()
    before_db = ear.left_db
    ear.hear([AS_LOUD] * (SECOND // 2))
    assert ear.left_db == pytest.approx(before_db, abs=5.1)


@pytest.mark.parametrize("block", [QUIET, PERSON_ALONE, (0.0, -55.0, -56.0)])
def test_nothing_is_learned_where_there_is_no_echo(block: Block) -> None:
    ear = Ear()
    ear.hear([block] * 1_000)
    assert ear.left_db == 0


def test_what_was_heard_before_it_was_asked_does_not_count() -> None:
    ear = converged()
    assert ear.hear([AS_LOUD]) == []
    ear.barge_in.begin()
    assert ear.hear([AS_LOUD]) == []
    assert ear.hear([AS_LOUD]) == [(3, 2)]


levels_dbfs = st.floats(min_value=-90, max_value=0)
blocks = st.lists(
    st.tuples(st.floats(min_value=0, max_value=1), levels_dbfs, levels_dbfs), max_size=200
)


@given(blocks=blocks)
def test_a_person_began_within_the_window(blocks: list[Block]) -> None:
    settings = BargeInSettings()
    told = Ear().hear(blocks)
    for number, since in told:
        length_ms = (number - since + 1) * BLOCK_MS
        assert settings.onset_ms <= length_ms <= settings.window_ms
        assert blocks[number - 1][0] >= settings.speech_probability
        assert blocks[since - 1][0] >= settings.speech_probability
    # No block counts for two people.
    assert all(first < since for (first, _), (_, since) in pairwise(told))


@given(blocks=blocks)
def test_without_speech_there_is_nobody(blocks: list[Block]) -> None:
    assert (
        Ear().hear([(probability * 0.79, echo, rest) for probability, echo, rest in blocks]) == []
    )


@given(blocks=blocks)
def test_nobody_softer_than_the_least_that_may_be_left_is_noticed(blocks: list[Block]) -> None:
    assert converged().hear([(probability, -20, -28.1) for probability, *_ in blocks]) == []


@given(blocks=blocks)
def test_what_it_trusts_the_filter_with_is_bounded(blocks: list[Block]) -> None:
    remainder = EchoRemainder()
    for _, echo_dbfs, rest_dbfs in blocks:
        levels = remainder.levels(0, echo_dbfs, rest_dbfs)
        assert -12 <= levels.left_db <= 0
        assert levels.over_db <= rest_dbfs - echo_dbfs - levels.left_db


def test_without_echo_cancellation_nobody_is_noticed() -> None:
    barge_in = BargeIn()
    assert all(barge_in.process(1, EchoLevels(), 320 * n) is None for n in range(100))
