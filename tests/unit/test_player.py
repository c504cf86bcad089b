"""The one stream to the speaker: what is heard of it, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_time import run_virtual
from voiced.audio.far_end import FarEnd
from voiced.audio.playout import Playout
from voiced.errors import DeviceError
from voiced.playback import Playback
from voiced.player import Player, playing
from voiced.types import AudioChunk, Samples, WordEnd

RATE_HZ = 100
"""So slow that a second of sound can be read, and that what is faded out is less than a sample."""


class Tape:
    """An `AudioSink` that plays when it is told to, and keeps what was heard."""

    rate_hz = RATE_HZ
    far_end: FarEnd | None = None

    def __init__(self) -> None:
        self._playout = Playout(RATE_HZ)
        self.heard: list[int] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    @property
    def played_samples(self) -> int:
        return self._playout.played_samples

    async def write(self, samples: Samples) -> None:
        await self._playout.write(samples)

    def flush(self) -> int:
        return self._playout.flush()

    async def drain(self) -> None:
        await self._playout.drain()

    async def play(self, samples: int) -> list[int]:
        """Let so much time pass; what was heard in it, without the silence."""
        before = len(self.heard)
        for _ in range(samples):
            await asyncio.sleep(1 / RATE_HZ)
            self.play_sample()
        await asyncio.sleep(1 / RATE_HZ)
        return self.heard[before:]

    def play_sample(self) -> None:
        """Before anybody can do anything about it."""
        out = np.zeros(1, np.int16)
        if self._playout.pull(out):
            self.heard.append(int(out[0]))

    def break_down(self) -> None:
        self._playout.fail(DeviceError("the speaker was unplugged"))


def sound(length: int, first: int = 1) -> list[int]:
    return list(range(first, first + length))


def chunk(length: int, first: int = 1) -> AudioChunk:
    return AudioChunk(np.array(sound(length, first), np.int16), RATE_HZ)


async def answer(player: Player, *lengths: int, first: int = 1) -> Playback:
    """A playback of clauses of these lengths, whose samples count up from `first`; not started."""
    playback = player.prepare()
    for number, length in enumerate(lengths):
        playback.begin_clause(f"clause {number}")
        await playback.play(chunk(length, first))
        first += length
    playback.end()
    return playback


def play(script: Callable[[Player, Tape], Awaitable[None]]) -> None:
    """Run `script` with a player; whatever it leaves behind fails the test."""

    async def main() -> None:
        tape = Tape()
        async with playing(tape) as player:
            await script(player, tape)

    run_virtual(main())


def test_all_of_it_is_heard_once_and_in_order() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = await answer(player, 30, 1, 45)
        player.start(playback)
        assert await tape.play(75) == sound(75)
        assert not playback.is_done.is_set()
        assert await tape.play(20) == [76]
        assert playback.is_done.is_set()
        assert playback.heard() == "clause 0 clause 1 clause 2"

    play(script)


def test_it_is_heard_while_it_is_made() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = player.prepare()
        player.start(playback)
        assert await tape.play(20) == []
        for first in (1, 11, 21):
            await playback.play(chunk(10, first))
            assert await tape.play(30) == sound(10, first)
        assert not playback.is_done.is_set()
        finishing = asyncio.create_task(playback.finish())
        await asyncio.wait_for(finishing, 1)

    play(script)


def test_it_is_done_when_the_last_sample_has_been_played() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = await answer(player, 5)
        player.start(playback)
        finishing = asyncio.create_task(playback.finish())
        await tape.play(4)
        assert not finishing.done()
        await tape.play(2)
        assert finishing.done()

    play(script)


def test_nothing_is_heard_before_it_is_started() -> None:
    async def script(player: Player, tape: Tape) -> None:
        told: list[str] = []
        playback = player.prepare(lambda: told.append("sound"))
        playback.begin_clause("unwanted")
        await playback.play(chunk(10))
        finishing = asyncio.create_task(playback.finish())
        assert await tape.play(100) == []
        assert (playback.heard(), told, finishing.done()) == ("", [], False)
        player.start(playback)
        assert await tape.play(100) == sound(10)
        assert (playback.heard(), told, finishing.done()) == ("unwanted", ["sound"], True)

    play(script)


def test_what_was_stopped_is_not_started() -> None:
    async def script(player: Player, tape: Tape) -> None:
        dropped = await answer(player, 10)
        dropped.stop()
        player.start(dropped)
        player.start(await answer(player, 10, first=50))
        assert await tape.play(100) == sound(10, 50)

    play(script)


def test_one_after_the_other_with_earcons_between() -> None:
    async def script(player: Player, tape: Tape) -> None:
        slow = player.prepare()
        await slow.play(chunk(10))
        player.start(slow)
        await player.play_earcon(AudioChunk(np.array([100, 101], np.int16), RATE_HZ))
        player.start(await answer(player, 5, first=200))
        assert await tape.play(40) == sound(10)
        await slow.play(chunk(10, 11))
        slow.end()
        assert await tape.play(40) == [*sound(10, 11), 100, 101, *sound(5, 200)]

    play(script)


def test_silence_drops_everything() -> None:
    async def script(player: Player, tape: Tape) -> None:
        first = await answer(player, 30)
        player.start(first)
        second = await answer(player, 30, first=100)
        player.start(second)
        await player.play_earcon(AudioChunk(np.array([999], np.int16), RATE_HZ))
        finishing = [asyncio.create_task(p.finish()) for p in (first, second)]
        assert await tape.play(16) == sound(16)
        player.silence()
        assert await tape.play(100) == []
        await asyncio.gather(*finishing)
        assert (first.heard(), second.heard()) == ("clause", "")

    play(script)


def test_a_cancelled_turn_hands_in_in_vain() -> None:
    async def script(player: Player, tape: Tape) -> None:
        stale = player.prepare()
        await stale.play(chunk(30))
        player.start(stale)
        await tape.play(5)
        player.silence()
        player.start(await answer(player, 20, first=500))
        await stale.play(chunk(30, 31))
        assert await tape.play(8) == sound(8, 500)
        await stale.play(chunk(2000, 61))
        stale.end()
        player.start(stale)
        assert await tape.play(100) == sound(12, 508)

    play(script)


def test_silence_where_there_is_nothing_to_silence() -> None:
    async def script(player: Player, tape: Tape) -> None:
        player.silence()
        player.silence()
        player.start(await answer(player, 5))
        assert await tape.play(20) == sound(5)

    play(script)


def test_stopped_while_it_waits_for_room() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = player.prepare()
        player.start(playback)
        making = asyncio.create_task(playback.play(chunk(3000)))
        await tape.play(20)
        assert not making.done()
        player.silence()
        await asyncio.wait_for(making, 1)
        assert await tape.play(20) == []

    play(script)


def test_much_is_made_ahead_but_not_all() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = player.prepare()
        making = asyncio.create_task(playback.play(chunk(1500)))
        player.start(playback)
        assert await tape.play(400) == sound(400)
        assert not making.done()
        assert await tape.play(200) == sound(200, 401)
        assert making.done()

    play(script)


@pytest.mark.parametrize(("played", "again_from"), [(1, 1), (12, 1), (20, 1), (21, 21), (37, 21)])
def test_after_a_hold_it_goes_on_from_the_clause_that_was_cut(played: int, again_from: int) -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = await answer(player, 20, 30)
        player.start(playback)
        assert await tape.play(played) == sound(played)
        player.hold()
        assert await tape.play(100) == []
        assert not playback.is_done.is_set()
        player.resume()
        assert await tape.play(100) == sound(51 - again_from, again_from)
        assert playback.is_done.is_set()
        assert playback.heard() == "clause 0 clause 1"

    play(script)


def test_held_just_after_a_boundary() -> None:
    """The device held the end of a long clause when the next one was begun."""

    async def script(player: Player, tape: Tape) -> None:
        playback = player.prepare()
        playback.begin_clause("long")
        for first in range(1, 300, 10):
            await playback.play(chunk(10, first))
        playback.begin_clause("next")
        await playback.play(chunk(50, 301))
        playback.end()
        player.start(playback)
        assert await tape.play(295) == sound(295)
        player.hold()
        player.resume()
        assert (await tape.play(500))[:3] == [1, 2, 3]

    play(script)


def test_held_twice() -> None:
    async def script(player: Player, tape: Tape) -> None:
        player.start(await answer(player, 20, 30))
        assert await tape.play(25) == sound(25)
        player.hold()
        player.hold()
        player.resume()
        assert await tape.play(5) == sound(5, 21)
        player.hold()
        player.resume()
        assert await tape.play(100) == sound(30, 21)

    play(script)


def test_resume_without_a_hold_changes_nothing() -> None:
    async def script(player: Player, tape: Tape) -> None:
        player.start(await answer(player, 20, 30))
        assert await tape.play(25) == sound(25)
        player.resume()
        assert await tape.play(100) == sound(25, 26)

    play(script)


def test_held_before_its_first_sound() -> None:
    async def script(player: Player, tape: Tape) -> None:
        player.hold()
        player.start(await answer(player, 10))
        assert await tape.play(20) == []
        player.resume()
        assert await tape.play(20) == sound(10)

    play(script)


def test_held_while_its_end_is_on_its_way() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = await answer(player, 10, 6)
        player.start(playback)
        assert await tape.play(13) == sound(13)
        player.hold()
        await tape.play(50)
        assert not playback.is_done.is_set()
        assert playback.heard() == "clause 0 clause"
        player.resume()
        assert await tape.play(50) == sound(6, 11)
        assert playback.is_done.is_set()

    play(script)


def test_held_in_the_moment_of_its_last_sample() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = await answer(player, 10)
        player.start(playback)
        assert await tape.play(9) == sound(9)
        tape.play_sample()
        player.hold()
        await tape.play(50)
        assert not playback.is_done.is_set()
        player.resume()
        await tape.play(50)
        assert playback.is_done.is_set()

    play(script)


def test_silenced_while_it_is_held() -> None:
    async def script(player: Player, tape: Tape) -> None:
        held = await answer(player, 20, 30)
        player.start(held)
        await tape.play(10)
        player.hold()
        await tape.play(10)
        player.silence()
        player.start(await answer(player, 10, first=100))
        assert await tape.play(50) == sound(10, 100)
        player.resume()
        assert await tape.play(50) == []

    play(script)


def test_it_goes_on_to_be_made_while_it_is_held() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = await answer(player, 20)
        growing = player.prepare()
        player.start(growing)
        growing.begin_clause("one")
        await growing.play(chunk(20))
        await tape.play(15)
        player.hold()
        growing.begin_clause("two")
        await growing.play(chunk(20, 21))
        growing.end()
        await tape.play(10)
        player.resume()
        assert await tape.play(100) == sound(40)
        assert not playback.has_sounded

    play(script)


def test_words_are_heard_when_they_are_played_not_when_they_are_queued() -> None:
    async def script(player: Player, tape: Tape) -> None:
        playback = player.prepare()
        playback.begin_clause("one two three")
        ends = (WordEnd(1, 10), WordEnd(2, 20), WordEnd(3, 30))
        spoken = np.array(sound(30), np.int16)
        await playback.play(AudioChunk(spoken, RATE_HZ, word_ends=ends))
        player.start(playback)
        await tape.play(12)
        player.silence()
        assert playback.heard() == "one"

    play(script)


def test_a_broken_speaker_fails_what_is_being_said_and_not_the_player() -> None:
    async def script(player: Player, tape: Tape) -> None:
        saying = await answer(player, 100)
        player.start(saying)
        await tape.play(10)
        tape.break_down()
        with pytest.raises(DeviceError, match="unplugged"):
            await saying.finish()
        # Nothing waits for ever: the next one is tried, and fails by itself.
        following = await answer(player, 100)
        player.start(following)
        with pytest.raises(DeviceError, match="unplugged"):
            await following.finish()

    play(script)


@dataclass
class Spoken:
    """What is to be heard of one playback, as its doc has it."""

    begins: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    heard: int = 0

    def play(self, samples: int) -> list[int]:
        now = self.queued[self.heard : self.heard + samples]
        self.heard += len(now)
        return now

    def rewind(self) -> None:
        """To the beginning of the clause whose sample was heard last."""
        self.heard = max((b for b in self.begins if b < max(1, self.heard)), default=self.heard)


operations = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 40)),
    st.tuples(st.just("more"), st.integers(1, 40)),
    st.tuples(st.just("play"), st.integers(1, 60)),
    st.tuples(st.sampled_from(["hold", "resume", "silence"]), st.just(0)),
)


@given(st.integers(0, 40).flatmap(lambda n: st.lists(operations, min_size=n, max_size=n)))
def test_nothing_is_lost_or_heard_twice_whatever_happens(
    happened: list[tuple[str, int]],
) -> None:
    async def script(player: Player, tape: Tape) -> None:
        last_sample = 0
        wanted, playback, is_held = Spoken(), player.prepare(), False
        player.start(playback)
        for what, samples in happened:
            match what:
                case "say" | "more":
                    if what == "say":
                        wanted.begins.append(len(wanted.queued))
                        playback.begin_clause("words")
                    await playback.play(chunk(samples, last_sample + 1))
                    wanted.queued += sound(samples, last_sample + 1)
                    last_sample += samples
                case "play":
                    expected = [] if is_held else wanted.play(samples)
                    assert await tape.play(samples) == expected
                case "hold":
                    player.hold()
                    is_held = True
                case "resume":
                    player.resume()
                    if is_held:
                        wanted.rewind()
                    is_held = False
                case _:
                    player.silence()
                    assert playback.is_done.is_set()
                    wanted, playback, is_held = Spoken(), player.prepare(), False
                    player.start(playback)
        if is_held:
            player.resume()
            wanted.rewind()
        playback.end()
        rest = len(wanted.queued)
        assert await tape.play(rest + 1) == wanted.play(rest)
        assert playback.is_done.is_set()

    play(script)
