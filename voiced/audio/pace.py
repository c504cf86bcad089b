"""How many blocks a microphone hands over at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Pace:
    """Set by whoever listens, read in the device's thread: more at once costs less, and comes later."""

    blocks_at_once: int = 1
