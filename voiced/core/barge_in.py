"""Has a person begun to speak while voiced speaks? Block by block; pure.

The echo canceller's filter estimates the echo in each block and subtracts it. How much of it the filter
leaves over is learned as it goes; a person is what is louder than that, and sounds like speech.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from voiced.types import BLOCK_MS, BLOCK_SAMPLES

_SILENCE_DBFS: Final = -90.0

_REVERBERATION_DB: Final = 1.0
"""By how much an echo dies away in a block, at least: 20 ms of a reverberation time of 1.2 s. The room goes
on for longer than the filter."""

_STEP_DB: Final = 0.2
"""How fast the usual remainder is followed, a block: 10 dB a second, as fast as the filter learns. A person
who talks on for half a second raises it by 5 dB."""

_SPREAD_DB: Final = 10.0
"""How much more than usual may be left: 95 of 100 blocks leave 4 to 9 dB more than the median one."""

_MOST_LEFT_DB: Final = 0.0
"""What may be left at first, in relation to the echo: all of it."""

_LEAST_LEFT_DB: Final = -12.0
"""However good the filter is: it is not when somebody moves, or at a sound that it never heard before. (With
-20, people 16 dB softer than the echo are noticed, and four times as many false ones.)"""

_AUDIBLE_DBFS: Final = -50.0
"""A softer echo teaches nothing: what is left of it is the noise of the room."""

_LOUD_PART_DB: Final = 6.0
"""Nor do those blocks that are softer by so much than the echo before them."""

_LEAST_TRUTH: Final = 0.1
"""What is taken out must make the sound softer by its own power (1), whoever talks; an estimate that has
nothing to do with the echo makes it louder by that (-1)."""

_MEMORY: Final = 0.8
"""How much of the powers of the blocks before counts for that: about 100 ms."""


@dataclass(frozen=True, slots=True)
class EchoLevels:
    """What the echo canceller's filter made of one block, in dBFS.

    What the microphone heard, the echo in it as estimated, and the rest; `over_db` says how much
    louder the rest is than what may be left of the echo, which is `left_db` in relation to it.
    """

    heard_dbfs: float = _SILENCE_DBFS
    echo_dbfs: float = _SILENCE_DBFS
    rest_dbfs: float = _SILENCE_DBFS
    left_db: float = _MOST_LEFT_DB
    over_db: float = 0.0


class EchoRemainder:
    """Learns how much of the echo the filter leaves over, at most."""

    def __init__(self) -> None:
        """Begin with a filter that is not trusted at all."""
        self._median_db = _MOST_LEFT_DB - _SPREAD_DB
        self._echo_dbfs = _SILENCE_DBFS
        self._taken_out = 0.0
        self._estimated = 0.0

    def levels(self, heard_dbfs: float, echo_dbfs: float, rest_dbfs: float) -> EchoLevels:
        """Judge the next block by those before it, and learn from it."""
        self._echo_dbfs = max(echo_dbfs, self._echo_dbfs - _REVERBERATION_DB, _SILENCE_DBFS)
        if self._is_lost(heard_dbfs, echo_dbfs, rest_dbfs):
            self._median_db = _MOST_LEFT_DB - _SPREAD_DB
        left_db = min(_MOST_LEFT_DB, max(_LEAST_LEFT_DB, self._median_db + _SPREAD_DB))
        rest_db = rest_dbfs - self._echo_dbfs
        if echo_dbfs > max(_AUDIBLE_DBFS, self._echo_dbfs - _LOUD_PART_DB):
            median_db = self._median_db + (_STEP_DB if rest_db > self._median_db else -_STEP_DB)
            # Kept where it matters: trust that takes long to lose is no good when the filter fails.
            least_db, most_db = _LEAST_LEFT_DB - _SPREAD_DB, _MOST_LEFT_DB - _SPREAD_DB
            self._median_db = min(most_db, max(least_db, median_db))
        return EchoLevels(heard_dbfs, echo_dbfs, rest_dbfs, left_db, rest_db - left_db)

    def _is_lost(self, heard_dbfs: float, echo_dbfs: float, rest_dbfs: float) -> bool:
        """Whether the filter's estimate lately was none of what was heard: the room has changed."""
        heard, echo, rest = (10 ** (level / 10) for level in (heard_dbfs, echo_dbfs, rest_dbfs))
        self._taken_out = _MEMORY * self._taken_out + heard - rest
        self._estimated = _MEMORY * self._estimated + echo
        is_audible = self._estimated * (1 - _MEMORY) > 10 ** (_AUDIBLE_DBFS / 10)
        return is_audible and self._taken_out < _LEAST_TRUTH * self._estimated


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeInSettings:
    """What counts as a person; the numbers are measured (`tests/measure/echo.py`).

    A block counts if it is speech with `speech_probability` and its rest is `margin_db` louder than
    what may be left of the echo. `onset_ms` of such blocks within `window_ms` are a person.
    """

    speech_probability: float = 0.8
    margin_db: float = 4.0
    onset_ms: int = 40
    window_ms: int = 60


class BargeIn:
    """Watches for a person, one after the other."""

    def __init__(self, settings: BargeInSettings | None = None) -> None:
        """Begin with nothing heard."""
        self._settings = settings or BargeInSettings()
        self._blocks: deque[int | None] = deque(maxlen=self._settings.window_ms // BLOCK_MS)

    def begin(self) -> None:
        """Watch from the next block on; what was heard before does not count."""
        self._blocks.clear()

    def process(self, probability: float, levels: EchoLevels, end_sample: int) -> int | None:
        """Take the next block; the sample where a person began, once they are certain with it.

        `end_sample` is where the block ends, `probability` (0..1) that of speech in what the front
        end gave. After a person it begins again.
        """
        is_person = (
            probability >= self._settings.speech_probability
            and levels.over_db >= self._settings.margin_db
        )
        self._blocks.append(end_sample - BLOCK_SAMPLES if is_person else None)
        counted = [block for block in self._blocks if block is not None]
        if len(counted) * BLOCK_MS < self._settings.onset_ms:
            return None
        self._blocks.clear()
        return counted[0]
