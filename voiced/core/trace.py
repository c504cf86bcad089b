"""What became of a turn, for whoever wants to know where its time and work went. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voiced.types import ReplyPath


class Fate(StrEnum):
    """What became of a revision."""

    COMMITTED = "committed"
    """The person had finished: this is what was answered, if only until somebody interrupted."""
    DROPPED = "dropped"
    """The person went on, or somebody stopped it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One reading of an utterance, and the answer that was prepared for it.

    Times are in milliseconds on the turn's line (`core/timeline.py`): `said_until_ms` is the last sound that
    was read, `read_ms` when that was done, `ready_ms` when the answer's first sound was. Tokens are those of
    the language model's context before its answer.
    """

    text: str
    confidence: float
    path: ReplyPath
    said_until_ms: float
    read_ms: float
    patience_ms: int | None = None
    """How long the pause after it might last; None where it was read after the end."""
    end_share: float | None = None
    end_probability: float | None = None
    context_tokens: int = 0
    reused_tokens: int = 0
    ready_ms: float | None = None
    speech_ms: float = 0.0
    """How much speech was made for it."""
    survived: int = 0
    """How often the person made another sound, and what was said was the same."""
    fate: Fate = Fate.DROPPED


@dataclass(frozen=True, slots=True)
class Trace:
    """Every revision of a turn, in order."""

    revisions: tuple[Revision, ...] = ()

    @property
    def wasted_tokens(self) -> int:
        """The tokens that were evaluated for answers that nobody wanted."""
        return sum(r.context_tokens - r.reused_tokens for r in self._dropped)

    @property
    def wasted_speech_ms(self) -> float:
        """The speech that was made and never played."""
        return sum(r.speech_ms for r in self._dropped)

    @property
    def _dropped(self) -> tuple[Revision, ...]:
        return tuple(r for r in self.revisions if r.fate is Fate.DROPPED)
