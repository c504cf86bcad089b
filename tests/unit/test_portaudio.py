"""PortAudio as something that hangs, fails to start, and comes back; the library is a fake."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import ModuleType
from typing import Any

import pytest

from voiced.audio.devices import Device, Direction, NoAnswerError, StreamFormat
from voiced.audio.portaudio import PortAudio
from voiced.errors import DeviceError

MICROPHONE = Device(0, "Mic", Direction.INPUT, "ALSA", 1, 48_000, is_default=True)


class _Error(Exception):
    pass


class _Stream:
    """Opening and closing it takes until they are let go on."""

    def __init__(self, library: _Library) -> None:
        self._library = library
        library.is_opening.set()
        assert library.may_open.wait(10)
        library.open_streams += 1

    def start(self) -> None:
        pass

    def abort(self) -> None:
        assert self._library.may_close.wait(10)

    def close(self) -> None:
        self._library.open_streams -= 1


class _Library(ModuleType):
    """sounddevice as far as starting it and opening a stream go."""

    PortAudioError = _Error

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.starts = 0
        self.is_started = True
        self.fails_to_start = False
        self.open_streams = 0
        self.is_opening = threading.Event()
        self.may_open = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()

    def _exit_handler(self) -> None:
        pass

    def _terminate(self) -> None:
        if not self.is_started:
            message = "not initialised"
            raise _Error(message)
        self.is_started = False

    def _initialize(self) -> None:
        if self.fails_to_start:
            message = "no memory"
            raise _Error(message)
        self.starts += 1
        self.is_started = True

    def RawInputStream(self, **_: Any) -> _Stream:  # noqa: N802  # as sounddevice calls it
        return _Stream(self)

    def query_hostapis(self) -> Any:
        message = "not initialised"
        raise _Error(message)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> _Library:
    fake = _Library()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


async def open_microphone(portaudio: PortAudio) -> Any:
    return await portaudio.open(
        MICROPHONE,
        StreamFormat(16_000, 1),
        block_samples=320,
        latency_ms=60,
        callback=lambda *_: None,
        on_finished=lambda: None,
    )


def test_a_start_that_failed_is_tried_again(library: _Library) -> None:
    portaudio = PortAudio()

    async def main() -> None:
        assert await portaudio.look_again()
        library.fails_to_start = True
        for _ in range(2):
            with pytest.raises(DeviceError, match="the sound system does not start: no memory"):
                await portaudio.look_again()
        with pytest.raises(DeviceError, match="lists no devices: not initialised"):
            portaudio.devices(Direction.INPUT)
        library.fails_to_start = False
        assert await portaudio.look_again()

    asyncio.run(main())
    assert library.starts == 2


def test_it_does_not_look_again_while_a_stream_is_open(library: _Library) -> None:
    portaudio = PortAudio()
    library.may_open.set()

    async def main() -> None:
        stream = await open_microphone(portaudio)
        assert not await portaudio.look_again()
        assert library.starts == 0
        await portaudio.close(stream)
        assert await portaudio.look_again()

    asyncio.run(main())


def test_what_is_loaded_late_is_missed_only_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    portaudio = PortAudio(is_loaded_late=True)

    async def main() -> None:
        with pytest.raises(DeviceError, match="the Python package sounddevice is missing"):
            await portaudio.look_again()
        monkeypatch.setitem(sys.modules, "sounddevice", _Library())
        assert await portaudio.look_again()

    asyncio.run(main())


def test_who_stops_opening_waits_until_nothing_is_open(library: _Library) -> None:
    portaudio = PortAudio()

    async def main() -> None:
        opening = asyncio.create_task(open_microphone(portaudio))
        await asyncio.to_thread(library.is_opening.wait)
        opening.cancel()
        await asyncio.sleep(0)
        assert not opening.done()
        library.may_open.set()
        await asyncio.wait((opening,))
        assert opening.cancelled()
        assert library.open_streams == 0
        assert await portaudio.look_again()

    asyncio.run(main())


def test_who_stops_waiting_for_a_turn_opens_nothing(library: _Library) -> None:
    portaudio = PortAudio()

    async def main() -> None:
        first = asyncio.create_task(open_microphone(portaudio))
        await asyncio.to_thread(library.is_opening.wait)
        library.is_opening.clear()
        second = asyncio.create_task(open_microphone(portaudio))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        library.may_open.set()
        await asyncio.wait((first, second))
        assert not library.is_opening.is_set()
        await portaudio.close(await first)

    asyncio.run(main())


def test_a_microphone_that_cannot_be_closed_is_given_up_and_closed_later(
    library: _Library,
) -> None:
    portaudio = PortAudio(answer_s=0.05)
    library.may_open.set()
    library.may_close.clear()

    async def main() -> None:
        stream = await open_microphone(portaudio)
        await portaudio.close(stream)
        assert library.open_streams == 1
        with pytest.raises(NoAnswerError):
            await portaudio.look_again()
        library.may_close.set()

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name == "portaudio":
            thread.join(10)
    assert library.open_streams == 0
