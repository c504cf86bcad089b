"""From clauses to sound: the voice speaks one while the next is being written."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from contextlib import aclosing

from voiced.engines.contracts import TextToSpeech
from voiced.inference import Hosted
from voiced.playback import Playback


async def speak(
    clauses: AsyncIterable[str],
    tts: Hosted[TextToSpeech],
    playback: Playback,
    on_clause: Callable[[str], None] = lambda _: None,
) -> None:
    """Fill `playback` with all of `clauses`; returns when the last sound has been played.

    `on_clause` is told of each when its first sound is there. Raises `EngineError`.
    """
    async for clause in clauses:
        playback.begin_clause(clause)
        is_told = False
        async with aclosing(tts.stream(lambda voice, c=clause: voice.synthesize(c))) as sound:  # type: ignore[misc]
            async for chunk in sound:
                if not is_told:
                    is_told = True
                    on_clause(clause)
                await playback.play(chunk)
    await playback.finish()
