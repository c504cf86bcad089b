"""What the service manager is told, and when it is told nothing; on virtual time, to a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from tests.support.virtual_time import run_virtual
from voiced.errors import EngineError
from voiced.events import (
    AssistantEvent,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    SoundLost,
    SpeakerChanged,
)
from voiced.notify import Notifier
from voiced.pulse import Pulse

WATCHDOG_S = 20.0
BLOCK_S = 0.02
HEARD = Heard(-40.0, 0.0)
AWAY = MicrophoneChanged(MicrophoneState.AWAY, "no input device")
OPEN = MicrophoneChanged(MicrophoneState.OPEN)
MUTED = MicrophoneChanged(MicrophoneState.MUTED)


class Manager:
    """A service manager, and an assistant whose state is what the test says."""

    def __init__(self, folder: Path, watchdog_s: float | None = WATCHDOG_S) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        self.notifier = Notifier(str(folder / "notify"), watchdog_s)
        self.is_stalled = False
        self.threads_lost = 0
        self.lost = SoundLost()
        self.events: list[AssistantEvent] = []
        self._lines: list[str] = []

    def told(self) -> list[str]:
        """What it was told since it was asked last, line by line."""
        self._receive()
        lines, self._lines = self._lines, []
        return lines

    def _receive(self) -> None:
        while True:
            try:
                self._lines += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return

    async def rest(self, seconds: float) -> None:
        """Time passes, and the queue of messages does not fill up."""
        for _ in range(round(seconds)):
            await asyncio.sleep(1)
            self._receive()

    def close(self) -> None:
        self._socket.close()

    async def hear(self, pulse: Pulse, seconds: float) -> None:
        for _ in range(round(seconds / BLOCK_S)):
            await asyncio.sleep(BLOCK_S)
            pulse.observe(HEARD)
            self._receive()


Story = Callable[[Manager, Pulse], Coroutine[None, None, None]]


def play(folder: Path, story: Story, watchdog_s: float | None = WATCHDOG_S) -> None:
    manager = Manager(folder, watchdog_s)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pulse = Pulse(
            manager.notifier,
            manager.events.append,
            is_stalled=lambda: manager.is_stalled,
            threads_lost=lambda: manager.threads_lost,
            lost_so_far=lambda: manager.lost,
            clock_s=loop.time,
        )
        running = asyncio.create_task(pulse.run())
        try:
            await story(manager, pulse)
        finally:
            running.cancel()
            await asyncio.wait((running,))

    try:
        run_virtual(main())
    finally:
        manager.close()


def test_it_is_ready_once_the_microphone_delivers(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        await asyncio.sleep(1)
        assert "READY=1" not in manager.told()
        await manager.hear(pulse, 0.1)
        assert manager.told() == ["READY=1", "STATUS=listening"]
        await manager.hear(pulse, 1)
        assert manager.told() == []

    play(tmp_path, story)


def test_the_watchdog_is_fed_in_time_while_it_hears(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        await manager.hear(pulse, 100)
        fed = manager.told().count("WATCHDOG=1")
        assert 100 / WATCHDOG_S * 2 <= fed <= 100 / WATCHDOG_S * 5
        assert pulse.age_s is not None
        assert pulse.age_s < WATCHDOG_S / 2

    play(tmp_path, story)


def test_an_ear_that_stalls_is_told_of_by_silence(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        await manager.hear(pulse, 10)
        manager.told()
        # The microphone counts as open, and nothing comes out of the ear: it hangs, or the source does.
        await manager.rest(60)
        assert manager.told() == []
        assert pulse.age_s is not None
        assert pulse.age_s > WATCHDOG_S

    play(tmp_path, story)


def test_a_microphone_that_opens_and_delivers_nothing_is_a_stall(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        await manager.hear(pulse, 10)
        pulse.observe(AWAY)
        manager.is_stalled = True
        manager.told()
        await manager.rest(60)
        assert manager.told() == []

    play(tmp_path, story)


@pytest.mark.parametrize("state", [AWAY, MUTED])
def test_a_microphone_that_is_away_or_muted_is_none(
    tmp_path: Path, state: MicrophoneChanged
) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        await manager.hear(pulse, 10)
        manager.told()
        pulse.observe(state)
        (status,) = [line for line in manager.told() if line.startswith("STATUS=")]
        assert ("no input device" in status) == (state is AWAY)
        await manager.rest(100)
        assert manager.told().count("WATCHDOG=1") >= 100 / WATCHDOG_S * 2
        pulse.observe(OPEN)
        assert manager.told() == ["STATUS=listening"]

    play(tmp_path, story)


def test_one_that_starts_muted_is_ready_and_one_without_a_microphone_waits_for_it(
    tmp_path: Path,
) -> None:
    async def muted(manager: Manager, pulse: Pulse) -> None:
        pulse.observe(MUTED)
        assert "READY=1" not in manager.told(), "it is loading"
        pulse.loaded()
        assert "READY=1" in manager.told()

    async def muted_meanwhile(manager: Manager, pulse: Pulse) -> None:
        pulse.observe(AWAY)
        pulse.loaded()
        assert "READY=1" not in manager.told()
        pulse.observe(MUTED)
        assert "READY=1" in manager.told()

    async def away(manager: Manager, pulse: Pulse) -> None:
        pulse.observe(AWAY)
        await manager.rest(400)
        told = manager.told()
        assert "READY=1" not in told
        # Or the start would time out.
        assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in told)
        pulse.observe(OPEN)
        await manager.hear(pulse, 0.1)
        assert "READY=1" in manager.told()

    for story in (muted, muted_meanwhile, away):
        folder = tmp_path / story.__name__
        folder.mkdir()
        play(folder, story)


def test_a_speaker_that_is_away_is_told(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        pulse.observe(SpeakerChanged(is_there=True))
        await manager.hear(pulse, 0.1)
        assert manager.told() == ["READY=1", "STATUS=listening"]
        pulse.observe(SpeakerChanged(is_there=False, reason="no output device"))
        (status,) = manager.told()
        assert "without a speaker: no output device" in status
        pulse.observe(SpeakerChanged(is_there=True))
        assert manager.told() == ["STATUS=listening"]

    play(tmp_path, story)


def test_lost_sound_is_told_as_it_grows(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        manager.lost = SoundLost(2, 1)
        await manager.hear(pulse, 12)
        manager.lost = SoundLost(5, 1)
        await manager.hear(pulse, 12)
        # Other devices were opened: they begin to count anew.
        manager.lost = SoundLost(0, 0)
        await manager.hear(pulse, 12)
        assert manager.events == [SoundLost(2, 1), SoundLost(3, 0)]

    play(tmp_path, story, None)


def test_when_engines_hang_again_and_again_only_a_new_process_helps(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        manager.threads_lost = 3
        with pytest.raises(EngineError, match="begin afresh"):
            await pulse.run()

    play(tmp_path, story)


def test_a_reload_ends_with_being_ready(tmp_path: Path) -> None:
    async def story(manager: Manager, pulse: Pulse) -> None:
        pulse.again()
        assert manager.told() == [], "it never was"
        await manager.hear(pulse, 0.1)
        manager.told()
        manager.notifier.reloading()
        pulse.again()
        told = manager.told()
        assert told[0] == "RELOADING=1"
        assert told[2] == "READY=1"

    play(tmp_path, story)
