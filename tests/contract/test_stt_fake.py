"""The recogniser of the scripted scenes."""

from __future__ import annotations

from pathlib import Path

from tests.contract.stt_contract import Spoken, SttContract
from tests.support.coded_speech import Codebook
from tests.support.fakes import FakeStt
from voiced.engines.contracts import SpeechToText


class TestFakeStt(SttContract):
    codebook = Codebook()

    @classmethod
    def make_engine(cls, cache_dir: Path) -> SpeechToText:
        return FakeStt(cls.codebook)

    @classmethod
    def load(cls, text: str) -> Spoken:
        return Spoken(text, cls.voice, cls.codebook.say(text))
