"""The decision that a person interrupts: cases, and what holds whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.barge_in import BargeIn, BargeInSettings, EchoLevels
from voiced.types import BLOCK_MS, BLOCK_SAMPLES

Block = tuple[float, EchoLevels]

QUIET = (0.0, EchoLevels(-66, -90, -66))
ECHO = (0.0, EchoLevels(-20, -20, -45))
"""voiced alone: the filter takes 25 dB out, the rest does not sound like speech."""
UNCANCELLED = (0.9, EchoLevels(-20, -24, -21))
"""voiced alone before the filter knows the room: its own voice, and nearly all of it."""
AS_LOUD = (0.9, EchoLevels(-17, -20, -20))
"""A person as loud as the echo."""
COUGH = (0.2, EchoLevels(-10, -20, -10))
LEAK = (0.9, EchoLevels(-20, -20, -40))
"""The echo again, when what is left of it passes for speech."""
TAIL = (0.9, EchoLevels(-45, -60, -48))
"""The room after a word of voiced's: longer than the filter."""
PERSON_ALONE = (0.9, EchoLevels(-30, -90, -30))

SECOND = 1_000 // BLOCK_MS


def noticed(barge_in: BargeIn, blocks: Sequence[Block], start: int = 0) -> list[tuple[int, int]]:
    """For each person noticed: the number of the block that told, and the one where they began."""
    found = []
    for number, (probability, levels) in enumerate(blocks, start + 1):
        since = barge_in.process(probability, levels, number * BLOCK_SAMPLES)
        if since is not None:
            found.append((number, since // BLOCK_SAMPLES))
    return found


def converged() -> BargeIn:
    barge_in = BargeIn()
    assert noticed(barge_in, [ECHO] * 20 * SECOND) == []
    return barge_in


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([ECHO] * 500, []),
        ([ECHO] * 10 + [AS_LOUD] * 3, [(13, 11)]),
        ([ECHO] * 10 + [AS_LOUD, ECHO] * 3, [(15, 11)]),
        ([ECHO] * 10 + [AS_LOUD] * 2 + [ECHO] * 10, []),
        ([ECHO] * 10 + [AS_LOUD, ECHO, ECHO] * 5, []),
        ([ECHO] * 10 + [COUGH] * 30, []),
        ([ECHO] * 10 + [LEAK] * 100, []),
        ([ECHO] * 10 + [TAIL] * 8 + [QUIET] * 10, []),
        ([QUIET] * 50 + [PERSON_ALONE] * 3, [(53, 51)]),
        ([ECHO] * 10 + [AS_LOUD] * 6, [(13, 11), (16, 14)]),
    ],
    ids=[
        "only voiced",
        "a person as loud as the echo",
        "with gaps",
        "a syllable",
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
    assert noticed(converged(), blocks) == told


def test_before_that_its_own_voice_is_nobody() -> None:
    assert noticed(BargeIn(), [QUIET] * 50 + [UNCANCELLED] * 100) == []


def test_even_then_somebody_louder_than_the_echo_is_noticed() -> None:
    loud = (0.9, EchoLevels(-10, -24, -11))
    assert noticed(BargeIn(), [QUIET] * 50 + [loud] * 3) == [(53, 51)]


def test_a_filter_that_lost_the_room_is_trusted_less_within_a_second() -> None:
    barge_in = converged()
    trusted_db = barge_in.left_db
    lost = (0.1, EchoLevels(-20, -22, -22))
    noticed(barge_in, [lost] * SECOND)
    assert barge_in.left_db == 0 > trusted_db
    assert noticed(barge_in, [(0.9, EchoLevels(-20, -22, -20))] * 50) == []


def test_a_person_does_not_teach_it() -> None:
    barge_in = converged()
    before_db = barge_in.left_db
    noticed(barge_in, [AS_LOUD] * 100)
    assert barge_in.left_db == before_db


def test_silence_does_not_teach_it() -> None:
    barge_in = BargeIn()
    noticed(barge_in, [QUIET] * 1_000)
    assert barge_in.left_db == 0


def test_what_was_heard_before_it_was_asked_does_not_count() -> None:
    barge_in = converged()
    assert noticed(barge_in, [AS_LOUD] * 2) == []
    barge_in.begin()
    assert noticed(barge_in, [AS_LOUD] * 2) == []


levels_dbfs = st.floats(min_value=-90, max_value=0)
blocks = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=1),
        st.builds(EchoLevels, levels_dbfs, levels_dbfs, levels_dbfs),
    ),
    max_size=200,
)


@given(blocks=blocks)
def test_a_person_began_within_the_window(blocks: list[Block]) -> None:
    settings = BargeInSettings()
    told = noticed(BargeIn(settings), blocks)
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
        noticed(BargeIn(), [(probability * 0.59, levels) for probability, levels in blocks]) == []
    )


@given(blocks=blocks)
def test_nobody_softer_than_the_least_that_may_be_left_is_noticed(blocks: list[Block]) -> None:
    echo = EchoLevels(-20, -20, -20 - 20 + 5.9)
    assert noticed(converged(), [(probability, echo) for probability, _ in blocks]) == []


@given(blocks=blocks)
def test_what_it_trusts_the_filter_with_is_bounded(blocks: list[Block]) -> None:
    barge_in = BargeIn()
    for number, (probability, levels) in enumerate(blocks, 1):
        barge_in.process(probability, levels, number * BLOCK_SAMPLES)
        assert -20 <= barge_in.left_db <= 0
