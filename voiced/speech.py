"""From clauses to sound: the voice speaks one while the next is being written."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from contextlib import aclosing

from voiced.engines.contracts import TextToSpeech
from voiced.errors import EngineError
from voiced.inference import Host
from voiced.playback import Playback


async def speak(
    clauses: AsyncIterable[str],
    tts: Host[TextToSpeech],
    playback: Playback,
    on_clause: Callable[[str], None] = lambda _: None,
) -> None:
    """Fill `playback` with all of `clauses`; returns when the last sound has been played.

    `on_clause` is told of each when its first sound is there. Raises `EngineError`.
    """
    async for clause in clauses:
        playback.begin_clause(clause)
        try:
            await _speak_clause(clause, tts, playback, on_clause)
        except EngineError:
            if playback.is_clause_begun:
                raise
            # Nothing of it was spoken: whatever stands in for the voice that failed says it.
            await _speak_clause(clause, tts, playback, on_clause)
    await playback.finish()


async def _speak_clause(
    clause: str,
    tts: Host[TextToSpeech],
    playback: Playback,
    on_clause: Callable[[str], None],
) -> None:
    async with aclosing(tts.stream(lambda voice: voice.synthesize(clause))) as sound:
        async for chunk in sound:
            if not playback.is_clause_begun:
                on_clause(clause)
            await playback.play(chunk)
