"""Written text as a synthesiser should get it: what a person would read aloud, and nothing else.

Language models write for screens. espeak-ng, which gives Piper its phonemes too, reads "**Paris**"
as "asterisk asterisk Paris" and a smiley as "grinning face" (measured with both).
"""

from __future__ import annotations

import re
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
_RAW_PHONEMES: Final = re.compile(r"\[{2,}")
"""Piper takes what stands in double brackets as phonemes; text never means that."""


def spoken_text(text: str) -> str:
    """`text` on one line, without markup, pictures and control characters.

    Empty where no letter or digit is left: there is nothing to say then.
    """
    plain = _PICTURES.sub(" ", _CONTROL.sub(" ", text))
    plain = _LINK.sub(r"\1", _BULLET.sub("", plain))
    plain = _RAW_PHONEMES.sub("[", _MARKUP.sub("", plain))
    if not any(character.isalnum() for character in plain):
        return ""
    return " ".join(plain.split())
