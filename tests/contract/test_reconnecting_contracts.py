"""A microphone and a speaker that come back are a source and a sink like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.audio_contract import SinkContract, SourceContract
from tests.sound.signals import tone
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.reconnecting import ReconnectingSink, ReconnectingSource
from voiced.audio.simulated import SimulatedDuplex
from voiced.audio.wav import Pace, WavSink


class TestReconnectingSource(SourceContract):
    def source(self) -> AudioSource:
        card = SimulatedDuplex()
        card.say(tone(440, 1_000))
        return ReconnectingSource(lambda: card.source)


class TestReconnectingSink(SinkContract):
    def sink(self) -> AudioSink:
        return ReconnectingSink(lambda: SimulatedDuplex().sink, 16_000)


class TestReconnectingSinkAtAnotherRate(SinkContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "a.wav"

    def sink(self) -> AudioSink:
        def open_sink() -> AudioSink:
            return WavSink(self.path, rate_hz=22_050, pace=Pace.REALTIME)

        return ReconnectingSink(open_sink, 16_000)
