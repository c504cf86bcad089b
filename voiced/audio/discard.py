"""A sink for answers that nobody wants to hear."""

from __future__ import annotations

import asyncio
from typing import Self

from voiced.errors import VoicedError
from voiced.types import Samples


class DiscardSink:
    """An `AudioSink` that takes everything at once and keeps nothing."""

    far_end = None
    underflow_count = 0

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.played_samples = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def write(self, samples: Samples) -> None:
        self.played_samples += len(samples)
        await asyncio.sleep(0)

    def flush(self) -> int:
        return 0

    async def drain(self) -> None:
        pass

    async def lost(self) -> VoicedError:
        return await asyncio.Future()
