"""The voice activity detector of the scripted scenes."""

from __future__ import annotations

from tests.contract.vad_contract import VadContract
from tests.support.coded_speech import Codebook
from tests.support.fakes import FakeVad
from voiced.engines.contracts import VoiceActivityDetector
from voiced.types import Samples


class TestFakeVad(VadContract):
    def make_engine(self) -> VoiceActivityDetector:
        return FakeVad()

    def speech(self) -> Samples:
        return Codebook().say("what time is it now")
