"""A recogniser in a process of its own keeps the contract.

With expected sentences alone: whether questions are understood is no matter of processes.
"""

from __future__ import annotations

from pathlib import Path

from tests.contract.stt_contract import SttContract
from voiced.engines.contracts import BuildContext, SpeechToText
from voiced.engines.stt import pocketsphinx
from voiced.isolation import isolated
from voiced.models import ModelStore
from voiced.skills.sentences import expected_sentences


class TestIsolatedPocketsphinx(SttContract):
    # It counts the threads of this process.
    test_close_frees = None

    texts = ("what time is it", "turn off the kitchen lights", "never mind")

    @classmethod
    def make_engine(cls, cache_dir: Path) -> SpeechToText:
        context = BuildContext(
            ModelStore(), cache_dir, sentences=lambda: expected_sentences("en"), threads=1
        )
        options = pocketsphinx.Options(open_questions=False)
        return isolated("stt", "pocketsphinx", options, context)
