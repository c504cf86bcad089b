"""Written text as a synthesiser should get it: what a person would read aloud, and nothing else.

Language models write for screens. espeak-ng, which gives Piper its phonemes too, reads "**Paris**"
as "asterisk asterisk Paris" and a smiley as "grinning face" (measured with both).
Each word that is spoken knows which of the written ones have been said with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates: the former end a C string, the latter are not UTF-8."""

_PICTURES: Final = re.compile(
    "[\u2600-\u2775\u2794-\u27bf\u2b00-\u2bff\U0001f000-\U0001f0ff\U0001f110-\U0001faff"
    "\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]\u200d?"
)
"""Emoji and dingbats with their modifiers. Other symbols ("°", "€", "+") are read and stay."""

_BULLET: Final = re.compile(r"^\s*(?:[-*•#>]+\s+)+")
_MARKUP: Final = re.compile(r"(?<!\w)(?:\*+|_+|`+|~~)(?=\S)|(?<=\S)(?:\*+|_+|`+|~~)(?!\w)")
_LINK: Final = re.compile(r"\[([^\[\]]+)\]\([^()\s]*\)")
_WORD: Final = re.compile(r"\S+")
_RAW_PHONEMES: Final = re.compile(r"\[{2,}")
"""Piper takes what stands in double brackets as phonemes; text never means that."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word as it is spoken; with it, the first `words_done` words of the written text are said.

    Written words are those of `str.split`. One with nothing to say in it is said with the next that
    has, or with the last of all.
    """

    text: str
    words_done: int


def spoken_text(text: str) -> str:
    """`text` on one line, without markup, pictures and control characters.

    Empty where no letter or digit is left: there is nothing to say then.
    """
    return " ".join(word.text for word in spoken_words(text))


def spoken_words(text: str) -> tuple[SpokenWord, ...]:
    """The words of `spoken_text(text)`, in order."""
    plain = _Traced(text, _word_numbers(text))
    plain = plain.replace(_CONTROL, " ").replace(_PICTURES, " ")
    plain = plain.replace(_BULLET, "").replace(_LINK, None)
    plain = plain.replace(_MARKUP, "").replace(_RAW_PHONEMES, "[")
    if not any(character.isalnum() for character in plain.text):
        return ()
    words = [
        (match.group(), plain.numbers[match.end() - 1]) for match in _WORD.finditer(plain.text)
    ]
    following = [number for _, number in words[1:]]
    done = [
        number - 1 if number == next_number else number
        for (_, number), next_number in zip(words, following, strict=False)
    ]
    return tuple(
        SpokenWord(word, words_done)
        for (word, _), words_done in zip(words, [*done, len(text.split())], strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Traced:
    """A text on its way, and for each character the number of the written word that it is from."""

    text: str
    numbers: list[int]

    def replace(self, pattern: re.Pattern[str], replacement: str | None) -> _Traced:
        """Put `replacement`, or the first group where it is None, in place of every match."""
        pieces: list[str] = []
        numbers: list[int] = []
        position = 0
        for match in pattern.finditer(self.text):
            start, end = match.span()
            inner = slice(*match.span(1)) if replacement is None else slice(start, start)
            pieces += self.text[position:start], replacement or "", self.text[inner]
            numbers += self.numbers[position:start]
            numbers += [self.numbers[start]] * len(replacement or "")
            numbers += self.numbers[inner]
            position = end
        return _Traced(
            "".join([*pieces, self.text[position:]]), [*numbers, *self.numbers[position:]]
        )


def _word_numbers(text: str) -> list[int]:
    """For each character how many words have begun at it."""
    numbers: list[int] = []
    begun = 0
    is_inside = False
    for character in text:
        begun += not is_inside and not character.isspace()
        is_inside = not character.isspace()
        numbers.append(begun)
    return numbers
