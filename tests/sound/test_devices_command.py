"""`voiced devices`, on devices without hardware."""

from __future__ import annotations

import argparse
import asyncio
import json

import pytest

from voiced.audio.device import DeviceSource
from voiced.audio.portaudio import PortAudio
from voiced.cli import devices


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    devices.add_parser(parser.add_subparsers())
    args = parser.parse_args(["devices", *words])
    status: int = args.run(args)
    return status


def test_a_script_gets_every_device(
    portaudio: PortAudio, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert set(listed) == {"inputs", "outputs"}
    for direction in ("inputs", "outputs"):
        names = [device["name"] for device in listed[direction]]
        assert names == ["default", "voiced_virtual"]
        assert [device["default"] for device in listed[direction]] == [True, False]
        assert {16_000, 44_100, 48_000} <= set(listed[direction][0]["rates_hz"])
        assert listed[direction][0]["host_api"] == "ALSA"

    async def main(name: str) -> int:
        async with DeviceSource(portaudio, name) as source:
            return len((await anext(source.blocks())).samples)

    for device in listed["inputs"]:
        assert asyncio.run(main(device["name"])) == 320


def test_a_person_gets_a_table(portaudio: PortAudio, capsys: pytest.CaptureFixture[str]) -> None:
    del portaudio
    assert call() == 0
    shown = capsys.readouterr().out
    assert "microphones" in shown
    assert "speakers" in shown
    assert shown.count("voiced_virtual") == 2
    assert "44.1" in shown
