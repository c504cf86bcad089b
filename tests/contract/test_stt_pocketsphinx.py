"""The contract of speech to text over pocketsphinx, and what only it can do wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.stt_contract import SttContract
from voiced.engines.contracts import BuildContext
from voiced.engines.stt import pocketsphinx
from voiced.errors import ModelError
from voiced.skills.sentences import expected_sentences


class NoModels:
    """A `ModelLocator` that is never asked."""

    def path(self, model: str) -> Path:
        raise AssertionError(model)


def make_engine(cache_dir: Path) -> pocketsphinx.Pocketsphinx:
    context = BuildContext(NoModels(), cache_dir, sentences=lambda: expected_sentences("en"))
    return pocketsphinx.build(pocketsphinx.Options(), context)


class TestPocketsphinx(SttContract):
    texts = (
        "what time is it",
        "turn off the kitchen lights",
        "turn on the living room lights",
        "set a timer for ten minutes",
        "never mind",
    )

    @classmethod
    def make_engine(cls, cache_dir: Path) -> pocketsphinx.Pocketsphinx:
        return make_engine(cache_dir)


def test_language_without_a_model(tmp_path: Path) -> None:
    context = BuildContext(NoModels(), tmp_path, language="fi", sentences=lambda: ["yksi"])
    with pytest.raises(ModelError, match="fi"):
        pocketsphinx.build(pocketsphinx.Options(), context)
