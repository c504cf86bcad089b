"""Where words end in a row of phonemes.

A phonemiser runs small words together ("of the" is one group of phonemes) and takes others apart
("12:30"), so groups cannot be counted. Each word's own phonemes are known, though: the row of all of
them is aligned with the phonemes as spoken by the smallest number of edits (Levenshtein), and a word
ends where its last phoneme comes to lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_STRESS: Final = "ˈˌ"
"""A word by itself is stressed; inside a sentence it may not be."""

_GAP: Final = " "


def joined(sentences: Sequence[Sequence[str]]) -> list[str]:
    """The phonemes of all sentences in one row, with a gap between two."""
    row: list[str] = []
    for phonemes in sentences:
        row += [*([_GAP] if row else []), *phonemes]
    return row


def word_ends_in_sentences(
    sentences: Sequence[Sequence[str]], words: Sequence[Sequence[str]]
) -> list[list[tuple[int, int]]]:
    """For each sentence, which words end in it (0, 1, ...), and after how many of its phonemes.

    `sentences` are phonemes with `" "` between groups, `words` those of each word said by itself.
    Takes time and memory of their product: 0.1 s for 400 words.
    """
    ends = _word_ends(joined(sentences), words)
    found: list[list[tuple[int, int]]] = []
    start = 0
    for phonemes in sentences:
        past = start + len(phonemes)
        found.append([(word, at - start) for word, at in enumerate(ends) if start < at <= past])
        start = past + 1
    return found


def _word_ends(spoken: Sequence[str], words: Sequence[Sequence[str]]) -> list[int]:
    """For each word the index into `spoken` just past its last phoneme; these never fall."""
    kept = [index for index, phoneme in enumerate(spoken) if _tells(phoneme)]
    written: list[str] = []
    ends: list[int] = []
    for word in words:
        sounds = [phoneme for phoneme in word if _tells(phoneme)]
        while sounds and sounds[-1] == _GAP:
            sounds.pop()
        written += sounds
        ends.append(len(written))
        written.append(_GAP)
    rows = _aligned([spoken[index] for index in kept], written[:-1])
    past_sound = [0]
    for index in kept:
        past_sound.append(past_sound[-1] if spoken[index] == _GAP else index + 1)
    return [past_sound[rows[end]] for end in ends]


def _tells(phoneme: str) -> bool:
    return phoneme == _GAP or (phoneme not in _STRESS and phoneme.isalnum())


def _aligned(spoken: Sequence[str], written: Sequence[str]) -> list[int]:
    """For 0 to all of the `written` phonemes, how many of the `spoken` ones have passed with them."""
    costs = _edit_costs(spoken, written)
    passed = [0] * (len(written) + 1)
    i, j = len(spoken), len(written)
    passed[j] = i
    while j > 0:
        if i > 0 and costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
            continue
        i -= int(i > 0 and costs[i, j] != costs[i, j - 1] + 1)
        j -= 1
        passed[j] = i
    return passed


def _edit_costs(spoken: Sequence[str], written: Sequence[str]) -> npt.NDArray[np.int32]:
    """The edits between every beginning of `spoken` and every one of `written`."""
    numbers = {phoneme: number for number, phoneme in enumerate({*spoken, *written})}
    rows = np.array([numbers[phoneme] for phoneme in spoken], np.int32)[:, None]
    columns = np.array([numbers[phoneme] for phoneme in written], np.int32)
    gap = numbers.get(_GAP, -1)
    # A gap never changes into a sound: that would shift a word by one.
    change = ((rows == gap) | (columns == gap)) + np.int8(1)
    change[rows == columns] = 0
    steps = np.arange(len(written) + 1, dtype=np.int32)
    costs = np.empty((len(spoken) + 1, len(written) + 1), np.int32)
    costs[0] = steps
    for i, changes in enumerate(change, 1):
        row = costs[i - 1] + 1
        np.minimum(row[1:], costs[i - 1, :-1] + changes, out=row[1:])
        # Leaving out written phonemes costs 1 each: a running minimum, on a slope of 1.
        costs[i] = np.minimum.accumulate(row - steps) + steps
    return costs
