"""A stream of text, as a language model makes it, cut into clauses that can be spoken one by one.

The first clause is as short as it can sound natural, since a person waits for it. Later ones are
sentences, cut at a comma only where they are long: a synthesiser places its stress by what it sees.
Where a clause ends depends on the text alone, never on the pieces that it came in.
"""

from __future__ import annotations

import re
from typing import Final

_FIRST_LETTERS: Final = 10
"""Letters before a comma that make a first clause: about 0.6 s of speech, in which a board that makes
eight tokens a second has the next words ready. "Yes," alone would sound torn off."""

_LATER_LETTERS: Final = 50
"""Letters before a comma that make a later clause: about 3 s, a long breath."""

_LONGEST_CHARACTERS: Final = 200
"""Where text without any mark is cut, at a word: about 12 s of speech."""

_ENGLISH: Final = (
    "mr mrs ms dr prof sr jr st mt vs cf fig vol pp gen col sgt capt lt rev hon gov approx "
    "jan feb apr jun jul aug sept sep oct nov dec"
)
_SPANISH_GERMAN_FRENCH_ITALIAN: Final = (
    "sra srta dra ud uds ee uu nr bzw bzgl ca hr fr mme mlle dott sig"
)
_ABBREVIATIONS: Final = frozenset((*_ENGLISH.split(), *_SPANISH_GERMAN_FRENCH_ITALIAN.split()))
"""Words that go on after their point."""

_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
"""A letter, or letters with points between them: J (R. R. Tolkien), U.S, e.g."""

_NO_INITIALS: Final = frozenset({"i", "a.m", "p.m"})

_SENTENCE_MARKS: Final = frozenset("!?؟।。！？")
_MARK: Final = re.compile(
    r"(?:(?P<wide>[。！？，、；：]+)|(?P<run>[.!?…,;:؟।،؛]+))[\"'”’»)\]}」』）】》]*"
    r"|(?P<dash>—+|(?<=\s)[-–](?=\s))"
    r"|(?P<line>\n)"
)

_WORD_AT_END: Final = re.compile(r"[^\s\"'“‘«(\[{¿¡]*$")
_LIST_NUMBER: Final = re.compile(r"\W*\d{1,3}")
_IDEOGRAM: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SPACE: Final = re.compile(r"\s+")


class ClauseSplitter:
    """Cuts one reply. Feed it with `push`, end it with `flush`; the clauses come out in order.

    No word is lost or changed; white space is normalised, and what stands alone without a letter or
    digit is dropped. A word is broken only where it is longer than a clause may be (200 characters).
    """

    def __init__(self) -> None:
        self._pending = ""
        self._letters_needed = _FIRST_LETTERS

    def push(self, text: str) -> list[str]:
        """Take the next piece, of any length; the clauses that it completed."""
        self._pending = _SPACE.sub(_one_space, self._pending + text).lstrip()
        return self._cut(is_end=False)

    def flush(self) -> list[str]:
        """The rest, at the end of the reply."""
        clauses = self._cut(is_end=True)
        rest = _plain(self._pending)
        self._pending = ""
        return [*clauses, rest] if _letters(rest) else clauses

    def _cut(self, *, is_end: bool) -> list[str]:
        clauses: list[str] = []
        while (end := self._clause_end(is_end=is_end)) is not None:
            clause = _plain(self._pending[:end])
            self._pending = self._pending[end:].lstrip()
            if _letters(clause):
                clauses.append(clause)
                self._letters_needed = _LATER_LETTERS
        return clauses

    def _clause_end(self, *, is_end: bool) -> int | None:
        """Where the first clause of what is pending ends; None where that is not known yet."""
        text = self._pending
        for mark in _MARK.finditer(text):
            end = mark.end()
            if end > _LONGEST_CHARACTERS:
                break
            # A mark may go on ("?!", '."'), and what a point means depends on the word after it.
            seen = 2 if mark["run"] == "." else 1
            if not mark["line"] and len(text) < end + seen and not is_end:
                return None
            letters = _letters(text[:end])
            if letters and letters >= self._letters_needed_at(mark):
                return end
        # Two more: so far the marks of a whole clause have been looked at above.
        if len(text) < _LONGEST_CHARACTERS + 2 and not (is_end and len(text) > _LONGEST_CHARACTERS):
            return None
        space = text.rfind(" ", 0, _LONGEST_CHARACTERS + 1)
        return space if space > 0 else _LONGEST_CHARACTERS

    def _letters_needed_at(self, mark: re.Match[str]) -> float:
        """How many letters before `mark` make it the end of a clause: infinitely many, if none do."""
        never = float("inf")
        after = mark.string[mark.end() : mark.end() + 2]
        if mark["line"]:
            return 1
        if mark["dash"]:
            return self._letters_needed
        if mark["run"] and after and not after[0].isspace():
            return never
        if _SENTENCE_MARKS.intersection(mark[0]):
            return 1
        if mark["run"] != ".":
            return self._letters_needed
        if _goes_on(mark.string[: mark.start()], after[1:]):
            return never
        return self._letters_needed if after[1:].islower() else 1


def _goes_on(before: str, after: str) -> bool:
    """Whether the point behind `before` ends no sentence: it belongs to the word or the number."""
    found = _WORD_AT_END.search(before)
    word = found[0].casefold() if found else ""
    return (
        word in _ABBREVIATIONS
        or (word == "no" and after.isdigit())
        or (_INITIALS.fullmatch(word) is not None and word not in _NO_INITIALS)
        or _LIST_NUMBER.fullmatch(before) is not None
    )


def _letters(text: str) -> int:
    """The letters and digits of `text`; an ideogram takes as long to say as three."""
    return sum(map(str.isalnum, text)) + 2 * len(_IDEOGRAM.findall(text))


def _one_space(match: re.Match[str]) -> str:
    return "\n" if "\n" in match[0] else " "


def _plain(text: str) -> str:
    return " ".join(text.split())
