"""Sentences with a hesitation in them: the person is to be let finish, and answered then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from voiced.bench_turns.cast import Spoken
from voiced.bench_turns.scenes.latency import end_of_turn, has_answered, of_sentence
from voiced.bench_turns.scoring import first_sound
from voiced.bench_turns.stage import Stage
from voiced.events import TurnReport
from voiced.types import Samples, ms_to_samples, samples_to_ms

PAUSES_MS: Final = (300, 500, 700, 900)

_BREATH_MS: Final = 700
_MISSED_MS: Final = 3_000
"""Without an answer for so long after the last sound, the end was missed."""
_TASTE_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Hesitation:
    """What came of one sentence with pauses of `pause_ms` in it."""

    text: str
    voice: str
    pause_ms: int
    pauses: int
    heard: tuple[str, ...]
    """What was understood, a turn each: several where it was cut."""
    was_cut_off: bool
    """Whether the turn was ended, or the assistant spoke, before the rest was said; no pause after
    that is one."""
    was_missed: bool
    """Whether there was no answer within 3 s of the end."""


@dataclass(frozen=True, slots=True)
class _Said:
    spoken: Spoken
    pause_ms: int
    begin: int
    end: int
    done: int


def hesitant(spoken: Spoken, pause_ms: int) -> Samples:
    """The line with a pause between its parts."""
    pause = np.zeros(ms_to_samples(pause_ms), np.int16)
    pieces = [piece for part in spoken.parts for piece in (pause, part)]
    return np.concatenate(pieces[1:])


async def play(
    stage: Stage, lines: Sequence[tuple[Spoken, int]], on_progress: Callable[[], None]
) -> list[Hesitation]:
    """Say each line with a pause that long."""
    said: list[_Said] = []
    for spoken, pause_ms in lines:
        await stage.wait(_BREATH_MS)
        sound = hesitant(spoken, pause_ms)
        begin = stage.person.say(sound)
        end = begin + len(sound)
        await stage.wait(samples_to_ms(len(sound)))
        await stage.until(lambda: has_answered(stage, end), _MISSED_MS)  # noqa: B023
        await stage.wait(_TASTE_MS)
        await stage.hush()
        said.append(_Said(spoken, pause_ms, begin, end, stage.position))
        on_progress()
    track = stage.assistant()
    return [
        _scored(each, track, of_sentence(stage.reports_between(each.begin, each.done), each.begin))
        for each in said
    ]


def _scored(said: _Said, track: Samples, reports: Sequence[TurnReport]) -> Hesitation:
    before = first_sound(track, said.begin, said.end)
    after = first_sound(track, said.end, said.done)
    endpoint_ms = end_of_turn(reports)
    was_ended = endpoint_ms is not None and endpoint_ms < samples_to_ms(said.end)
    return Hesitation(
        text=said.spoken.text,
        voice=said.spoken.voice,
        pause_ms=said.pause_ms,
        pauses=len(said.spoken.parts) - 1,
        heard=tuple(report.transcript.text for report in reports),
        was_cut_off=was_ended or before is not None,
        was_missed=before is None
        and (after is None or after - said.end > ms_to_samples(_MISSED_MS)),
    )
