"""One answer's sound, and what of it was heard."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_time import run_virtual
from voiced.playback import Playback
from voiced.types import AudioChunk, Samples, WordEnd, ms_to_samples

RATE_HZ = 1000
"""So that a sample is a millisecond."""


def playback_at(rate_hz: int = RATE_HZ) -> Playback:
    return Playback(rate_hz, lambda: None)


def sound(length: int, first: int = 1) -> Samples:
    """Samples that can be told apart."""
    return np.arange(first, first + length, dtype=np.int16)


def chunk(length: int, first: int = 1, *word_ends: tuple[int, int]) -> AudioChunk:
    ends = tuple(WordEnd(words, end) for words, end in word_ends)
    return AudioChunk(sound(length, first), RATE_HZ, word_ends=ends)


def has_ended(playback: Playback) -> bool:
    return playback.has_ended


def take_all(playback: Playback, most: int = 7) -> list[int]:
    taken: list[int] = []
    while (block := playback.take(most)) is not None:
        assert 0 < len(block) <= most
        taken += block.tolist()
    return taken


async def filled(*clauses: tuple[str, AudioChunk]) -> Playback:
    """A playback of these clauses, and no more."""
    playback = playback_at()
    for text, spoken in clauses:
        playback.begin_clause(text)
        await playback.play(spoken)
    playback.end()
    return playback


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 60))
def test_no_sample_is_lost_or_taken_twice(lengths: list[int], most: int) -> None:
    async def main() -> None:
        playback = playback_at()
        for number, length in enumerate(lengths):
            playback.begin_clause(f"clause {number}")
            await playback.play(chunk(length, 1 + sum(lengths[:number])))
        assert not has_ended(playback)
        playback.end()
        assert take_all(playback, most) == sound(sum(lengths)).tolist()
        assert has_ended(playback)
        assert playback.queued_ms == sum(lengths)

    run_virtual(main())


def test_nothing_of_what_was_not_played_is_heard() -> None:
    async def main() -> None:
        playback = await filled(("good morning", chunk(100)))
        assert playback.heard() == ""
        assert playback.clause == ""
        assert not playback.has_sounded

    run_virtual(main())


@pytest.mark.parametrize(
    ("played", "heard"),
    [
        (0, ""),
        (49, ""),
        (50, "one"),
        (249, "one"),
        (250, "one two three"),
        (400, "one two three"),
        (449, "one two three"),
        (450, "one two three four"),
        (500, "one two three four"),
        (501, "one two three four"),
        (599, "one two three four"),
        (600, "one two three four five"),
        (700, "one two three four five six"),
    ],
)
def test_what_was_heard_to_the_word(played: int, heard: str) -> None:
    """A word counts once the greater part of it has been played."""

    async def main() -> None:
        first = chunk(500, 1, (1, 100), (3, 400), (4, 500))
        second = chunk(200, 501, (1, 200), (2, 200))
        playback = await filled(("One two three four", first), ("five six", second))
        if played:
            playback.take(played)
            playback.take(played - 500 if played > 500 else 0)
        assert playback.heard().lower() == heard

    run_virtual(main())


@pytest.mark.parametrize(
    ("played", "heard"), [(0, ""), (124, ""), (125, "a"), (499, "a b c"), (500, "a b c d")]
)
def test_what_was_heard_in_proportion_where_the_voice_tells_no_words(
    played: int, heard: str
) -> None:
    async def main() -> None:
        playback = await filled(("a b c d", chunk(500)))
        if played:
            playback.take(played)
        assert playback.heard() == heard

    run_virtual(main())


def test_a_clause_that_is_still_being_made_is_not_heard_whole() -> None:
    async def main() -> None:
        playback = playback_at()
        playback.begin_clause("one two three")
        await playback.play(chunk(100, 1, (1, 100)))
        assert take_all(playback) == sound(100).tolist()
        assert playback.heard() == "one"
        await playback.play(chunk(100, 101, (2, 200)))
        assert playback.heard() == "one"
        take_all(playback)
        assert playback.heard() == "one two"
        # It has no more words in it than were said: the rest is silent.
        playback.end()
        assert playback.heard() == "one two three"

    run_virtual(main())


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.data())
def test_more_is_never_heard_than_was_played(lengths: list[int], data: st.DataObject) -> None:
    async def main() -> None:
        ends = np.cumsum(lengths).tolist()
        words = [f"w{number}" for number in range(len(lengths))]
        playback = await filled((" ".join(words), chunk(ends[-1], 1, *enumerate(ends, 1))))
        heard: list[str] = []
        for _ in range(data.draw(st.integers(0, 20))):
            playback.take(data.draw(st.integers(1, 500)))
            now = playback.heard().split()
            assert now[: len(heard)] == heard
            heard = now
        unheard = data.draw(st.integers(0, 100))
        before = playback._position
        playback.give_back(unheard)
        position = max(0, before - unheard)
        greater_part = [(begin + end) / 2 for begin, end in pairwise([0, *ends])]
        expected = [
            word for word, half in zip(words, greater_part, strict=True) if half <= position
        ]
        assert playback.heard().split() == expected

    run_virtual(main())


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 16_000), (16_000, 48_000)])
def test_to_the_word_at_another_rate(from_hz: int, to_hz: int) -> None:
    async def main() -> None:
        playback = playback_at(to_hz)
        for text in ("one two three", "four five six"):
            playback.begin_clause(text)
            for number in range(3):
                spoken = np.full(ms_to_samples(200, from_hz), 1000 * number, np.int16)
                start = number * len(spoken)
                end = WordEnd(number + 1, start + len(spoken))
                await playback.play(AudioChunk(spoken, from_hz, start, (end,)))
        playback.end()
        assert abs(playback.queued_ms - 1200) < 5
        block = ms_to_samples(20, to_hz)
        heard_at_ms: dict[int, float] = {}
        played = 0
        while (taken := playback.take(block)) is not None:
            played += len(taken)
            for words in range(1, len(playback.heard().split()) + 1):
                heard_at_ms.setdefault(words, played * 1000 / to_hz)
        assert list(heard_at_ms) == [1, 2, 3, 4, 5, 6]
        for word, at_ms in enumerate(heard_at_ms.values()):
            # The middle of each word, but for a block and the resampler's delay at the boundary.
            assert abs(at_ms - (100 + 200 * word)) <= 40

    run_virtual(main())


def test_the_clause_that_is_played() -> None:
    async def main() -> None:
        playback = await filled(("first", chunk(10)), ("", chunk(0)), ("last", chunk(10, 11)))
        clauses = []
        while playback.take(5) is not None:
            clauses.append(playback.clause)
        assert clauses == ["first", "first", "last", "last"]

    run_virtual(main())


def test_the_first_sound_is_told_once() -> None:
    async def main() -> None:
        told: list[str] = []
        playback = Playback(RATE_HZ, lambda: None, lambda: told.append("sound"))
        await playback.play(chunk(10))
        playback.end()
        assert told == []
        take_all(playback, 3)
        playback.give_back(5)
        take_all(playback, 3)
        assert told == ["sound"]

    run_virtual(main())


def test_what_was_not_heard_is_given_back_and_taken_again() -> None:
    async def main() -> None:
        playback = await filled(("a", chunk(30)), ("b", chunk(30, 31)))
        first = [playback.take(20), playback.take(20), playback.take(20)]
        assert [0 if block is None else len(block) for block in first] == [20, 10, 20]
        playback.give_back(25)
        assert take_all(playback) == sound(35, 26).tolist()

    run_virtual(main())


def test_no_more_is_given_back_than_there_was() -> None:
    async def main() -> None:
        playback = await filled(("a", chunk(30)))
        playback.take(10)
        playback.give_back(1000)
        assert take_all(playback) == sound(30).tolist()

    run_virtual(main())


def test_what_is_far_ahead_waits() -> None:
    async def main() -> None:
        playback = playback_at()
        await playback.play(chunk(10_000))
        more = asyncio.create_task(playback.play(chunk(500)))
        await asyncio.sleep(60)
        assert not more.done()
        for _ in range(4):
            playback.take(100)
            await asyncio.sleep(1)
            assert not more.done()
        playback.take(100)
        await asyncio.sleep(1)
        assert more.done()

    run_virtual(main())


def test_stopped_while_it_waits() -> None:
    async def main() -> None:
        playback = playback_at()
        more = asyncio.create_task(playback.play(chunk(20_000)))
        await asyncio.sleep(1)
        assert not more.done()
        playback.stop()
        await asyncio.wait_for(more, 1)
        await asyncio.wait_for(playback.play(chunk(20_000)), 1)
        await asyncio.wait_for(playback.finish(), 1)

    run_virtual(main())


def test_nothing_of_what_was_stopped_is_taken() -> None:
    async def main() -> None:
        playback = playback_at()
        playback.begin_clause("one two")
        await playback.play(chunk(100, 1, (1, 50), (2, 100)))
        playback.take(60)
        playback.stop()
        assert playback.take(10) is None
        playback.begin_clause("three")
        await playback.play(chunk(50))
        playback.end()
        assert playback.take(10) is None
        assert playback.queued_ms == 100
        # What had been heard by then is still known.
        assert playback.heard() == "one"

    run_virtual(main())


def test_it_has_ended_once_all_is_taken() -> None:
    async def main() -> None:
        playback = playback_at()
        await playback.play(chunk(10))
        playback.take(10)
        assert not has_ended(playback)
        playback.end()
        assert has_ended(playback)
        playback.give_back(1)
        assert not has_ended(playback)

    run_virtual(main())
