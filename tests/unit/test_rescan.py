"""PortAudio looks again what devices there are, and closes what works only where that may help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted_devices import Devices, Microphone, Speaker, Try
from tests.support.virtual_time import run_virtual
from voiced.audio.devices import NoAnswerError
from voiced.audio.reconnecting import ReconnectingSink, ReconnectingSource
from voiced.audio.rescan import Rescan, sound_system
from voiced.errors import DeviceError
from voiced.events import MicrophoneState
from voiced.types import BLOCK_SAMPLES, AudioChunk

OPEN, AWAY, MUTED = MicrophoneState.OPEN, MicrophoneState.AWAY, MicrophoneState.MUTED

SECOND = np.ones(16_000, np.int16)


class Machine:
    """A microphone and a speaker behind a PortAudio that knows what there was when it last looked."""

    def __init__(self, *speaker_tries: Try) -> None:
        self.plugged = {"microphone", "speaker"}
        self.listed: set[str] = set()
        self.looks_s: list[float] = []
        self.look_takes_s = 0.005
        self.hangs = False
        self.system = "two cards"
        self.told: list[object] = []
        self.microphone = Devices(Try(opens_in_s=0.02, closes_in_s=0.002))
        self.speaker = Devices(*speaker_tries, Try(opens_in_s=0.02, closes_in_s=0.002))
        rescan = Rescan(self.look_again, lambda: self.system)
        self.source = ReconnectingSource(
            self._open_microphone, lambda state, _: self.told.append(state), rescan=rescan
        )
        self.sink = ReconnectingSink(
            self._open_speaker,
            16_000,
            lambda is_there, _: self.told.append(is_there),
            rescan=rescan,
        )
        self.chunks: list[AudioChunk] = []

    async def look_again(self) -> bool:
        if self.microphone.open_now or self.speaker.open_now:
            return False
        opening = self.microphone.opening_now + self.speaker.opening_now
        assert not opening, "it would be opened by a number of the list before"
        await asyncio.sleep(self.look_takes_s)
        self.looks_s.append(round(asyncio.get_running_loop().time(), 3))
        self.listed = set(self.plugged)
        return True

    def _open_microphone(self) -> Microphone:
        if self.hangs:
            raise NoAnswerError("the sound system does not answer")
        if "microphone" not in self.listed & self.plugged:
            raise DeviceError("no microphone")
        return self.microphone.microphone()

    def _open_speaker(self) -> Speaker:
        if "speaker" not in self.listed & self.plugged:
            raise DeviceError("no speaker")
        return self.speaker.speaker()

    async def _listen(self) -> None:
        async for chunk in self.source.blocks():
            self.chunks.append(chunk)

    def run(self, script: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self.sink, self.source:
                listening = asyncio.create_task(self._listen())
                await script()
                listening.cancel()
                await asyncio.wait((listening,))

        run_virtual(main())

    def unplug(self, name: str, *, cards: str = "one card") -> None:
        self.plugged.discard(name)
        self.system = cards

    def pull(self, name: str) -> None:
        """Unplug it while it is being used."""
        self.unplug(name, cards=f"{self.system}, without {name}")
        getattr(self, name).is_plugged = False

    def plug_in(self, name: str, *, cards: str = "two cards") -> None:
        self.plugged.add(name)
        getattr(self, name).is_plugged = True
        self.system = cards


def test_both_are_opened_after_one_look() -> None:
    machine = Machine()

    async def script() -> None:
        assert (machine.sink.is_there, machine.source.state) == (True, OPEN)
        await asyncio.sleep(1_000)

    machine.run(script)
    assert len(machine.looks_s) == 1
    assert machine.told == [True, OPEN]


def test_a_card_that_comes_later_is_found_by_a_blink_of_the_other_side() -> None:
    machine = Machine()
    machine.unplug("microphone")

    async def script() -> None:
        await asyncio.sleep(60)
        assert (machine.sink.is_there, machine.source.state) == (True, AWAY)
        looks = len(machine.looks_s)
        begun_s = asyncio.get_running_loop().time()
        machine.plug_in("microphone")
        while machine.source.state is AWAY:
            await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - begun_s < 3.0
        assert len(machine.looks_s) == looks + 1

    machine.run(script)
    assert machine.told == [True, AWAY, OPEN]


@pytest.mark.parametrize("name", ["microphone", "speaker"])
def test_without_a_new_card_the_other_side_blinks_twice_and_then_every_five_minutes(
    name: str,
) -> None:
    machine = Machine()
    machine.unplug(name)

    async def script() -> None:
        await asyncio.sleep(1_000)

    machine.run(script)
    other = machine.speaker if name == "microphone" else machine.microphone
    blinks_s = other.attempts_s[1:]
    soon_s = [blink_s for blink_s in blinks_s if blink_s < 5]
    # When it was first missed, if PortAudio had not just looked, and when a new card has settled.
    assert len(soon_s) <= 2
    assert 2 < soon_s[-1] < 4
    later_s = [soon_s[-1] + wait_s for wait_s in (300, 600, 900)]
    assert blinks_s[len(soon_s) :] == pytest.approx(later_s, abs=7)
    assert machine.told in ([True, AWAY], [False, OPEN])


def test_a_blink_is_short_and_leaves_no_gap() -> None:
    machine = Machine()
    machine.unplug("speaker")

    async def script() -> None:
        await asyncio.sleep(10)
        attempts = len(machine.microphone.attempts_s)
        heard = len(machine.chunks)
        machine.plug_in("speaker")
        await asyncio.sleep(3)
        assert machine.sink.is_there
        assert len(machine.microphone.attempts_s) == attempts + 1
        # Of three seconds so much was not heard.
        assert 0 < 150 - (len(machine.chunks) - heard) <= 4

    machine.run(script)
    assert machine.told == [False, OPEN, True]
    expected = [number * BLOCK_SAMPLES for number in range(len(machine.chunks))]
    assert [chunk.start_sample for chunk in machine.chunks] == expected


def test_the_speaker_does_not_blink_while_it_plays() -> None:
    machine = Machine()
    machine.unplug("microphone")

    async def speak(clauses: int) -> None:
        for _ in range(clauses):
            await machine.sink.write(SECOND)
            await machine.sink.drain()
            # The next clause is being made.
            await asyncio.sleep(0.4)

    async def script() -> None:
        await asyncio.sleep(10)
        speaking = asyncio.create_task(speak(5))
        await asyncio.sleep(0.1)
        machine.plug_in("microphone")
        looks = len(machine.looks_s)
        await speaking
        assert len(machine.looks_s) == looks
        assert machine.source.reason.endswith("waiting until nothing is played")
        await asyncio.sleep(3)
        assert machine.source.state is OPEN

    machine.run(script)
    assert machine.sink.played_samples == 5 * 16_000
    assert machine.told == [True, AWAY, OPEN]


def test_who_writes_during_a_blink_waits_for_its_end() -> None:
    machine = Machine()
    machine.look_takes_s = 0.1
    machine.unplug("microphone")

    async def script() -> None:
        await asyncio.sleep(10)
        machine.plug_in("microphone")
        while machine.speaker.open_now:
            await asyncio.sleep(0.001)
        assert machine.sink.flush() == 0
        assert machine.sink.is_there
        assert machine.sink.far_end is None
        await machine.sink.write(SECOND)
        await machine.sink.drain()
        assert machine.sink.played_samples == len(SECOND)

    machine.run(script)


def test_who_writes_during_a_blink_that_ends_with_another_rate_is_told() -> None:
    # Opened, and two blinks before this one.
    machine = Machine(*[Try(rate_hz=48_000)] * 3)
    machine.look_takes_s = 0.1
    machine.unplug("microphone")

    async def script() -> None:
        await asyncio.sleep(10)
        machine.plug_in("microphone")
        while machine.speaker.open_now:
            await asyncio.sleep(0.001)
        assert machine.sink.rate_hz == 48_000
        with pytest.raises(DeviceError, match="the speaker has changed"):
            await machine.sink.write(SECOND)
        assert machine.sink.rate_hz == 16_000

    machine.run(script)


def test_what_is_muted_during_a_blink_stays_closed() -> None:
    machine = Machine()
    machine.look_takes_s = 0.1
    machine.unplug("speaker")

    async def script() -> None:
        await asyncio.sleep(10)
        machine.plug_in("speaker")
        while machine.microphone.open_now:
            await asyncio.sleep(0.001)
        await machine.source.mute()
        assert machine.source.state is MUTED
        await asyncio.sleep(5)
        assert machine.microphone.open_now == 0
        assert machine.sink.is_there
        await machine.source.unmute()
        assert machine.source.state is OPEN

    machine.run(script)
    assert machine.told == [False, OPEN, MUTED, True, OPEN]


def test_what_is_left_during_a_blink_leaves_the_other_side_open() -> None:
    machine = Machine()
    machine.look_takes_s = 0.1
    machine.unplug("microphone")

    async def main() -> None:
        async with machine.sink:
            async with machine.source:
                await asyncio.sleep(10)
                machine.plug_in("microphone")
                while machine.speaker.open_now:
                    await asyncio.sleep(0.001)
            await asyncio.sleep(0.1)
            assert machine.sink.is_there
            assert machine.speaker.open_now == 1

    run_virtual(main())
    assert machine.told == [True, AWAY]


def test_a_blink_that_does_not_end_well_is_told() -> None:
    machine = Machine()
    machine.unplug("microphone")

    async def script() -> None:
        await asyncio.sleep(10)
        machine.unplug("speaker", cards="no card")
        await asyncio.sleep(3)
        assert not machine.sink.is_there
        machine.plug_in("speaker")
        await asyncio.sleep(3)
        assert machine.sink.is_there

    machine.run(script)
    assert machine.told == [True, AWAY, False, True]


def test_a_sound_system_that_hangs_is_no_reason_to_close_what_works() -> None:
    machine = Machine()
    machine.hangs = True

    async def script() -> None:
        await asyncio.sleep(1)

    machine.run(script)
    assert machine.speaker.attempts_s == [0.005]


def test_a_look_that_fails_is_a_failed_attempt() -> None:
    looks: list[float] = []

    async def look() -> bool:
        looks.append(round(asyncio.get_running_loop().time(), 3))
        raise DeviceError("PortAudio is missing")

    async def main() -> None:
        rescan = Rescan(look, str)
        async with ReconnectingSource(Devices(Try()).microphone, rescan=rescan) as source:
            assert source.reason == "PortAudio is missing"
            await asyncio.sleep(1)

    run_virtual(main())
    assert looks == [0, 0.1, 0.3, 0.7]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["pull", "plug_in"]),
        st.sampled_from(["microphone", "speaker"]),
        st.sampled_from(["", "mute", "unmute"]),
        st.sampled_from([0.0, 0.001, 0.021, 0.03, 0.3, 1.0, 4.0]),
    ),
    max_size=15,
)


@given(acts=ACTS)
def test_whatever_is_plugged_in_and_out_both_work_soon_after(
    acts: list[tuple[str, str, str, float]],
) -> None:
    machine = Machine()

    async def script() -> None:
        asked: list[asyncio.Task[None]] = []
        for plug, name, mute, wait_s in acts:
            getattr(machine, plug)(name)
            if mute:
                asked.append(asyncio.create_task(getattr(machine.source, mute)()))
            await asyncio.sleep(wait_s)
            assert machine.microphone.open_now == 0 or machine.source.state is not MUTED
        await asyncio.gather(*asked)
        await machine.source.unmute()
        machine.plug_in("microphone")
        machine.plug_in("speaker", cards="all cards")
        await asyncio.sleep(3)
        assert (machine.sink.is_there, machine.source.state) == (True, OPEN)

    machine.run(script)
    for kind in (bool, MicrophoneState):
        told = [each for each in machine.told if isinstance(each, kind)]
        assert all(before is not after for before, after in pairwise(told))


def test_the_text_of_the_sound_system_changes_with_cards_access_and_servers(tmp_path: Path) -> None:
    runtime = tmp_path / "run/user/1000"
    environ = {"XDG_RUNTIME_DIR": str(runtime), "PULSE_SERVER": f"unix:{tmp_path}/server"}

    def seen() -> str:
        text = sound_system(environ, tmp_path)
        assert text == sound_system(environ, tmp_path)
        return text

    texts = [seen()]
    assert texts == [""]
    (tmp_path / "proc/asound").mkdir(parents=True)
    (tmp_path / "proc/asound/cards").write_text(" 0 [PCH            ]: HDA-Intel\n")
    texts.append(seen())
    (tmp_path / "dev/snd").mkdir(parents=True)
    (tmp_path / "dev/snd/pcmC0D0c").touch()
    texts.append(seen())
    for socket in (runtime / "pulse/native", runtime / "pipewire-0", tmp_path / "server"):
        socket.parent.mkdir(parents=True, exist_ok=True)
        socket.touch()
        texts.append(seen())
    restarted = tmp_path / "new"
    restarted.touch()
    restarted.rename(tmp_path / "server")
    texts.append(seen())
    assert len(set(texts)) == len(texts)
