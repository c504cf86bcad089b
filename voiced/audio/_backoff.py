"""How long to wait before each attempt to open a device; has no clock."""

from __future__ import annotations

from typing import Final

_FIRST_S: Final = 0.1
LONGEST_S: Final = 2.0
"""So that a device that is back works within 3 s, the time to open it included."""


class Backoff:
    """Not at all, then 0.1 s, then twice as long each time, up to `LONGEST_S`."""

    def __init__(self) -> None:
        self._attempts = 0

    def next_s(self) -> float:
        """The wait before the next attempt."""
        wait_s = _FIRST_S * 2 ** (self._attempts - 1) if self._attempts else 0.0
        if wait_s < LONGEST_S:
            self._attempts += 1
        return min(wait_s, LONGEST_S)

    def reset(self) -> None:
        """The device works: the next attempt is the first one."""
        self._attempts = 0
