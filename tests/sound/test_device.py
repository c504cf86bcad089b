"""Microphone and speaker through PortAudio, ALSA and PulseAudio, on devices without hardware."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest

from tests.contract.audio_contract import STOP_MS, SinkContract, SourceContract
from tests.sound.pulse import PulseServer
from tests.sound.signals import loud_part, pitch_hz, tone
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.device import DeviceSink, DeviceSource
from voiced.audio.devices import Device, StreamFormat
from voiced.audio.levels import dbfs
from voiced.audio.portaudio import PortAudio
from voiced.errors import DeviceError
from voiced.types import AudioChunk, Samples, ms_to_samples

T = TypeVar("T")

PATIENCE_S = 20
"""Long enough for any of these tests on a busy machine; what takes longer hangs."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in real time; what hangs fails."""

    async def bounded() -> T:
        async with asyncio.timeout(PATIENCE_S):
            return await main

    return asyncio.run(bounded())


async def hear(source: DeviceSource, seconds: float) -> Samples:
    """Listen until so much sound, and not silence, has been heard."""
    wanted = ms_to_samples(seconds * 1000)
    heard: list[Samples] = []
    loud = 0
    async for chunk in source.blocks():
        heard.append(chunk.samples)
        loud += len(chunk.samples) if dbfs(chunk.samples) > -40 else 0
        if loud >= wanted:
            break
    return np.concatenate(heard)


async def say(sink: DeviceSink, samples: Samples) -> None:
    """Play `samples`, and silence until they have passed what records them."""
    await sink.write(samples)
    await sink.write(np.zeros(sink.rate_hz // 2, np.int16))
    await sink.drain()


class TestDeviceSource(SourceContract):
    @pytest.fixture(autouse=True)
    def _portaudio(self, portaudio: PortAudio) -> None:
        self.portaudio = portaudio

    def source(self) -> AudioSource:
        return DeviceSource(self.portaudio)

    def execute(self, main: Coroutine[Any, Any, T]) -> T:
        return run(main)


class TestDeviceSink(SinkContract):
    @pytest.fixture(autouse=True)
    def _portaudio(self, portaudio: PortAudio) -> None:
        self.portaudio = portaudio

    def sink(self) -> AudioSink:
        return DeviceSink(self.portaudio)

    def execute(self, main: Coroutine[Any, Any, T]) -> T:
        return run(main)


def test_a_tone_played_into_the_microphone_is_heard(
    pulse_server: PulseServer, portaudio: PortAudio
) -> None:
    played = tone(1_000, 2_000)

    async def main() -> Samples:
        async with DeviceSource(portaudio) as source:
            with pulse_server.speaking(played):
                return await hear(source, 0.8)

    heard = loud_part(run(main()))[1_600:-1_600]
    assert pitch_hz(heard) == pytest.approx(1_000, abs=3)
    assert dbfs(heard) == pytest.approx(dbfs(played), abs=0.5)


def test_a_tone_written_to_the_speaker_is_played(
    pulse_server: PulseServer, portaudio: PortAudio
) -> None:
    written = tone(700, 1_000)

    async def main() -> None:
        async with DeviceSink(portaudio) as sink:
            await say(sink, written)

    with pulse_server.listen() as speaker:
        run(main())
    heard = loud_part(speaker.samples())
    assert len(heard) == pytest.approx(len(written), abs=640)
    assert pitch_hz(heard) == pytest.approx(700, abs=3)
    assert dbfs(heard[1_600:-1_600]) == pytest.approx(dbfs(written), abs=0.5)


def test_what_is_flushed_is_not_played(pulse_server: PulseServer, portaudio: PortAudio) -> None:
    written = tone(700, 30_000)

    async def main() -> tuple[int, int]:
        async with DeviceSink(portaudio) as sink:
            writing = asyncio.create_task(sink.write(written))
            while sink.played_samples < 8_000:
                await asyncio.sleep(0.01)
            before = sink.played_samples
            dropped = sink.flush()
            await writing
            await say(sink, np.zeros(1_600, np.int16))
            return before, len(written) - dropped

    with pulse_server.listen() as speaker:
        before, played = run(main())
    assert played - before <= ms_to_samples(STOP_MS)
    assert len(loud_part(speaker.samples())) == pytest.approx(played, abs=640)


def test_a_device_with_another_rate_is_resampled_both_ways(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    played = tone(1_000, 2_000)

    async def main() -> tuple[Samples, int]:
        async with (
            DeviceSource(own_portaudio, rate_hz=44_100) as source,
            DeviceSink(own_portaudio, rate_hz=44_100) as sink,
        ):
            with own_pulse_server.speaking(played):
                heard = await hear(source, 0.8)
            await say(sink, tone(700, 500, sink.rate_hz))
            return heard, sink.rate_hz

    with own_pulse_server.listen() as speaker:
        all_heard, rate_hz = run(main())
    assert rate_hz == 44_100
    heard = loud_part(all_heard)[1_600:-1_600]
    assert pitch_hz(heard) == pytest.approx(1_000, abs=3)
    assert dbfs(heard) == pytest.approx(dbfs(played), abs=0.5)
    assert pitch_hz(loud_part(speaker.samples())) == pytest.approx(700, abs=3)


class StereoAt48kHz(PortAudio):
    """Refuses all but what the cheapest USB sound cards take."""

    def _refuses(self, device: Device, wanted: StreamFormat) -> str | None:
        if wanted != StreamFormat(48_000, 2):
            return "Invalid sample rate"
        return super()._refuses(device, wanted)


def test_a_device_that_takes_only_stereo_at_48_khz_is_used(
    pulse_server: PulseServer, portaudio: PortAudio
) -> None:
    del portaudio  # it has made PortAudio look for the server's devices
    stereo_only = StereoAt48kHz()
    played = tone(1_000, 2_000)

    async def main() -> tuple[Samples, int]:
        async with (
            DeviceSource(stereo_only, channel=1) as source,
            DeviceSink(stereo_only) as sink,
        ):
            with pulse_server.speaking(played):
                heard = await hear(source, 0.8)
            await say(sink, tone(700, 500, sink.rate_hz))
            return heard, sink.rate_hz

    with pulse_server.listen() as speaker:
        all_heard, rate_hz = run(main())
    assert rate_hz == 48_000
    assert pitch_hz(loud_part(all_heard)[1_600:-1_600]) == pytest.approx(1_000, abs=3)
    spoken = loud_part(speaker.samples())
    assert len(spoken) == pytest.approx(8_000, abs=640)
    assert pitch_hz(spoken) == pytest.approx(700, abs=4)


def test_a_device_that_takes_nothing_is_said(portaudio: PortAudio) -> None:
    class Stubborn(PortAudio):
        def _refuses(self, device: Device, wanted: StreamFormat) -> str | None:
            return "Invalid sample rate"

    async def main() -> None:
        async with DeviceSink(Stubborn()):
            pass

    del portaudio
    with pytest.raises(DeviceError, match=r'"default" cannot be used: Invalid sample rate$'):
        run(main())


def test_a_device_that_does_not_exist_is_said_with_those_that_do(portaudio: PortAudio) -> None:
    for device in (DeviceSource(portaudio, "Yeti"), DeviceSink(portaudio, "Yeti")):

        async def main(device: DeviceSource | DeviceSink = device) -> None:
            async with device:
                pass

        with pytest.raises(DeviceError, match=r'called "Yeti": there is "default", "voiced_virt'):
            run(main())


def test_a_device_is_found_by_a_part_of_its_name(portaudio: PortAudio) -> None:
    async def main() -> AudioChunk:
        async with DeviceSource(portaudio, "VIRTUAL") as source:
            return await anext(source.blocks())

    assert len(run(main()).samples) == 320


def test_a_channel_that_it_does_not_have_is_said(portaudio: PortAudio) -> None:
    async def main() -> None:
        async with DeviceSource(portaudio, channel=40):
            pass

    with pytest.raises(DeviceError, match="32 channels"):
        run(main())


async def listen(source: DeviceSource) -> None:
    async for _ in source.blocks():
        pass


async def speak(sink: DeviceSink) -> None:
    while True:
        await sink.write(tone(440, 1_000, sink.rate_hz))


async def use_both(portaudio: PortAudio, after: asyncio.Event) -> list[BaseException | None]:
    """Listen and speak until neither can; `after` is set once both are at it."""
    async with DeviceSource(portaudio) as source, DeviceSink(portaudio) as sink:
        await anext(source.blocks())
        tasks = [asyncio.create_task(listen(source)), asyncio.create_task(speak(sink))]
        while not sink.played_samples:
            await asyncio.sleep(0.01)
        after.set()
        await asyncio.wait(tasks)
        with pytest.raises(DeviceError):
            await sink.drain()
        with pytest.raises(DeviceError):
            await anext(source.blocks())
        return [task.exception() for task in tasks]


def test_both_sides_end_when_the_sound_server_dies(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    async def main() -> list[BaseException | None]:
        used = asyncio.Event()
        both = asyncio.create_task(use_both(own_portaudio, used))
        await used.wait()
        own_pulse_server.kill()
        return await both

    for error in run(main()):
        assert isinstance(error, DeviceError)
        assert "has stopped: it was unplugged, or the sound server ended" in str(error)


def test_both_sides_end_when_the_sound_server_hangs(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    impatient = PortAudio(answer_s=0.3)

    async def main() -> list[BaseException | None]:
        used = asyncio.Event()
        both = asyncio.create_task(use_both(impatient, used))
        await used.wait()
        with own_pulse_server.frozen():
            errors = await both
            with pytest.raises(DeviceError, match="does not answer"):
                async with DeviceSource(impatient):
                    pass
        return errors

    del own_portaudio
    for error in run(main()):
        assert isinstance(error, DeviceError)
        assert "has stopped: the sound system no longer answers" in str(error)
    for thread in threading.enumerate():
        if thread.name == "portaudio":
            thread.join(PATIENCE_S)  # they ended with the server's return, or this fails below
            assert not thread.is_alive()


def test_the_devices_of_a_server_that_came_back_are_found(
    own_pulse_server: PulseServer, own_portaudio: PortAudio
) -> None:
    async def main() -> AudioChunk:
        async with DeviceSource(own_portaudio) as source:
            return await anext(source.blocks())

    run(main())
    own_pulse_server.kill()
    own_portaudio.refresh()
    with pytest.raises(DeviceError, match="no input device: plug one in"):
        run(main())
    with own_pulse_server:
        own_portaudio.refresh()
        assert len(run(main()).samples) == 320


def test_nothing_is_left_when_it_is_closed(portaudio: PortAudio) -> None:
    async def main() -> None:
        async with DeviceSource(portaudio) as source, DeviceSink(portaudio) as sink:
            await anext(source.blocks())
            await sink.write(tone(440, 50, sink.rate_hz))

    run(main())
    threads, files = native_threads(), open_files()
    for _ in range(5):
        run(main())
    assert threading.enumerate() == [threading.main_thread()]
    # The kernel takes a moment to forget a thread that has been joined.
    pause = threading.Event()
    for _ in range(100):
        if native_threads() <= threads:
            break
        pause.wait(0.01)
    assert native_threads() <= threads
    assert open_files() <= files


def native_threads() -> int:
    return len(os.listdir("/proc/self/task"))


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_the_sound_system_prints_is_not_shown(
    portaudio: PortAudio, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with DeviceSource(portaudio):
            pass

    run(main())
    unknown = ctypes.CDLL("libasound.so.2").snd_pcm_open
    assert unknown(ctypes.byref(ctypes.c_void_p()), b"no such device", 0, 0) < 0
    assert capfd.readouterr().err == ""
    os.write(2, b"heard again\n")
    assert capfd.readouterr().err == "heard again\n"
