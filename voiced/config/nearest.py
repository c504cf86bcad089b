"""What somebody meant who typed something else."""

from __future__ import annotations

from collections.abc import Iterable


def edit_distance(left: str, right: str) -> int:
    """The letters to insert, delete, change, or swap with the next to make one word the other.

    The "optimal string alignment" distance: a slip of the finger is one step.
    """
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        before, above, row = row, before, [i]
        for j, b in enumerate(right, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was most likely meant to be, or None where none is like it.

    Case and the choice between "-" and "_" do not count. Of a dotted key the last part alone may
    also match: the right key in the wrong table. The first of several as near as each other wins.
    """
    typed = _plain(word)
    best: str | None = None
    best_distance = max(1, len(typed) // 3) + 1
    keys = list(candidates)
    for candidate in keys:
        if abs(len(typed) - len(candidate)) >= best_distance:
            continue
        distance = edit_distance(typed, _plain(candidate))
        if distance < best_distance:
            best, best_distance = candidate, distance
    if best is not None:
        return best
    last = typed.rpartition(".")[2]
    return next((key for key in keys if _plain(key).rpartition(".")[2] == last), None)


def _plain(word: str) -> str:
    return word.casefold().replace("-", "_")
