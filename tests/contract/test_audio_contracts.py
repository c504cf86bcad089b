"""The sources and sinks that need no device; `tests/sound` has those that do."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from tests.contract.audio_contract import SinkContract, SourceContract
from tests.sound.signals import tone
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.simulated import SimulatedDuplex
from voiced.audio.wav import Pace, WavSink, WavSource


class TestFastWavSource(SourceContract):
    pace = Pace.FAST

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "a.wav"
        soundfile.write(self.path, tone(440, 1_000, 44_100), 44_100)

    def source(self) -> AudioSource:
        return WavSource(self.path, pace=self.pace)


class TestRealtimeWavSource(TestFastWavSource):
    pace = Pace.REALTIME


class TestSimulatedSource(SourceContract):
    def source(self) -> AudioSource:
        card = SimulatedDuplex()
        card.say(tone(440, 1_000))
        return card.source


class TestRealtimeWavSink(SinkContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "a.wav"

    def sink(self) -> AudioSink:
        return WavSink(self.path, rate_hz=22_050, pace=Pace.REALTIME)


class TestSimulatedSink(SinkContract):
    def sink(self) -> AudioSink:
        return SimulatedDuplex().sink
