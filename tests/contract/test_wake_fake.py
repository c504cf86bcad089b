"""The wake-word detector of the scripted scenes."""

from __future__ import annotations

from tests.contract.wake_contract import Spoken, WakeContract
from tests.support.coded_speech import Codebook, silence
from tests.support.fakes import FakeWake
from voiced.engines.contracts import WakeWordDetector
from voiced.types import Samples


class TestFakeWake(WakeContract):
    codebook = Codebook()

    def make_engine(self) -> WakeWordDetector:
        return FakeWake(self.codebook)

    def quiet(self, duration_ms: int) -> Samples:
        return silence(duration_ms)

    def say(self) -> list[Spoken]:
        return [Spoken(self.codebook.say("okay nabu"), "okay nabu", 420)]

    def say_otherwise(self) -> list[Samples]:
        return [self.codebook.say(text) for text in ("nabu okay", "okay", "what time is it")]
