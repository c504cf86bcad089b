"""Yes and no, as answers to a question of the assistant's."""

from __future__ import annotations

from voiced.skills.language import read_table
from voiced.skills.normalise import normalise


class Consent:
    """The words of one language; in a language without any nobody agrees to anything."""

    def __init__(self, language: str) -> None:
        table = read_table(language, "consent")
        self._yes = frozenset(table.get("yes", ()))
        self._no = frozenset(table.get("no", ()))
        self.all_right: str = table.get("all_right", "")
        """What is said after a no."""

    def given(self, text: str) -> bool | None:
        """True for a yes, False for a no, None for anything else; case and punctuation do not matter."""
        said = normalise(text)
        if said in self._yes:
            return True
        return False if said in self._no else None
