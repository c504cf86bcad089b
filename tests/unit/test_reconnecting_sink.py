"""A speaker that comes back: what is told, and what those who write get meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sound.signals import tone
from tests.support.scripted_devices import GONE, GOOD, Devices, Try
from tests.support.virtual_time import run_virtual
from voiced.audio.discard import DiscardSink
from voiced.audio.reconnecting import ReconnectingSink
from voiced.errors import DeviceError
from voiced.player import playing
from voiced.types import AudioChunk

STEADY = 150
"""Blocks of a device that worked for a while: 3 s."""

SUSPENDED = Try(buffer_ms=1_000, blocks=0, silent_s=2.0, fails="it takes nothing")
"""It takes as much as its buffer holds."""

TRIAL_S = 0.25
"""How long it takes until a speaker counts as there."""


class Bench:
    """A sink on scripted devices, and what it told."""

    def __init__(self, *tries: Try, rate_hz: int = 16_000) -> None:
        self.devices = Devices(*tries)
        self.told: list[tuple[bool, str]] = []
        self.sink = ReconnectingSink(
            self.devices.speaker,
            rate_hz,
            lambda is_there, reason: self.told.append((is_there, reason)),
        )


def play(bench: Bench, script: Callable[[ReconnectingSink], Coroutine[Any, Any, None]]) -> None:
    """Run `script` with the bench's sink; nothing may be left of it."""

    async def main() -> None:
        async with bench.sink as sink:
            await script(sink)
        assert bench.devices.open_now == 0

    run_virtual(main())


def test_a_speaker_pulled_out_while_nothing_is_played_is_noticed_and_comes_back() -> None:
    bench = Bench(Try(blocks=STEADY, fails="the cable broke"), GONE, GOOD)

    async def script(sink: ReconnectingSink) -> None:
        assert sink.is_there
        await asyncio.sleep(2.85)
        assert (sink.is_there, sink.reason) == (False, "there is none")
        await asyncio.sleep(1)
        assert (sink.is_there, sink.reason, sink.reconnects) == (True, "", 1)

    play(bench, script)
    assert bench.told == [(True, ""), (False, "the cable broke"), (True, "")]
    assert bench.devices.attempts_s == [0, 3.0, 3.1]


def test_it_is_tried_for_ever_ever_more_rarely_down_to_every_two_seconds() -> None:
    bench = Bench(GONE)

    async def script(_: ReconnectingSink) -> None:
        await asyncio.sleep(20)

    play(bench, script)
    assert bench.devices.attempts_s[:9] == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 5.1, 7.1, 9.1]
    assert bench.told == [(False, "there is none")]


def test_who_writes_while_it_is_away_is_told_why() -> None:
    bench = Bench(GONE)

    async def script(sink: ReconnectingSink) -> None:
        for attempt in (sink.write(tone(440, 100)), sink.drain()):
            with pytest.raises(DeviceError, match="there is none"):
                await attempt
        assert sink.flush() == 0
        assert (sink.far_end, sink.rate_hz, sink.played_samples) == (None, 16_000, 0)

    play(bench, script)


def test_who_writes_while_it_fails_is_told_at_once() -> None:
    bench = Bench(Try(blocks=STEADY, fails="the cable broke"), GONE)

    async def script(sink: ReconnectingSink) -> None:
        with pytest.raises(DeviceError, match="the cable broke"):
            await sink.write(tone(440, 60_000))
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)

    play(bench, script)


def test_a_speaker_that_opens_and_takes_nothing_is_not_there() -> None:
    bench = Bench(SUSPENDED, SUSPENDED, GOOD)

    async def script(sink: ReconnectingSink) -> None:
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        assert (sink.is_there, sink.reason) == (False, "the speaker is being opened")
        with pytest.raises(DeviceError, match="the speaker is being opened"):
            await sink.write(tone(440, 20))
        await asyncio.sleep(5)
        assert sink.is_there

    play(bench, script)
    assert bench.told == [(False, "it takes nothing"), (True, "")]


def test_what_takes_all_at_once_is_there_at_once() -> None:
    async def main() -> None:
        async with ReconnectingSink(lambda: DiscardSink(16_000), 16_000) as sink:
            assert sink.is_there
            assert asyncio.get_running_loop().time() == 0

    run_virtual(main())


def test_it_counts_what_all_devices_have_played_and_not_the_trial() -> None:
    bench = Bench(Try(blocks=STEADY), GOOD)

    async def script(sink: ReconnectingSink) -> None:
        assert asyncio.get_running_loop().time() == pytest.approx(TRIAL_S, abs=0.05)
        await sink.write(tone(440, 300))
        await sink.drain()
        assert (sink.played_samples, sink.underflow_count) == (4_800, 3)
        await asyncio.sleep(5)
        await sink.write(tone(440, 300))
        await sink.drain()
        assert (sink.played_samples, sink.underflow_count) == (9_600, 6)

    play(bench, script)


def test_the_far_end_and_the_rate_are_those_of_the_device_that_is_open() -> None:
    bench = Bench(Try(blocks=STEADY, rate_hz=48_000), GONE, Try(rate_hz=44_100), rate_hz=22_050)

    async def script(sink: ReconnectingSink) -> None:
        far_end = sink.far_end
        assert far_end is not None
        assert sink.far_end is far_end
        assert sink.rate_hz == 48_000
        await asyncio.sleep(2.85)
        assert sink.far_end is None
        assert sink.rate_hz == 48_000
        await asyncio.sleep(1)
        assert sink.far_end is not None
        assert sink.far_end is not far_end
        assert sink.rate_hz == 44_100

    assert bench.sink.rate_hz == 22_050
    play(bench, script)


def test_a_defect_is_no_failure_of_the_device() -> None:
    bench = Bench(Try(blocks=20, defect=ZeroDivisionError()))

    async def script(sink: ReconnectingSink) -> None:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await sink.write(tone(440, 5_000))
            await asyncio.sleep(0.1)
        assert not sink.is_there

    play(bench, script)


def test_a_player_goes_on_with_the_next_answer() -> None:
    bench = Bench(Try(blocks=STEADY), GONE, Try(rate_hz=48_000))

    async def script(sink: ReconnectingSink) -> None:
        async with playing(sink) as player:
            lost = player.prepare()
            player.start(lost)
            with pytest.raises(DeviceError, match="it was unplugged"):
                await lost.play(AudioChunk(tone(440, 60_000)))
            await asyncio.sleep(2)
            played_before = sink.played_samples
            answer = player.prepare()
            assert answer.rate_hz == 48_000
            await answer.play(AudioChunk(tone(440, 500, 48_000), 48_000))
            player.start(answer)
            await answer.finish()
            assert sink.played_samples == 48_000 // 2 + played_before

    play(bench, script)


TRIES = st.builds(
    Try,
    refuses=st.sampled_from(["", "", "busy"]),
    opens_in_s=st.sampled_from([0.0, 0.0, 0.05, 3.0]),
    blocks=st.sampled_from([0, 1, 20, 150]),
    silent_s=st.sampled_from([0.0, 2.0]),
    closes_in_s=st.sampled_from([0.0, 0.0, 0.01, 5.0]),
    rate_hz=st.sampled_from([16_000, 44_100]),
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "drain", "flush", "give up"]),
        st.sampled_from([0.0, 0.001, 0.02, 0.15, 1.0, 6.0]),
    ),
    max_size=12,
)


class Someone:
    """Uses a speaker; one write or drain at a time."""

    def __init__(self, sink: ReconnectingSink) -> None:
        self._sink = sink
        self._using: asyncio.Task[None] | None = None

    async def act(self, what: str) -> None:
        if what == "flush":
            self._sink.flush()
        elif what == "give up":
            await self.give_up()
        elif self._using is None or self._using.done():
            await self.give_up()
            samples = np.ones(self._sink.rate_hz, np.int16)
            work = self._sink.write(samples) if what == "write" else self._sink.drain()
            self._using = asyncio.create_task(work)

    async def give_up(self) -> None:
        if self._using is not None:
            self._using.cancel()
            await asyncio.wait((self._using,))
            if not self._using.cancelled():
                assert isinstance(self._using.exception(), DeviceError | None)
            self._using = None


@given(tries=st.lists(TRIES, min_size=1, max_size=6), acts=ACTS)
def test_whatever_happens(tries: list[Try], acts: list[tuple[str, float]]) -> None:
    bench = Bench(*tries, GOOD)

    async def script(sink: ReconnectingSink) -> None:
        someone = Someone(sink)
        for what, wait_s in acts:
            await someone.act(what)
            await asyncio.sleep(wait_s)
            assert (sink.far_end is not None) is sink.is_there
        await someone.give_up()
        while len(bench.devices.attempts_s) <= len(tries) or not sink.is_there:
            await asyncio.sleep(1)
        sink.flush()
        await sink.drain()
        before = sink.played_samples
        await sink.write(np.ones(100, np.int16))
        await sink.drain()
        assert sink.played_samples == before + 100

    play(bench, script)
    assert all(before[0] is not after[0] for before, after in pairwise(bench.told))
