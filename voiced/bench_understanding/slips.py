"""The errors of a recogniser, simulated: words that sound alike, words that are lost, words too many.

Seeded with the sentence itself, so that every run and every machine makes the same ones. What sounds alike
is said by the pronunciations of pocketsphinx's dictionary (English), which no part of the skills knows, and
by the letters in other languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Final

from rapidfuzz.distance import Levenshtein

_SUBSTITUTED: Final = 0.6
_DROPPED: Final = 0.25
"""Shares of all errors; the rest are words too many. Chosen, not measured: most errors of recognisers are
words that sound alike."""

_NEIGHBOURS: Final = 6
_LEAST_ALIKE: Final = 0.4
"""A word is mistaken for one of so many that sound most like it, if they do that much (0..1)."""

_SHORT: Final = 3


class Slips:
    """Makes errors with the words of one vocabulary."""

    def __init__(self, language: str, vocabulary: Iterable[str]) -> None:
        """`vocabulary` are the words that the recogniser knows."""
        self._language = language
        self._words = sorted(set(vocabulary))
        self._alike: dict[str, Sequence[str]] = {}

    def spoil(self, text: str, errors: int) -> str:
        """`text` with so many words misheard; never empty, never `text` itself where it has words."""
        random = Random(f"{errors} {text}")
        words = text.split()
        for _ in range(errors):
            self._slip(words, random)
        return " ".join(words)

    def _slip(self, words: list[str], random: Random) -> None:
        place = random.randrange(len(words))
        kind = random.random()
        if kind < _SUBSTITUTED:
            words[place] = random.choice(self._like(words[place]))
        elif kind < _SUBSTITUTED + _DROPPED and len(words) > 1:
            del words[place]
        else:
            words.insert(place, random.choice(self._short))

    @cached_property
    def _short(self) -> Sequence[str]:
        """What a breath or a knock is heard as."""
        return [word for word in self._words if len(word) <= _SHORT]

    def _like(self, word: str) -> Sequence[str]:
        """The words that sound most like `word`, at least one."""
        if word not in self._alike:
            sound = self._sound(word)
            ranked = sorted(
                (
                    (Levenshtein.normalized_similarity(sound, self._sound(other)), other)
                    for other in self._words
                    if other != word
                ),
                reverse=True,
            )[:_NEIGHBOURS]
            alike = [other for likeness, other in ranked if likeness >= _LEAST_ALIKE]
            self._alike[word] = alike or [ranked[0][1]]
        return self._alike[word]

    def _sound(self, word: str) -> Sequence[str]:
        return self._pronunciations.get(word) or list(word)

    @cached_property
    def _pronunciations(self) -> dict[str, Sequence[str]]:
        if self._language != "en":
            return {}
        import pocketsphinx

        path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
        lines = path.read_text(encoding="utf-8").splitlines()
        return {word: sound.split() for word, _, sound in (line.partition(" ") for line in lines)}
