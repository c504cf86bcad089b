"""Rooms in which the microphone hears the loudspeaker: the assistant must not take that for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from voiced.bench_turns.cast import Spoken
from voiced.bench_turns.scoring import audible_ms
from voiced.bench_turns.stage import Stage
from voiced.types import samples_to_ms

RT60_S: Final = (0.2, 0.4, 0.6)
ECHO_DB: Final = (-20.0, -10.0, 0.0)

POINTS_MS: Final = (600, 1500, 2900, 4000)
"""When the person interrupts: the first before an echo canceller knows the room."""

_STUCK_S: Final = 60.0
"""Without a word for so long, by the clock on the wall, the assistant says no more."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A room: how long its reverberation takes to fall by 60 dB, and how loud the loudspeaker is at the
    microphone, compared to what is played.
    """

    rt60_s: float
    echo_db: float


def rooms() -> list[Surroundings]:
    """The rooms that the figures are about."""
    return [Surroundings(rt60_s, echo_db) for rt60_s, echo_db in product(RT60_S, ECHO_DB)]


@dataclass(frozen=True, slots=True)
class Monologue:
    """So much of the assistant's own speech, and how often it took that for a person."""

    own_speech_s: float
    false_barge_ins: int


async def listen(
    stage: Stage,
    prompts: Sequence[Spoken],
    speech_s: float,
    on_progress: Callable[[float], None],
) -> Monologue:
    """Ask for long answers and say nothing, until that much has been said. Runs at any pace."""
    begin, held = stage.position, len(stage.held)
    asked = 0
    while audible_ms(stage.assistant(), begin) < speech_s * 1000:
        turns = len(stage.ended)
        prompt = prompts[asked % len(prompts)]
        asked += 1
        await stage.wait(700)
        stage.person.say(prompt.samples)
        await stage.wait(samples_to_ms(len(prompt.samples)))
        try:
            async with asyncio.timeout(_STUCK_S):
                while len(stage.ended) == turns:
                    await stage.person.next_block()
        except TimeoutError:
            break
        on_progress(audible_ms(stage.assistant(), begin) / 1000)
    return Monologue(audible_ms(stage.assistant(), begin) / 1000, len(stage.held) - held)
