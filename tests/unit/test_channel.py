"""The pipe between two tasks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_time import DeadlockError, run_virtual
from voiced.channel import Channel, ChannelClosedError


@given(st.lists(st.integers(), max_size=30), st.integers(1, 5), st.lists(st.booleans()))
def test_everything_arrives_in_order(items: list[int], capacity: int, pauses: list[bool]) -> None:
    async def main() -> list[int]:
        channel: Channel[int] = Channel(capacity)

        async def send() -> None:
            for number, item in enumerate(items):
                if number < len(pauses) and pauses[number]:
                    await asyncio.sleep(1)
                await channel.send(item)
            channel.close()

        sending = asyncio.ensure_future(send())
        received = [item async for item in channel]
        await sending
        return received

    assert run_virtual(main()) == items


def test_a_full_channel_holds_its_sender_back() -> None:
    async def main() -> None:
        channel: Channel[int] = Channel(2)
        await channel.send(1)
        await channel.send(2)
        await channel.send(3)

    with pytest.raises(DeadlockError):
        run_virtual(main())


def test_abandoning_drops_what_is_in_it_and_releases_the_sender() -> None:
    async def main() -> None:
        channel: Channel[int] = Channel(1)
        await channel.send(1)
        sending = asyncio.ensure_future(channel.send(2))
        await asyncio.sleep(0)
        channel.abandon()
        with pytest.raises(ChannelClosedError):
            await sending
        assert [item async for item in channel] == []

    run_virtual(main())


def test_nothing_is_sent_after_the_end() -> None:
    async def main() -> None:
        channel: Channel[int] = Channel(1)
        channel.send_nowait(1)
        channel.close()
        with pytest.raises(ChannelClosedError):
            channel.send_nowait(2)
        assert channel.take_all() == [1]

    run_virtual(main())
