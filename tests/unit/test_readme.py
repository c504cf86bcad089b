"""What README shows is what there is."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.contract.tts_contract import TtsContract
from voiced.engines.contracts import BuildContext, TextToSpeech
from voiced.models import ModelStore

README = Path(__file__).parents[2] / "README.md"


class TestTheEngineInReadme(TtsContract):
    """The example engine keeps the contract of text to speech."""

    knows_word_ends = False

    @classmethod
    def make_engine(cls) -> TextToSpeech:
        found = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        assert found is not None
        module = ModuleType("readme_engine")
        sys.modules["readme_engine"] = module
        exec(found[1], module.__dict__)  # noqa: S102  # it is our own text
        return module.build(module.Options(), BuildContext(ModelStore(), Path("unused")))


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", README.read_text("utf-8")))
def test_its_pictures_are_there(picture: str) -> None:
    assert (README.parent / picture).is_file()
