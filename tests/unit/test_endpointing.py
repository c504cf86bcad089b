"""The patience that a transcript earns."""

from __future__ import annotations

import pytest

from voiced.core.endpointing import Evidence, patience_ms
from voiced.types import Transcript


@pytest.mark.parametrize(
    ("text", "confidence", "is_whole", "base_ms", "expected_ms"),
    [
        # What a skill does, well understood: short.
        ("what time is it", 0.9, True, 700, 300),
        ("what time is it", 0.3, True, 700, 300),
        # The same, badly understood: as long as ever.
        ("what time is it", 0.29, True, 700, 700),
        # Words that are no skill's: a question to the language model may go on.
        ("what time", 0.9, False, 700, 700),
        ("why is the sky", 0.1, False, 700, 700),
        # No word yet: long, however sure the recogniser is of it.
        ("", 1.0, False, 700, 1500),
        ("", 0.0, True, 700, 1500),
        # The configured silence bounds both sides.
        ("what time is it", 0.9, True, 200, 200),
        ("what time", 0.9, False, 200, 200),
        ("", 1.0, False, 2000, 2000),
        ("what time is it", 0.9, True, 2000, 300),
    ],
)
def test_patience(
    text: str, confidence: float, is_whole: bool, base_ms: int, expected_ms: int
) -> None:
    evidence = Evidence(Transcript(text, confidence), is_whole)
    assert patience_ms(evidence, base_ms) == expected_ms


def test_the_base_has_a_default() -> None:
    assert patience_ms(Evidence(Transcript("turn on the"))) == 700
