"""Which of two readings is right, and how likely it is that none of its words is wrong."""

from __future__ import annotations

from voiced.engines.stt._sphinx_decoding import Reading

_LEAD_NEEDED = -30.0


def choose(expected: Reading, general: Reading | None) -> Reading:
    if general is None or not general.text:
        return expected
    if not expected.text:
        return general
    return expected if expected.score - general.score > _LEAD_NEEDED else general
