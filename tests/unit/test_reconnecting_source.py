"""A microphone that comes back: how often it is tried, what is told, and that muted means closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.audio_contract import take
from tests.support.scripted_devices import BLOCK_S, GONE, GOOD, SUSPENDED, Devices, Try
from tests.support.virtual_time import run_virtual
from voiced.audio.contracts import AudioSource
from voiced.audio.reconnecting import ReconnectingSource
from voiced.events import MicrophoneState
from voiced.types import BLOCK_SAMPLES, AudioChunk

OPEN, AWAY, MUTED = MicrophoneState.OPEN, MicrophoneState.AWAY, MicrophoneState.MUTED

STEADY = 150
"""Blocks of a device that worked for a while: 3 s."""

HANGS = Try(opens_in_s=float("inf"))


class Bench:
    """A source on scripted devices, and what it told."""

    def __init__(self, *tries: Try, is_muted: bool = False) -> None:
        self.devices = Devices(*tries)
        self.told: list[tuple[MicrophoneState, str]] = []
        self.source = ReconnectingSource(
            self.devices.microphone,
            lambda state, reason: self.told.append((state, reason)),
            is_muted=is_muted,
        )

    @property
    def states(self) -> list[MicrophoneState]:
        return [state for state, _ in self.told]


def play(bench: Bench, script: Callable[[ReconnectingSource], Coroutine[Any, Any, None]]) -> None:
    """Run `script` with the bench's source; nothing may be left of it."""

    async def main() -> None:
        async with bench.source as source:
            await script(source)
        assert bench.devices.open_now == 0

    run_virtual(main())


async def listen(source: AudioSource, chunks: list[AudioChunk]) -> None:
    async for chunk in source.blocks():
        chunks.append(chunk)  # noqa: PERF401  # what was heard until it is cancelled is kept


@contextlib.asynccontextmanager
async def listening(source: AudioSource, chunks: list[AudioChunk]) -> AsyncIterator[None]:
    """Somebody listens, and keeps what is heard."""
    task = asyncio.create_task(listen(source, chunks))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


def are_numbered(chunks: list[AudioChunk]) -> bool:
    """Whether they begin at 0, and leave no gap."""
    expected = [number * BLOCK_SAMPLES for number in range(len(chunks))]
    return [chunk.start_sample for chunk in chunks] == expected


def test_a_failure_is_told_once_and_healed_at_once() -> None:
    bench = Bench(Try(blocks=STEADY, fails="the cable broke"), GOOD)
    chunks: list[AudioChunk] = []

    async def script(source: ReconnectingSource) -> None:
        async with listening(source, chunks):
            await asyncio.sleep(4)
        assert (source.state, source.reason, source.reconnects) == (OPEN, "", 1)

    play(bench, script)
    assert bench.told == [(OPEN, ""), (AWAY, "the cable broke"), (OPEN, "")]
    assert bench.devices.attempts_s == [0, 3.0]
    assert are_numbered(chunks)
    heard = [int(chunk.samples[0]) for chunk in chunks]
    # The first block was there before anybody listened.
    assert heard == [*range(2, STEADY + 1), *range(1, len(heard) - STEADY + 2)]


def test_it_is_tried_for_ever_ever_more_rarely_down_to_every_two_seconds() -> None:
    bench = Bench(GONE)

    async def script(source: ReconnectingSource) -> None:
        assert (source.state, source.reason) == (AWAY, "there is none")
        await asyncio.sleep(60)

    play(bench, script)
    assert bench.devices.attempts_s[:9] == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 5.1, 7.1, 9.1]
    assert len(bench.devices.attempts_s) == 34
    assert bench.told == [(AWAY, "there is none")]


@pytest.mark.parametrize("missing", [1, 2, 10])
def test_it_is_there_after_some_attempts(missing: int) -> None:
    bench = Bench(*[GONE] * missing, GOOD)

    async def script(source: ReconnectingSource) -> None:
        await take(source, 2)
        assert source.reconnects == 1

    play(bench, script)
    assert bench.states == [AWAY, OPEN]


def test_the_reason_is_that_of_the_last_attempt() -> None:
    bench = Bench(GONE, Try(refuses="it is busy"))

    async def script(source: ReconnectingSource) -> None:
        await asyncio.sleep(1)
        assert source.reason == "it is busy"

    play(bench, script)
    assert bench.told == [(AWAY, "there is none")]


def test_what_fails_soon_after_it_came_is_not_tried_ever_so_often() -> None:
    bench = Bench(Try(blocks=5))

    async def script(_: ReconnectingSource) -> None:
        await asyncio.sleep(60)

    play(bench, script)
    assert bench.devices.attempts_s[:4] == [0, 0.2, 0.5, 1.0]
    assert len(bench.devices.attempts_s) < 35


def test_it_is_open_only_when_sound_comes() -> None:
    late = Try(blocks=0, silent_s=0.5)
    bench = Bench(late, GOOD)

    async def script(source: ReconnectingSource) -> None:
        assert (source.state, source.reason) == (AWAY, "it was unplugged")
        await take(source, 1)
        assert source.state is OPEN

    play(bench, script)
    assert bench.states == [AWAY, OPEN]


def test_entering_waits_for_the_first_attempt_but_not_for_long() -> None:
    async def entered_after(*tries: Try) -> float:
        async with Bench(*tries).source:
            return asyncio.get_running_loop().time()

    assert run_virtual(entered_after(GOOD)) == pytest.approx(BLOCK_S)
    assert run_virtual(entered_after(Try(refuses="busy", opens_in_s=0.3))) == pytest.approx(0.3)
    assert run_virtual(entered_after(HANGS)) == pytest.approx(1.0)


def test_who_stops_entering_leaves_nothing_behind() -> None:
    bench = Bench(HANGS)

    async def enter() -> None:
        async with bench.source:
            pass

    async def main() -> None:
        entering = asyncio.create_task(enter())
        await asyncio.sleep(0.5)
        entering.cancel()
        await asyncio.wait((entering,))
        assert entering.cancelled()
        assert bench.devices.opening_now == 0

    run_virtual(main())


def test_it_is_stalled_where_it_opens_again_and_again_and_nothing_comes() -> None:
    bench = Bench(SUSPENDED, SUSPENDED, SUSPENDED, GOOD)
    stalled: list[bool] = []

    async def script(source: ReconnectingSource) -> None:
        while source.state is not OPEN:
            stalled.append(source.is_stalled)
            await asyncio.sleep(1)
        assert not source.is_stalled

    play(bench, script)
    # Looked at after 1, 2 ... 6 s; the attempts fail after 2, 4.1 and 6.3 s.
    assert stalled == [False] * 4 + [True] * 2
    assert bench.told == [(AWAY, "nothing comes"), (OPEN, "")]


def test_what_cannot_be_opened_is_not_stalled() -> None:
    bench = Bench(SUSPENDED, SUSPENDED, GONE)

    async def script(source: ReconnectingSource) -> None:
        await asyncio.sleep(3.2)
        assert source.is_stalled
        await asyncio.sleep(5)
        assert not source.is_stalled

    play(bench, script)


@pytest.mark.parametrize(
    ("tries", "before_s", "state"),
    [
        ([GOOD], 1.0, OPEN),
        ([HANGS, GOOD], 1.0, AWAY),
        ([Try(opens_in_s=3.0), GOOD], 1.0, AWAY),
        ([GONE, GONE, GOOD], 0.25, AWAY),
        ([SUSPENDED, GOOD], 0.5, AWAY),
    ],
    ids=["open", "hanging", "opening", "away", "silent"],
)
def test_muted_in_any_state_it_is_closed_and_stays_closed(
    tries: list[Try], before_s: float, state: MicrophoneState
) -> None:
    bench = Bench(*tries)
    chunks: list[AudioChunk] = []

    async def script(source: ReconnectingSource) -> None:
        async with listening(source, chunks):
            await asyncio.sleep(before_s)
            assert source.state is state
            await source.mute()
            assert (source.state, bench.devices.open_now) == (MUTED, 0)
            attempts, heard = len(bench.devices.attempts_s), len(chunks)
            await asyncio.sleep(10)
            await source.mute()
            assert (source.state, bench.devices.open_now) == (MUTED, 0)
            assert (len(bench.devices.attempts_s), len(chunks)) == (attempts, heard)
            await source.unmute()
            await source.unmute()
            assert source.state is OPEN
            await asyncio.sleep(0.1)
            assert len(chunks) > heard

    play(bench, script)
    assert bench.states[-2:] == [MUTED, OPEN]
    assert bench.states.count(MUTED) == 1
    assert are_numbered(chunks)


def test_muting_waits_until_it_is_closed() -> None:
    bench = Bench(Try(closes_in_s=5.0))

    async def script(source: ReconnectingSource) -> None:
        muting = asyncio.create_task(source.mute())
        await asyncio.sleep(4.9)
        assert bench.devices.open_now == 1
        assert not muting.done()
        assert source.state is OPEN
        await asyncio.sleep(0.2)
        assert muting.done()
        assert source.state is MUTED

    play(bench, script)


def test_muting_one_that_failed_and_is_being_closed_waits_for_that() -> None:
    bench = Bench(Try(blocks=1, closes_in_s=5.0), GOOD)

    async def script(source: ReconnectingSource) -> None:
        await asyncio.sleep(1)
        assert source.state is AWAY
        begun_s = asyncio.get_running_loop().time()
        # Unmuted while it waits: that is for the next one.
        muting = asyncio.create_task(source.mute())
        await asyncio.sleep(1)
        unmuting = asyncio.create_task(source.unmute())
        await muting
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(4.0, abs=0.05)
        await unmuting
        await take(source, 1)

    play(bench, script)
    assert bench.states == [OPEN, AWAY, OPEN]


def test_who_mutes_need_not_wait() -> None:
    bench = Bench(Try(closes_in_s=2.0))

    async def script(source: ReconnectingSource) -> None:
        muting = asyncio.create_task(source.mute())
        await asyncio.sleep(1)
        muting.cancel()
        await asyncio.wait((muting,))
        await asyncio.sleep(1.1)
        assert (source.state, bench.devices.open_now) == (MUTED, 0)

    play(bench, script)
    assert bench.states == [OPEN, MUTED]


def test_it_may_begin_muted() -> None:
    bench = Bench(GOOD, is_muted=True)

    async def script(source: ReconnectingSource) -> None:
        assert (source.state, source.reason) == (MUTED, "the microphone is muted")
        await asyncio.sleep(5)
        assert not bench.devices.attempts_s
        await source.unmute()
        assert source.state is OPEN

    play(bench, script)
    assert bench.told == [(OPEN, "")]


def test_unmuted_while_it_is_away_it_tries_at_once() -> None:
    bench = Bench(*[GONE] * 8, GOOD)

    async def script(source: ReconnectingSource) -> None:
        await asyncio.sleep(7.2)
        await source.mute()
        await source.unmute()
        assert source.state is OPEN
        assert bench.devices.attempts_s[-1] == 7.2

    play(bench, script)
    assert bench.states == [AWAY, MUTED, OPEN]


def test_each_iteration_begins_at_sample_0_whatever_became_of_the_one_before() -> None:
    bench = Bench(GOOD)

    async def script(source: ReconnectingSource) -> None:
        left = source.blocks()
        assert (await anext(left)).start_sample == 0
        await asyncio.sleep(1)
        # Not closed: whoever read it was cancelled while it did something else.
        chunks = await take(source, 3)
        assert [chunk.start_sample for chunk in chunks] == [0, BLOCK_SAMPLES, 2 * BLOCK_SAMPLES]
        await asyncio.sleep(1)
        chunks = await take(source, 1)
        assert chunks[0].start_sample == 0
        assert chunks[0].samples[0] > 100, "what nobody took was kept"
        with pytest.raises(StopAsyncIteration):
            await anext(left)

    play(bench, script)


def test_what_was_lost_is_summed_over_all_devices() -> None:
    bench = Bench(Try(blocks=STEADY), Try(blocks=STEADY), GOOD)

    async def script(source: ReconnectingSource) -> None:
        assert source.lost_samples == 7
        await asyncio.sleep(7)
        assert source.lost_samples == 21
        assert source.reconnects == 2

    play(bench, script)


def test_what_is_heard_waits_five_seconds_for_a_reader_that_is_late() -> None:
    bench = Bench(GOOD)

    async def script(source: ReconnectingSource) -> None:
        async with contextlib.aclosing(source.blocks()) as blocks:
            first = await anext(blocks)
            await asyncio.sleep(6)
            assert source.lost_samples == 7 + 50 * BLOCK_SAMPLES
            second = await anext(blocks)
            assert second.samples[0] - first.samples[0] == 51
            assert second.start_sample == BLOCK_SAMPLES

    play(bench, script)


def test_what_waits_when_it_is_lost_is_dropped() -> None:
    bench = Bench(Try(blocks=STEADY), GOOD)

    async def script(source: ReconnectingSource) -> None:
        async with contextlib.aclosing(source.blocks()) as blocks:
            await anext(blocks)
            await asyncio.sleep(3.5)
            assert (await anext(blocks)).samples[0] == 1

    play(bench, script)


def test_a_source_that_ends_is_opened_again() -> None:
    bench = Bench(Try(blocks=STEADY, fails=""), GOOD)

    async def script(source: ReconnectingSource) -> None:
        await take(source, STEADY + 1)

    play(bench, script)
    assert bench.told == [(OPEN, ""), (AWAY, "the microphone has ended"), (OPEN, "")]


def test_a_defect_is_no_failure_of_the_device() -> None:
    bench = Bench(Try(blocks=3, defect=ZeroDivisionError()))

    async def script(source: ReconnectingSource) -> None:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await take(source, 10)
        assert source.state is AWAY

    play(bench, script)


TRIES = st.builds(
    Try,
    refuses=st.sampled_from(["", "", "busy"]),
    opens_in_s=st.sampled_from([0.0, 0.0, 0.05, 3.0, float("inf")]),
    blocks=st.sampled_from([0, 1, 20, 150]),
    silent_s=st.sampled_from([0.0, 2.0]),
    closes_in_s=st.sampled_from([0.0, 0.0, 0.01, 5.0]),
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["mute", "unmute", "listen", "abandon"]),
        st.sampled_from([0.0, 0.001, 0.02, 0.15, 1.0, 6.0]),
    ),
    max_size=12,
)


class Someone:
    """Mutes, unmutes and listens, without waiting for what that leads to."""

    def __init__(self, source: ReconnectingSource) -> None:
        self._source = source
        self._asked: list[asyncio.Task[None]] = []
        self._listening: asyncio.Task[None] | None = None
        self.heard: list[list[AudioChunk]] = []

    async def act(self, what: str) -> None:
        if what == "mute":
            self._asked.append(asyncio.create_task(self._source.mute()))
        elif what == "unmute":
            self._asked.append(asyncio.create_task(self._source.unmute()))
        else:
            await self.stop_listening()
        if what == "listen":
            self.heard.append([])
            self._listening = asyncio.create_task(listen(self._source, self.heard[-1]))

    async def stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait((self._listening,))
            self._listening = None

    async def leave(self) -> None:
        await self.stop_listening()
        await asyncio.gather(*self._asked)


@given(tries=st.lists(TRIES, min_size=1, max_size=6), acts=ACTS, is_muted=st.booleans())
def test_whatever_happens(tries: list[Try], acts: list[tuple[str, float]], is_muted: bool) -> None:
    bench = Bench(*tries, GOOD, is_muted=is_muted)
    source, devices = bench.source, bench.devices
    someone = Someone(source)

    def told(state: MicrophoneState, reason: str) -> None:
        assert source.state is state
        assert bool(reason) is (state is not OPEN)
        assert devices.open_now == 0 or state is not MUTED
        bench.told.append((state, reason))

    async def script(_: ReconnectingSource) -> None:
        for what, wait_s in acts:
            await someone.act(what)
            await asyncio.sleep(wait_s)
            assert devices.open_now == 0 or source.state is not MUTED
        await someone.leave()
        await source.mute()
        assert (source.state, devices.open_now) == (MUTED, 0)
        await source.unmute()
        if HANGS.opens_in_s not in [each.opens_in_s for each in tries]:
            someone.heard.append(await take(source, 5))

    bench.source._on_change = told
    play(bench, script)
    assert all(map(are_numbered, someone.heard))
    assert all(before is not after for before, after in pairwise(bench.states))
