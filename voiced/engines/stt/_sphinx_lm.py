"""A trigram language model from sentences, in the ARPA format that pocketsphinx reads.

Each source of sentences is smoothed by itself after Witten and Bell (The zero-frequency problem, IEEE
Transactions on Information Theory 37, 1991) and the sources are mixed at fixed shares, so that one that
is large does not drown one that matters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

START: Final = "<s>"
END: Final = "</s>"
_ORDER: Final = 3

Gram = tuple[str, ...]


class Source:
    """The n-gram counts of one kind of sentences."""

    def __init__(self, sentences: Mapping[str, float] | Iterable[str], smoothing: float) -> None:
        """`sentences` are words separated by blanks, each counted once or with its weight.

        `smoothing` scales the share that every history leaves to words that never followed it; 1 is
        Witten and Bell's.
        """
        self._smoothing = smoothing
        self.counts: list[dict[Gram, float]] = [{} for _ in range(_ORDER + 1)]
        self._totals: dict[Gram, float] = {}
        self._followers: Counter[Gram] = Counter()
        weighted = sentences.items() if isinstance(sentences, Mapping) else _each_once(sentences)
        for sentence, weight in weighted:
            self._count((START, *sentence.split(), END), weight)
        for grams in self.counts[1:]:
            for gram, count in grams.items():
                history = gram[:-1]
                self._totals[history] = self._totals.get(history, 0.0) + count
                self._followers[history] += 1

    def _count(self, words: Gram, weight: float) -> None:
        for end in range(1, len(words) + 1):
            for order in range(1, min(_ORDER, end) + 1):
                gram = words[end - order : end]
                if gram != (START,):
                    self.counts[order][gram] = self.counts[order].get(gram, 0.0) + weight

    def probability(self, gram: Gram) -> float:
        """The probability of the last word of `gram` after the ones before it."""
        history = gram[:-1]
        total = self._totals.get(history, 0.0)
        if not history:
            return self.counts[1].get(gram, 0.0) / total if total else 0.0
        shorter = self.probability(gram[1:])
        if not total:
            return shorter
        reserve = self._smoothing * self._followers[history]
        return (self.counts[len(gram)].get(gram, 0.0) + reserve * shorter) / (total + reserve)


def _each_once(sentences: Iterable[str]) -> Iterable[tuple[str, float]]:
    return ((sentence, 1.0) for sentence in sentences)


def write_arpa(sources: Sequence[tuple[float, Source]], out: TextIO) -> None:
    """Write the mixture of `sources`, each with its share (the shares add up to 1)."""
    probabilities: list[dict[Gram, float]] = [{}]
    back_offs: list[dict[Gram, float]] = [{} for _ in range(_ORDER + 1)]

    def backed_off(gram: Gram) -> float:
        known = probabilities[len(gram)].get(gram)
        if known is not None:
            return known
        return back_offs[len(gram) - 1].get(gram[:-1], 1.0) * backed_off(gram[1:])

    for order in range(1, _ORDER + 1):
        grams = set[Gram]().union(*(source.counts[order] for _, source in sources))
        probabilities.append(
            {g: sum(share * source.probability(g) for share, source in sources) for g in grams}
        )
        kept: dict[Gram, float] = {}
        covered: dict[Gram, float] = {}
        for gram, probability in probabilities[order].items() if order > 1 else ():
            history = gram[:-1]
            kept[history] = kept.get(history, 0.0) + probability
            covered[history] = covered.get(history, 0.0) + backed_off(gram[1:])
        for history, mass in kept.items():
            back_offs[order - 1][history] = max(1 - mass, 1e-6) / max(1 - covered[history], 1e-6)
    probabilities[1][(START,)] = 1e-20
    _write(probabilities, back_offs, out)


def _write(
    probabilities: Sequence[Mapping[Gram, float]],
    back_offs: Sequence[Mapping[Gram, float]],
    out: TextIO,
) -> None:
    out.write("\\data\\\n")
    out.writelines(f"ngram {order}={len(probabilities[order])}\n" for order in range(1, _ORDER + 1))
    for order in range(1, _ORDER + 1):
        out.write(f"\n\\{order}-grams:\n")
        for gram, probability in sorted(probabilities[order].items()):
            out.write(f"{math.log10(max(probability, 1e-20)):.4f} {' '.join(gram)}")
            if order < _ORDER:
                out.write(f" {math.log10(back_offs[order].get(gram, 1.0)):.4f}")
            out.write("\n")
    out.write("\n\\end\\\n")
