"""A ring of samples between a sound card's thread and the event loop."""

from __future__ import annotations

import threading

import numpy as np

from voiced.types import Samples


class SampleRing:
    """Carries samples from one thread that writes to one that reads, without allocating.

    Neither waits for the other: each moves only its own count, after its samples, and under
    CPython's lock the other sees that order. Only `drop`, which takes back what may be being read,
    excludes `read_into`; and there the reader, a sound card's thread, does without rather than
    wait.
    """

    def __init__(self, capacity_samples: int) -> None:
        self._buffer: Samples = np.zeros(capacity_samples, np.int16)
        self._written = 0
        self._read = 0
        self._reading = threading.Lock()

    @property
    def available_samples(self) -> int:
        """How many samples wait to be read."""
        return self._written - self._read

    @property
    def read_samples(self) -> int:
        """How many samples were read in all; those that were dropped do not count."""
        return self._read

    def write(self, samples: Samples) -> int:
        """Put in as many of `samples` as fit; returns how many."""
        capacity = len(self._buffer)
        count = min(len(samples), capacity - self.available_samples)
        begin = self._written % capacity
        until_end = min(count, capacity - begin)
        self._buffer[begin : begin + until_end] = samples[:until_end]
        self._buffer[: count - until_end] = samples[until_end:count]
        self._written += count
        return count

    def read_into(self, out: Samples) -> int:
        """Fill `out` from its beginning with what waits; returns how many samples that were."""
        if not self._reading.acquire(blocking=False):
            return 0
        try:
            capacity = len(self._buffer)
            count = min(len(out), self.available_samples)
            begin = self._read % capacity
            until_end = min(count, capacity - begin)
            out[:until_end] = self._buffer[begin : begin + until_end]
            out[until_end:count] = self._buffer[: count - until_end]
            self._read += count
            return count
        finally:
            self._reading.release()

    def drop(self, fade_samples: int) -> int:
        """Drop what waits but for its first `fade_samples`, which are faded out; returns how many.

        Called by the writer.
        """
        with self._reading:
            kept = min(fade_samples, self.available_samples)
            places = np.arange(self._read, self._read + kept) % len(self._buffer)
            ramp = np.linspace(1, 0, kept, endpoint=True, dtype=np.float32)
            self._buffer[places] = (self._buffer[places] * ramp).astype(np.int16)
            dropped = self.available_samples - kept
            self._written -= dropped
            return dropped
