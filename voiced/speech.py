"""From clauses to sound: the voice speaks one while the next is being written."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from contextlib import aclosing

from voiced.engines.contracts import TextToSpeech
from voiced.inference import Hosted
from voiced.player import Playback


async def speak(
    clauses: AsyncIterable[str],
    tts: Hosted[TextToSpeech],
    playback: Playback,
    on_clause: Callable[[str], None] = lambda _: None,
) -> None:
    """Play all of `clauses`; returns when the last sound has been played. Raises `EngineError`."""
    async for clause in clauses:
        on_clause(clause)
        playback.begin_clause(clause)
        async with aclosing(tts.stream(lambda voice, c=clause: voice.synthesize(c))) as sound:  # type: ignore[misc]
            async for chunk in sound:
                await playback.play(chunk)
    await playback.finish()
