"""The language model of the scripted scenes."""

from __future__ import annotations

from tests.contract.llm_contract import LlmContract
from tests.support.fakes import FakeLlm
from voiced.engines.contracts import LanguageModel


class TestFakeLlm(LlmContract):
    cancel_polls = (0, 5, 50, 100)

    @classmethod
    def make_engine(cls) -> LanguageModel:
        return FakeLlm({cls.question: "The capital of France is Paris."})
