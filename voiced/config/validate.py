"""What no single value shows: settings that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from voiced.config.settings import Settings

_IN_ORDER: Final = (
    (
        "segmenter.end_probability",
        "segmenter.start_probability",
        "speech would end where it begins",
    ),
    ("endpointing.pause_ms", "endpointing.silence_ms", "an utterance would end before it pauses"),
    ("endpointing.silence_ms", "endpointing.max_silence_ms", "no pause may last longer than that"),
    ("endpointing.silence_ms", "segmenter.max_utterance_ms", "no silence could end an utterance"),
)
"""A key, another that must not be smaller, and what would come of it."""


def contradictions(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """The keys of each impossible combination, and one line that says what is wrong with it."""
    for small, large, reason in _IN_ORDER:
        low, high = _value(settings, small), _value(settings, large)
        if low > high:
            text = f"{small} ({low:g}) is more than {large} ({high:g}): {reason}"
            yield (small, large), text


def _value(settings: Settings, name: str) -> float:
    table, _, key = name.partition(".")
    return float(getattr(getattr(settings, table), key))
