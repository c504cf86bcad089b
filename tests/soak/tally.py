"""What became of all that a person asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Each question ends up in one of `answered`, `interrupted` (on purpose) and `lost`."""

    asked: int = 0
    answered: int = 0
    interrupted: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    """What should have been answered, and was not, or not to its end: a line each."""
    amiss: list[str] = field(default_factory=list)
    """Other things that should not happen: words that nobody asked for, a state that is not left."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost or amiss, and every question is accounted for."""
        return not self.lost and not self.amiss and self.asked == self.answered + self.interrupted
