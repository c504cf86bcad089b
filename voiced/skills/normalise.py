"""One spelling for what recognisers write in many: case, marks, fillers, a leading wake phrase."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

_APOSTROPHES = str.maketrans(
    dict.fromkeys(
        "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}`",
        "'",
    )
)
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_KEPT_MARKS = re.compile(r"(?<=\d)[.,:](?=\d)|(?<=\w)'(?=\w)|[%°]")
_MARKS = re.compile(r"[^\w\s]|_")


def normalise(text: str, spellings: Mapping[str, str] | None = None) -> str:
    """`text` in lower case with single spaces and without punctuation.

    Apostrophes inside words, "%", "°" and the marks inside a number ("7:30", "21.5") stay; a hyphen
    becomes a space, and initials grow together ("T.V." is "tv"). `spellings` replaces whole words.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_APOSTROPHES)
    text = _INITIALS.sub(lambda match: match[0].replace(".", ""), text)
    kept = {match.start() for match in _KEPT_MARKS.finditer(text)}
    text = _MARKS.sub(lambda match: match[0] if match.start() in kept else " ", text)
    words = text.split()
    if spellings:
        words = [spellings.get(word, word) for word in words]
    return " ".join(words)


def strip_wake_phrase(text: str, phrases: Iterable[str]) -> str:
    """Normalised `text` without a wake phrase that leads it.

    The start of the phrase may be missing ("nabu what time is it"), since the sound of an utterance
    may begin inside it; "ok" is "okay". A text that is nothing but the phrase becomes "".
    """
    words = normalise(text).split()
    heard = ["okay" if word == "ok" else word for word in words]
    longest = 0
    for phrase in phrases:
        expected = ["okay" if word == "ok" else word for word in normalise(phrase).split()]
        for start in range(len(expected)):
            tail = expected[start:]
            if heard[: len(tail)] == tail:
                longest = max(longest, len(tail))
                break
    return " ".join(words[longest:])


def strip_fillers(text: str, fillers: Sequence[str]) -> str:
    """Normalised `text` without the fillers that lead it; unchanged where it has nothing else."""
    words = text.split()
    first = next((i for i, word in enumerate(words) if word not in fillers), 0)
    return " ".join(words[first:])
