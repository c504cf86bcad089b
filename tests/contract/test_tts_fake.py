"""The voice of the scripted scenes."""

from __future__ import annotations

from tests.contract.tts_contract import TtsContract
from tests.support.coded_speech import Codebook
from tests.support.fakes import FakeTts
from voiced.engines.contracts import TextToSpeech


class TestFakeTts(TtsContract):
    knows_word_ends = False

    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return FakeTts(Codebook())
