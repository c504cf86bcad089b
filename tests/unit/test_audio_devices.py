"""Which device is meant, how it can be opened, and what is said where there is none."""

from __future__ import annotations

import argparse
import json
import sys
from types import ModuleType
from typing import Any

import pytest

from voiced.audio.devices import Device, Direction, StreamFormat, choose, negotiate
from voiced.audio.portaudio import PortAudio
from voiced.cli import devices as command
from voiced.errors import DeviceError


def device(name: str, *, index: int = 0, is_default: bool = False) -> Device:
    return Device(index, name, Direction.INPUT, "ALSA", 2, 48_000, is_default)


LAPTOP = device("HDA Intel PCH: ALC257 Analog", is_default=True)
CAMERA = device("HD Webcam: USB Audio", index=1)
HEADSET = device("Jabra Evolve: USB Audio", index=2)
ALL = (LAPTOP, CAMERA, HEADSET)


def test_without_a_name_it_is_the_default() -> None:
    assert choose(ALL, "", Direction.INPUT) is LAPTOP


@pytest.mark.parametrize("name", ["Jabra Evolve: USB Audio", "jabra", "EVOLVE: usb"])
def test_a_name_or_a_part_of_it_in_any_case(name: str) -> None:
    assert choose(ALL, name, Direction.INPUT) is HEADSET


def test_the_exact_name_wins_over_one_that_contains_it() -> None:
    short, longer = device("USB", index=3), device("USB 2", index=4)
    assert choose((longer, short), "USB", Direction.INPUT) is short


def test_the_same_device_under_two_interfaces_is_one() -> None:
    first, second = device("Mic", index=5), device("Mic", index=6)
    assert choose((first, second), "mic", Direction.INPUT) is first


def test_a_card_that_got_another_number_is_found_by_its_name() -> None:
    first, second = device("Twin: USB (hw:1,0)"), device("Twin: USB (hw:3,0)", index=1)
    assert choose((first, second), "Twin: USB (hw:3,0)", Direction.INPUT) is second
    # Its twin is gone, and with it the address from its name; or both have moved.
    left = device("Twin: USB")
    assert choose((CAMERA, left), "Twin: USB (hw:3,0)", Direction.INPUT) is left
    with pytest.raises(DeviceError, match='"Twin: USB" may be "Twin: USB \\(hw:1,0\\)"'):
        choose((first, second), "Twin: USB (hw:2,0)", Direction.INPUT)


@pytest.mark.parametrize(
    ("devices", "name", "message"),
    [
        ((), "", "no input device: plug one in, or start the sound server"),
        ((CAMERA, HEADSET), "", 'no input device is the default: name one of "HD Webcam: USB '),
        (ALL, "usb", '"usb" may be "HD Webcam: USB Audio", "Jabra Evolve: USB Audio": give more'),
        (
            ALL,
            "Yeti",
            'no input device is called "Yeti": there is "HDA Intel PCH: ALC257 Analog", ',
        ),
    ],
)
def test_what_cannot_be_chosen_is_said(
    devices: tuple[Device, ...], name: str, message: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        choose(devices, name, Direction.INPUT)
    assert str(caught.value).startswith(message)


def test_the_first_rate_and_then_the_first_channel_count_that_is_taken() -> None:
    asked: list[StreamFormat] = []

    def takes(wanted: StreamFormat) -> str | None:
        asked.append(wanted)
        return None if wanted == StreamFormat(48_000, 2) else "Invalid sample rate"

    assert negotiate(takes, (16_000, 48_000, 48_000), (1, 2, 2)) == StreamFormat(48_000, 2)
    assert [(wanted.rate_hz, wanted.channels) for wanted in asked] == [
        (16_000, 1),
        (16_000, 2),
        (48_000, 1),
        (48_000, 2),
    ]


def test_every_reason_of_a_device_that_takes_nothing_is_said_once() -> None:
    def takes(wanted: StreamFormat) -> str | None:
        return "Device unavailable" if wanted.channels == 2 else "Invalid number of channels"

    with pytest.raises(DeviceError) as caught:
        negotiate(takes, (16_000, 48_000), (1, 2))
    assert str(caught.value) == "Invalid number of channels; Device unavailable"


class _FakeLibrary(ModuleType):
    """sounddevice as far as listing goes, with two cards of the same make."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.default = argparse.Namespace(device={"input": 2, "output": -1})
        self.names = ("Twin: USB (hw:1,0)", "Twin: USB (hw:2,0)", "Single: USB (hw:3,0)", "Out")

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "hostapi": 0,
                "max_input_channels": 0 if name == "Out" else 1,
                "max_output_channels": 2 if name == "Out" else 0,
                "default_samplerate": 44_100.0,
            }
            for name in self.names
        ]

    def check_input_settings(self, _device: int, **_: object) -> None:
        raise self.PortAudioError("Device unavailable", -9985)

    check_output_settings = check_input_settings


@pytest.fixture
def fake_library(monkeypatch: pytest.MonkeyPatch) -> _FakeLibrary:
    library = _FakeLibrary()
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    return library


@pytest.mark.usefixtures("fake_library")
def test_names_leave_out_the_address_unless_it_alone_tells_them_apart() -> None:
    portaudio = PortAudio()
    names = [device.name for device in portaudio.devices(Direction.INPUT)]
    assert names == ["Single: USB", "Twin: USB (hw:1,0)", "Twin: USB (hw:2,0)"]
    assert [device.name for device in portaudio.devices(Direction.OUTPUT)] == ["Out"]
    assert not portaudio.devices(Direction.OUTPUT)[0].is_default


def test_a_card_is_called_the_same_whatever_its_number(fake_library: _FakeLibrary) -> None:
    portaudio = PortAudio()
    single = choose(portaudio.devices(Direction.INPUT), "Single: USB", Direction.INPUT)
    fake_library.names = ("Out", "Single: USB (hw:1,0)", "Twin: USB (hw:0,0)")
    renumbered = choose(portaudio.devices(Direction.INPUT), single.name, Direction.INPUT)
    assert (single.index, renumbered.index, renumbered.name) == (2, 1, "Single: USB")
    twin = choose(portaudio.devices(Direction.INPUT), "Twin: USB (hw:2,0)", Direction.INPUT)
    assert twin.index == 2


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["devices", *words])
    status: int = args.run(args)
    return status


@pytest.mark.usefixtures("fake_library")
def test_a_device_that_is_busy_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["inputs"][0] == {
        "name": "Single: USB",
        "default": True,
        "host_api": "ALSA",
        "channels": 1,
        "rates_hz": [],
        "default_rate_hz": 44_100,
    }
    assert call() == 0
    assert "Twin: USB (hw:1,0)" in capsys.readouterr().out


def test_a_machine_without_devices_is_told_what_to_do(
    fake_library: _FakeLibrary,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fake_library, "query_devices", list)
    assert call("--json") == 0
    assert json.loads(capsys.readouterr().out) == {"inputs": [], "outputs": []}
    assert call() == 0
    assert capsys.readouterr().out.splitlines() == [
        "no microphones: plug one in, or start the sound server",
        "no speakers: plug one in, or start the sound server",
    ]


class _Failing:
    """An importer that fails as sounddevice does."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def find_spec(self, name: str, *_: object) -> None:
        if name == "sounddevice":
            raise self._failure


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (OSError("PortAudio library not found"), "PortAudio is missing: install it with `sudo apt"),
        (ImportError("no module"), "the Python package sounddevice is missing"),
        (RuntimeError("Error initializing"), "the sound system does not start: Error initializ"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, message: str
) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Failing(failure), *sys.meta_path])
    with pytest.raises(DeviceError) as caught:
        PortAudio()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
