"""Voices in processes of their own keep the whole contract."""

from __future__ import annotations

from pathlib import Path

from tests.contract.tts_contract import TtsContract
from voiced.engines.contracts import BuildContext, TextToSpeech
from voiced.engines.tts import piper
from voiced.isolation import isolated
from voiced.models import ModelStore

CONTEXT = BuildContext(models=ModelStore(), cache_dir=Path("unused"), threads=1)


class TestIsolatedEspeak(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return isolated("tts", "espeak", None, CONTEXT)


class TestIsolatedPiper(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        options = piper.Options(voice="en_US-flite_rms-x_low")
        return isolated("tts", "piper", options, CONTEXT)
