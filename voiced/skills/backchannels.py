"""What a listener says without wanting the turn: "mm-hm", "yeah", "I see"."""

from __future__ import annotations

import re
from typing import Final

from voiced.skills.language import read_table
from voiced.skills.normalise import normalise

_MOST: Final = 4
"""How many may follow each other: "yeah, yeah, okay"."""


class Backchannels:
    """Those of one language; a language without a list of them has none."""

    def __init__(self, language: str) -> None:
        phrases = read_table(language, "backchannels").get("phrases", ())
        one = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
        self._pattern = re.compile(rf"(?:{one})(?: (?:{one})){{0,{_MOST - 1}}}") if one else None

    def matches(self, text: str) -> bool:
        """Whether `text` is nothing but backchannels; case and punctuation do not matter."""
        return self._pattern is not None and bool(self._pattern.fullmatch(normalise(text)))
