"""One question from end to end before the first real one.

Libraries set much up when they are first used, which the first question should not pay for; and how long it
takes tells how much this machine can do ahead of time.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import numpy as np

from voiced.engines.contracts import SpeechToText, TextToSpeech
from voiced.inference import Host
from voiced.responder import Plan, Responder
from voiced.types import SAMPLE_RATE_HZ, AudioChunk, ReplyPath, Transcript

_QUESTION: Final = "how far away is the moon"

_CLICK: Final = np.zeros(SAMPLE_RATE_HZ, np.int16)
_CLICK[SAMPLE_RATE_HZ // 2] = 8_000
"""A second that is not silent, which engines would pass over, and teaches them nothing of any voice."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How long it took to transcribe a second of sound, and to answer a question up to its first clause."""

    look_ms: float
    answer_ms: float


async def rehearse(
    stt: Host[SpeechToText], responder: Responder, tts: Host[TextToSpeech]
) -> Rehearsed:
    """Do all of it once, unheard and forgotten. Raises `EngineError`."""
    begun_s = _clock_s()
    await stt.run(_look)
    looked_s = _clock_s()
    plan = Plan(Transcript(_QUESTION), ReplyPath.MODEL)
    await responder.read(plan)
    async with aclosing(responder.answer(plan, lambda: None)) as clauses:
        clause = await anext(clauses, "")
    async with aclosing(tts.stream(lambda voice: voice.synthesize(clause))) as sound:
        await anext(sound, None)
    return Rehearsed((looked_s - begun_s) * 1000, (_clock_s() - looked_s) * 1000)


def _look(engine: SpeechToText) -> None:
    session = engine.open()
    try:
        session.feed(AudioChunk(_CLICK))
        session.transcript()
    finally:
        session.close()


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
