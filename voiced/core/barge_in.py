"""Has a person begun to speak while voiced speaks? Block by block; pure.

The echo canceller's filter estimates the echo in each block and subtracts it. How much of it is left over is
learned while nobody speaks; a person is what is louder than that, and sounds like speech.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from voiced.types import BLOCK_MS

_SILENCE_DBFS: Final = -90.0


@dataclass(frozen=True, slots=True)
class EchoLevels:
    """The levels of one block, in dBFS: what the microphone heard, the echo in it as estimated, the rest."""

    heard_dbfs: float = _SILENCE_DBFS
    echo_dbfs: float = _SILENCE_DBFS
    rest_dbfs: float = _SILENCE_DBFS


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeInSettings:
    """What counts as a person; the numbers are measured (`tests/measure/echo.py`).

    A block counts if it is speech with `speech_probability` and its rest is `margin_db` louder than
    what is left of the echo at most. `onset_ms` of such blocks within `window_ms` are a person.
    """

    speech_probability: float = 0.6
    margin_db: float = 6.0
    onset_ms: int = 60
    window_ms: int = 100


_REVERBERATION_DB: Final = 1.0
"""By how much the echo dies away in a block, at least: 20 ms of a reverberation time of 1.2 s. What is left
of an echo is longer than its estimate."""

_LEFT_RISE_DB: Final = 1.0
_LEFT_FALL_DB: Final = 0.15
"""How fast the estimate of what is left follows, a block: it is to be near the most that is left."""

_MOST_LEFT_DB: Final = 0.0
"""What is left at first, in relation to the echo: all of it."""

_LEAST_LEFT_DB: Final = -20.0
"""A filter does better for a while, and no better when somebody moves."""

_AUDIBLE_DBFS: Final = -50.0
"""An echo below this teaches nothing: the noise of the room is as loud."""

_NOT_SPEECH: Final = 0.3
"""Below this probability what is left is taken for echo."""


class BargeIn:
    """One for each microphone: what it learns of the echo holds from one answer to the next."""

    def __init__(self, settings: BargeInSettings | None = None) -> None:
        """Begin knowing nothing: the person must be louder than the whole echo."""
        self._settings = settings or BargeInSettings()
        self._left_db = _MOST_LEFT_DB
        self._echo_dbfs = _SILENCE_DBFS
        self._blocks: deque[int | None] = deque(maxlen=self._settings.window_ms // BLOCK_MS)

    @property
    def left_db(self) -> float:
        """How much of the echo is left by the filter, at most, in dB of the echo."""
        return self._left_db

    def begin(self) -> None:
        """Watch for a person from the next block on; what was heard before does not count."""
        self._blocks.clear()

    def process(self, probability: float, levels: EchoLevels, end_sample: int) -> int | None:
        """Take the next block; the sample where a person began, once that is certain with it.

        `probability` (0..1) is that of speech in what is left. To be called for every block, also
        while nothing is played. After a person it begins again.
        """
        faded_dbfs = self._echo_dbfs - _REVERBERATION_DB
        self._echo_dbfs = max(levels.echo_dbfs, faded_dbfs, _SILENCE_DBFS)
        over_db = levels.rest_dbfs - (self._echo_dbfs + self._left_db)
        if self._echo_dbfs > _AUDIBLE_DBFS and probability < _NOT_SPEECH:
            step_db = _LEFT_RISE_DB if over_db > 0 else -_LEFT_FALL_DB
            self._left_db = min(_MOST_LEFT_DB, max(_LEAST_LEFT_DB, self._left_db + step_db))
        is_person = (
            probability >= self._settings.speech_probability and over_db >= self._settings.margin_db
        )
        self._blocks.append(end_sample if is_person else None)
        counted = [block for block in self._blocks if block is not None]
        if len(counted) * BLOCK_MS < self._settings.onset_ms:
            return None
        self._blocks.clear()
        return counted[0]
