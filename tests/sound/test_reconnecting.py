"""Sound comes back on a real sound server, whatever happens to it, in the same process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.sound.pulse import MICROPHONE, SPEAKER, PulseServer
from tests.sound.signals import loud_part, pitch_hz, tone
from voiced.audio.device import DeviceSink, DeviceSource
from voiced.audio.levels import dbfs
from voiced.audio.portaudio import ANSWER_S, PortAudio
from voiced.audio.reconnecting import ReconnectingSink, ReconnectingSource
from voiced.audio.rescan import Rescan
from voiced.errors import DeviceError
from voiced.events import MicrophoneState
from voiced.types import Samples, ms_to_samples

BACK_S = 3.0
"""How soon after a device's return sound has to go through it."""

OUTAGE_S = 4.0

LOUD = 300
"""A sample of a tone; -40 dBFS."""

BLINK_S = 0.2

PATIENCE_S = 60
"""For a whole test on a busy machine."""

SPOKEN_HZ = 1_000
PLAYED_HZ = 700


@dataclass
class Both:
    """Both sides on a server, and what they reported."""

    server: PulseServer
    source: ReconnectingSource
    sink: ReconnectingSink
    system: str = ""
    microphone: list[MicrophoneState] = field(default_factory=list)
    speaker: list[bool] = field(default_factory=list)
    took_s: list[tuple[float, float]] = field(default_factory=list)
    """After how long both worked, each time that was tried."""

    async def are_away(self) -> None:
        while self.source.state is not MicrophoneState.AWAY or self.sink.is_there:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def both(
    server: PulseServer, portaudio: PortAudio, microphone: str = ""
) -> AsyncIterator[Both]:
    rescan = Rescan(portaudio.look_again, lambda: sides.system)
    source = ReconnectingSource(
        lambda: DeviceSource(portaudio, microphone),
        lambda state, _: sides.microphone.append(state),
        rescan=rescan,
    )
    sink = ReconnectingSink(
        lambda: DeviceSink(portaudio),
        16_000,
        lambda is_there, _: sides.speaker.append(is_there),
        rescan=rescan,
    )
    sides = Both(server, source, sink)
    async with asyncio.timeout(PATIENCE_S), source, sink:
        yield sides


async def works(sides: Both, microphone: str = MICROPHONE, speaker: str = SPEAKER) -> None:
    """Within `BACK_S` from now what is spoken is heard, and what is played."""
    begun_s = time.monotonic()
    heard_s, played_s = await asyncio.gather(
        hears(sides, microphone, begun_s), plays(sides, speaker, begun_s)
    )
    sides.took_s.append((round(heard_s, 2), round(played_s, 2)))
    assert heard_s < BACK_S
    assert played_s < BACK_S


async def hears(sides: Both, microphone: str, begun_s: float) -> float:
    """After how long somebody was heard who speaks all the time."""
    speaking = asyncio.create_task(keep_speaking(sides.server, microphone))
    heard: list[Samples] = []
    loud_after_s = 0.0
    async with contextlib.aclosing(sides.source.blocks()) as blocks:
        async for chunk in blocks:
            if dbfs(chunk.samples) > -40:
                loud_after_s = loud_after_s or time.monotonic() - begun_s
                heard.append(chunk.samples)
            if len(heard) == 40:
                break
    speaking.cancel()
    await asyncio.wait((speaking,))
    assert pitch_hz(np.concatenate(heard[5:-5])) == pytest.approx(SPOKEN_HZ, abs=10)
    return loud_after_s


async def keep_speaking(server: PulseServer, microphone: str) -> None:
    while True:
        # Not left alone when it is cancelled: the server may be the next to go.
        said = asyncio.to_thread(server.speak, tone(SPOKEN_HZ, 1_000), device=microphone)
        await finished(asyncio.create_task(said))


async def finished(task: asyncio.Task[None]) -> None:
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


async def plays(sides: Both, speaker: str, begun_s: float) -> float:
    playing = asyncio.create_task(keep_playing(sides.sink))
    try:
        heard, loud_after_s = await asyncio.to_thread(recorded, sides.server, speaker, begun_s)
    finally:
        playing.cancel()
        await asyncio.wait((playing,))
    assert pitch_hz(loud_part(heard)[1_600:]) == pytest.approx(PLAYED_HZ, abs=10)
    return loud_after_s


async def keep_playing(sink: ReconnectingSink) -> None:
    while True:
        try:
            await sink.write(tone(PLAYED_HZ, 1_000, sink.rate_hz))
        except DeviceError:
            await asyncio.sleep(0.01)


def recorded(server: PulseServer, speaker: str, begun_s: float) -> tuple[Samples, float]:
    """What the speaker plays until a second of it has been loud; and when that began."""
    loud_after_s = 0.0
    with server.listen(device=speaker) as recording:
        while True:
            samples = recording.samples()
            loud = np.count_nonzero(np.abs(samples) > LOUD)
            if loud:
                loud_after_s = loud_after_s or time.monotonic() - begun_s
            if loud > ms_to_samples(1_000):
                return samples, loud_after_s
            assert time.monotonic() - begun_s < 4 * BACK_S, "nothing is played"
            time.sleep(0.02)


@contextlib.contextmanager
def killed(server: PulseServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


def unplugged(server: PulseServer) -> AbstractContextManager[None]:
    return server.unplugged(MICROPHONE, SPEAKER)


@contextlib.contextmanager
def suspended(server: PulseServer) -> Iterator[None]:
    for command, device in (("suspend-source", f"{MICROPHONE}_source"), ("suspend-sink", SPEAKER)):
        server.control(command, device, "1")
    yield
    for command, device in (("suspend-source", f"{MICROPHONE}_source"), ("suspend-sink", SPEAKER)):
        server.control(command, device, "0")


@pytest.mark.parametrize("broken", [killed, PulseServer.frozen, suspended, unplugged])
def test_sound_comes_back_within_three_seconds(
    broken: Callable[[PulseServer], AbstractContextManager[None]],
    own_pulse_server: PulseServer,
    own_portaudio: PortAudio,
    record_property: Callable[[str, object], None],
) -> None:
    async def main() -> Both:
        async with both(own_pulse_server, own_portaudio) as sides:
            await works(sides)
            await interrupted(own_pulse_server, broken, sides.are_away)
            await works(sides)
            return sides

    sides = asyncio.run(main())
    record_property("took_s", sides.took_s)
    assert sides.microphone == [MicrophoneState.OPEN, MicrophoneState.AWAY, MicrophoneState.OPEN]
    assert sides.speaker == [True, False, True]


async def interrupted(
    server: PulseServer,
    broken: Callable[[PulseServer], AbstractContextManager[None]],
    until: Callable[[], Awaitable[None]],
) -> None:
    """`broken` for a while, beginning with what `until` waits for."""
    with contextlib.ExitStack() as breaking:
        await asyncio.to_thread(breaking.enter_context, broken(server))
        await until()
        # Long enough that attempts are as rare as they become.
        await asyncio.sleep(OUTAGE_S)
        await asyncio.to_thread(breaking.close)


def test_other_devices_become_the_default(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    server = own_pulse_server

    def change() -> None:
        for name in ("other_mic", "other_speaker"):
            server.control("load-module", "module-null-sink", f"sink_name={name}", "norewinds=1")
        server.control("set-default-source", "other_mic.monitor")
        server.control("set-default-sink", "other_speaker")

    async def main() -> None:
        async with both(server, own_portaudio) as sides:
            await works(sides)
            await asyncio.to_thread(change)
            await works(sides, "other_mic", "other_speaker")

    asyncio.run(main())


@pytest.mark.parametrize("device", [MICROPHONE, SPEAKER])
def test_one_of_both_is_unplugged(
    device: str, own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    async def main() -> None:
        async with both(own_pulse_server, own_portaudio) as sides:
            # PulseAudio moves it to what is left, and back.
            await interrupted(
                own_pulse_server,
                lambda server: server.unplugged(device),
                lambda: asyncio.sleep(0),
            )
            await works(sides)

    asyncio.run(main())


def test_a_device_that_is_new_is_found_by_a_short_blink_of_the_other_side(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    async def blink_s(sides: Both) -> float:
        while sides.sink.far_end is not None:
            await asyncio.sleep(0.001)
        begun_s = time.monotonic()
        while sides.sink.far_end is None:
            await asyncio.sleep(0.001)
        return time.monotonic() - begun_s

    async def main() -> None:
        async with both(own_pulse_server, own_portaudio, microphone="late") as sides:
            await interrupted(
                own_pulse_server, lambda _: contextlib.nullcontext(), lambda: asyncio.sleep(0)
            )
            assert sides.source.reason.startswith('no input device is called "late"')
            blinking = asyncio.create_task(blink_s(sides))
            own_pulse_server.add_alsa_device("late")
            sides.system = "another card"
            # Nothing may be played: the speaker would not blink.
            assert await hears(sides, MICROPHONE, time.monotonic()) < BACK_S
            assert await blinking < BLINK_S
            await works(sides)
            assert sides.speaker == [True]

    asyncio.run(main())


def test_muted_at_any_moment_nothing_of_it_stays_open(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    def is_recorded_from() -> bool:
        return bool(own_pulse_server.control("list", "short", "source-outputs").count("protocol"))

    async def main() -> None:
        async with both(own_pulse_server, own_portaudio) as sides:
            assert await asyncio.to_thread(is_recorded_from)
            for delay_ms in range(0, 80, 8):
                await sides.source.mute()
                assert not await asyncio.to_thread(is_recorded_from)
                opening = asyncio.create_task(sides.source.unmute())
                await asyncio.sleep(delay_ms / 1000)
                await sides.source.mute()
                assert not await asyncio.to_thread(is_recorded_from)
                await opening
            await sides.source.unmute()
            await works(sides)

    asyncio.run(main())


def test_muted_while_the_server_hangs_it_does_not_come_back_with_it(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    async def main() -> None:
        async with both(own_pulse_server, own_portaudio) as sides:
            with own_pulse_server.frozen():
                await sides.are_away()
                begun_s = time.monotonic()
                await sides.source.mute()
                assert time.monotonic() - begun_s < ANSWER_S + 1
                assert sides.source.state is MicrophoneState.MUTED
            while not sides.sink.is_there:
                await asyncio.sleep(0.01)
            listed = await asyncio.to_thread(
                own_pulse_server.control, "list", "short", "source-outputs"
            )
            assert "protocol" not in listed
            await sides.source.unmute()
            await works(sides)

    asyncio.run(main())
