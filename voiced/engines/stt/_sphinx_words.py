"""How words are pronounced: the dictionary, and a guess for names that are not in it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from voiced.errors import ModelError

_log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 30

_ARPABET: Final = {
    "aɪɚ": "AY ER", "aɪə": "AY AH", "aʊɚ": "AW ER", "oːɹ": "AO R", "ɔːɹ": "AO R", "ɑːɹ": "AA R",
    "ɛɹ": "EH R", "eəɹ": "EH R", "ɪɹ": "IH R", "iəɹ": "IH R", "ʊɹ": "UH R", "iə": "IY AH",
    "eɪ": "EY", "aɪ": "AY", "ɔɪ": "OY", "aʊ": "AW", "oʊ": "OW", "əʊ": "OW", "iː": "IY", "uː": "UW",
    "ɑː": "AA", "ɔː": "AO", "oː": "AO", "ɜː": "ER", "əl": "AH L", "n̩": "AH N", "l̩": "AH L",
    "tʃ": "CH", "dʒ": "JH", "aː": "AA", "eː": "EY", "ææ": "AE",
    "a": "AE", "æ": "AE", "ɑ": "AA", "ɐ": "AH", "ʌ": "AH", "ə": "AH", "ɚ": "ER", "ɛ": "EH",
    "e": "EH", "ɪ": "IH", "ᵻ": "IH", "i": "IY", "ɔ": "AO", "o": "OW", "ɒ": "AA", "ʊ": "UH", "u": "UW",
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "ɾ": "T", "ʔ": "T",
    "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH",
    "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɫ": "L", "ɹ": "R", "r": "R", "j": "Y", "w": "W",
    "x": "K", "ç": "HH Y", "ɬ": "L", "ɲ": "N Y", "y": "UW", "ø": "ER",
}  # fmt: skip
"""espeak-ng's phonemes of American English, in IPA, as CMU's: the longest that fits is taken. The flap
is T: cmudict writes "water" as W AO T ER."""

_STRESS: Final = re.compile("[ˈˌ]")
_SYMBOL: Final = re.compile("|".join(sorted(_ARPABET, key=len, reverse=True)) + r"|ː|.")


def read_dictionary(path: Path, words: Collection[str] | None) -> dict[str, list[str]]:
    """The pronunciations that a dictionary in CMU's format has of `words`, each as "W ER D".

    Of all its words, where `words` is None.

    Raises `ModelError` where it cannot be read.
    """
    found: dict[str, list[str]] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                word, _, phones = line.partition(" ")
                if word.endswith(")"):
                    word = word[: word.rfind("(")]
                if words is None or word in words:
                    found.setdefault(word, []).append(" ".join(phones.split()))
    except (OSError, UnicodeDecodeError) as error:
        message = f"the pronunciation dictionary {path} cannot be read: {error}"
        raise ModelError(f"{message}; reinstall pocketsphinx or name another dictionary") from error
    return found


def write_dictionary(pronunciations: dict[str, list[str]], path: Path) -> None:
    """Write a dictionary in CMU's format."""
    with path.open("w", encoding="utf-8") as file:
        for word in sorted(pronunciations):
            for number, phones in enumerate(pronunciations[word], start=1):
                label = word if number == 1 else f"{word}({number})"
                file.write(f"{label} {phones}\n")


def guess_pronunciations(words: Iterable[str]) -> dict[str, list[str]]:
    """How espeak-ng pronounces `words`, in CMU's phones.

    A word that it cannot pronounce is left out, and a warning logged.
    """
    asked = sorted(set(words))
    if not asked:
        return {}
    command = [sys.executable, "-m", f"{__package__}._sphinx_espeak"]
    try:
        answer = subprocess.run(
            command,
            input="\n".join(asked),
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT_S,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("espeak-ng pronounces no names (%s); not understood: %s", error, asked)
        return {}
    guessed = {word: to_arpabet(ipa) for word, ipa in zip(asked, answer, strict=False)}
    for word in asked:
        if not guessed.get(word):
            _log.warning(
                "no pronunciation for %r: it will not be understood; spell it as said",
                word,
            )
    return {word: [phones] for word, phones in guessed.items() if phones}


def to_arpabet(ipa: str) -> str:
    """espeak-ng's IPA, phonemes joined by "_", as CMU's phones; "" where a sound is not English."""
    phones: list[str] = []
    for phoneme in _STRESS.sub("", ipa).split("_"):
        for symbol in _SYMBOL.findall(phoneme):
            if symbol == "ː":
                continue
            if symbol not in _ARPABET:
                return ""
            phones.append(_ARPABET[symbol])
    return " ".join(phones)
