"""A microphone and a speaker with a clock each, and how well a `FarEnd` keeps them together.

Now and then the speaker plays a click. When it is heard and when it is taken, both as the microphone counts,
says by how much the canceller is told of it in advance. That is to stay the same for days.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from voiced.audio.far_end import MEMORY_MS, FarEnd
from voiced.types import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Samples

BLOCK_S: Final = BLOCK_SAMPLES / SAMPLE_RATE_HZ
HEARD_AFTER_S: Final = 0.01
"""The microphone's own latency."""

EAR_S: Final = 6e-4
"""What the ear takes for a block while a late one waits for it."""

CLICK_S: Final = 2.5e-4
"""A click is a bell curve, so wide that every rate here holds it."""

WANDER_S: Final = 3600.0

Gaps = tuple[tuple[float, float], ...]
"""When, and for how long, in seconds."""


@dataclass(frozen=True, kw_only=True)
class TwoClocks:
    """Two devices and the machine between them; the microphone's clock is the right one.

    The speaker's runs `ppm` millionths faster, and by up to `wander_ppm` more or less in the course
    of an hour. Calls are late by `late_ms` on average, one in a hundred by up to 30 ms, and all of them
    by some `busy_ms` that change within seconds. `heard_together` and `put_together` say how many calls
    come at once; from `lazy_s` on the speaker calls for three blocks when it needs the first. The
    reader stands still in `stalls`, and what is `unheard` or `unplayed` is lost; in `away` the
    microphone is, and is opened again. `opens_s` is when the speaker is opened.
    """

    seconds: float = 240.0
    ppm: float = 0.0
    wander_ppm: float = 0.0
    rate_hz: int = SAMPLE_RATE_HZ
    put_samples: int = BLOCK_SAMPLES
    buffer_ms: float = 60.0
    late_ms: float = 0.3
    busy_ms: float = 0.0
    heard_together: int = 1
    put_together: int = 1
    lazy_s: float = math.inf
    stalls: Gaps = ()
    unheard: Gaps = ()
    unplayed: Gaps = ()
    away: Gaps = ()
    opens_s: float = 0.5
    clicks_every_s: float = 2.0
    seed: int = 1


@dataclass(frozen=True)
class Lead:
    """A click that the speaker played at `at_s` was taken `lead_ms` before the microphone could hear it."""

    at_s: float
    lead_ms: float


def leads(clocks: TwoClocks, make: Callable[[int, Callable[[], float]], FarEnd]) -> list[Lead]:
    """What becomes of the clicks; those that were cut to pieces are left out."""
    now_s = 0.0
    far_end = make(clocks.rate_hz, lambda: now_s)
    silence = np.zeros(clocks.put_samples, np.int16)
    click = _click(clocks)
    puts = _puts(clocks)
    put_s, played_s = next(puts)
    next_click_s = clocks.opens_s
    clicks: list[float] = []
    found: list[Lead] = []
    weight = moment = 0.0
    is_away = False
    for taken_s, heard_s in _takes(clocks):
        while put_s <= taken_s:
            now_s = put_s
            if played_s >= next_click_s:
                next_click_s += clocks.clicks_every_s
                clicks.append(played_s + clocks.put_samples // 2 / clocks.rate_hz)
                far_end.put(click)
            else:
                far_end.put(silence)
            put_s, played_s = next(puts)
        now_s = taken_s
        was_away, is_away = is_away, _is_in(heard_s, clocks.away)
        if is_away:
            continue
        if was_away:
            far_end.restart()
        taken = far_end.take(BLOCK_SAMPLES)
        if taken.any():
            weight += taken.sum(dtype=float)
            moment += (taken * (heard_s + np.arange(len(taken)) / SAMPLE_RATE_HZ)).sum()
        elif weight:
            at_s = min(clicks, key=lambda played_s: abs(played_s - moment / weight))
            if math.isclose(weight, click.sum() * SAMPLE_RATE_HZ / clocks.rate_hz, rel_tol=0.02):
                found.append(Lead(at_s, 1000 * (at_s - moment / weight)))
            clicks = [other_s for other_s in clicks if other_s > at_s - 10]
            weight = moment = 0.0
    return found


def _takes(clocks: TwoClocks) -> Iterator[tuple[float, float]]:
    """When the ear takes a block, and when the microphone began to hear it."""
    late = _lateness(clocks, seed=0)
    free_s = 0.0
    for block in range(round(clocks.seconds / BLOCK_S)):
        heard_s = block * BLOCK_S
        last = block - block % clocks.heard_together + clocks.heard_together
        ready_s = last * BLOCK_S + HEARD_AFTER_S + next(late)
        for begin_s, length_s in clocks.stalls:
            if begin_s <= ready_s < begin_s + length_s:
                ready_s = begin_s + length_s
        is_full = ready_s - heard_s > MEMORY_MS / 1000 + BLOCK_S
        if is_full or _is_in(heard_s, clocks.unheard):
            continue
        free_s = max(free_s, ready_s)
        yield free_s, heard_s
        free_s += EAR_S


def _puts(clocks: TwoClocks) -> Iterator[tuple[float, float]]:
    """When the speaker is given a block, and when it begins to play it."""
    late = _lateness(clocks, seed=1)
    before_s = clocks.opens_s
    lost_s = 0.0
    gaps = list(clocks.unplayed)
    block = 0
    while True:
        played_s = clocks.opens_s + _speaker_s(clocks, block) + lost_s
        called_with = block - block % clocks.put_together
        if played_s >= clocks.lazy_s:
            called_with = block - block % 3 + 2
        called_s = clocks.opens_s + _speaker_s(clocks, called_with) + lost_s
        if gaps and played_s >= gaps[0][0]:
            lost_s += gaps.pop(0)[1]
            continue
        before_s = max(before_s, called_s - clocks.buffer_ms / 1000 + next(late))
        yield before_s, played_s
        block += 1


def _speaker_s(clocks: TwoClocks, block: int) -> float:
    even_s = block * clocks.put_samples / clocks.rate_hz / (1 + clocks.ppm * 1e-6)
    turn = 2 * math.pi / WANDER_S
    return even_s - clocks.wander_ppm * 1e-6 / turn * (1 - math.cos(turn * even_s))


def _lateness(clocks: TwoClocks, seed: int) -> Iterator[float]:
    random = np.random.default_rng((clocks.seed, seed))
    memory = math.exp(-BLOCK_S / 5)
    busy = 0.0
    while True:
        changes = random.standard_normal(3_000) * math.sqrt(1 - memory**2)
        hiccups = (random.random(3_000) < 0.01) * random.random(3_000) * 30
        for change, other_ms in zip(
            changes, hiccups + random.exponential(1.0, 3_000) * clocks.late_ms, strict=True
        ):
            busy = memory * busy + change
            yield (abs(busy) * clocks.busy_ms + other_ms) / 1000


def _click(clocks: TwoClocks) -> Samples:
    away_s = (np.arange(clocks.put_samples) - clocks.put_samples // 2) / clocks.rate_hz
    shape = 20_000 * np.exp(-((away_s / CLICK_S) ** 2) / 2)
    return np.rint(shape).astype(np.int16)


def _is_in(at_s: float, gaps: Gaps) -> bool:
    return any(begin_s <= at_s < begin_s + length_s for begin_s, length_s in gaps)
