"""How often somebody may do something: so often at once, and so often a second."""

from __future__ import annotations


class Allowance:
    """A token bucket, without a clock of its own."""

    def __init__(self, burst: int, rate_hz: float) -> None:
        self._burst = burst
        self._rate_hz = rate_hz
        self._left = float(burst)
        self._spent_at_s: float | None = None

    def spend(self, now_s: float) -> float:
        """Do it once more; in how many seconds it would have been allowed (0.0: it is)."""
        if self._spent_at_s is not None:
            regained = (now_s - self._spent_at_s) * self._rate_hz
            self._left = min(self._burst, self._left + regained)
        self._spent_at_s = now_s
        self._left -= 1
        return max(0.0, -self._left / self._rate_hz)
