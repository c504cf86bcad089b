"""How people ask for the rest of an answer that was cut off, and how it then begins."""

from __future__ import annotations

from voiced.skills.language import read_table
from voiced.skills.normalise import normalise


class Recall:
    """The phrases of one language; a language without any recalls nothing."""

    def __init__(self, language: str) -> None:
        table = read_table(language, "recall")
        self._phrases = frozenset(table.get("phrases", ()))
        self.again: str = table.get("again", "")
        """What is said before the answer that is given again."""

    def matches(self, text: str) -> bool:
        """Whether `text` asks for it; case and punctuation do not matter."""
        return normalise(text) in self._phrases
