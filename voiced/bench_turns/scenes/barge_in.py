"""The person speaks while the assistant does: to interrupt it, or only to show that they listen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from voiced.bench_turns.cast import Spoken
from voiced.bench_turns.scoring import audible_ms, first_sound, silent_after
from voiced.bench_turns.stage import Stage
from voiced.core.state import Phase
from voiced.skills.normalise import normalise
from voiced.types import BLOCK_MS, Samples, ms_to_samples, samples_to_ms

POINTS_MS: Final = (400, 1100, 2900, 3900)
"""When the person interrupts, after the first sound of the answer."""

_BREATH_MS: Final = 700
_PATIENCE_MS: Final = 8_000
_NOTICED_MS: Final = 1_500
"""An answer that goes on for longer after the person began to speak did not notice them."""

GAP_MS: Final = 450
"""A silence of this length is one: the longest between two clauses lasts 0.36 s (measured)."""

_VERDICT_MS: Final = 1_000
"""How long after the person's last sound an answer may still be on hold."""

_REPLY_MS: Final = 4_000
_REST_MS: Final = 3_000
"""How much of the answer is listened to after a sound that is no interruption."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """What came of one attempt to interrupt an answer."""

    text: str
    voice: str
    point_ms: int
    was_noticed: bool
    """Whether the answer fell silent in time, and ended."""
    was_silenced: bool = False
    """Whether it fell silent in time; it may have gone on later, as after a cough."""
    silence_ms: float | None = None
    """From the onset of the person's speech to the last sound of the assistant; None where it was between
    two clauses and did not begin the second: nobody can know when it had noticed.
    """
    heard: str = ""
    was_silent_already: bool = False
    """Whether the answer had stopped before: it was interrupted by nobody."""
    has_first_word: bool = False
    """Whether the first word of the interruption was understood."""
    false_holds: int = 0
    """How often the answer fell silent for a voice before anybody spoke, if only for a moment."""


@dataclass(frozen=True, slots=True)
class Backchannel:
    """What came of a sound that is no interruption."""

    sound: str
    point_ms: int
    was_noticed: bool
    """Whether the assistant fell silent, if only to hear what it was."""
    has_ended_answer: bool
    rest_audible_ms: float
    """How much of the 3 s after it was sound."""


@dataclass(frozen=True, slots=True)
class _Said:
    spoken: Spoken
    point_ms: int
    begin: int
    heard: int
    """Until here the assistant was left alone; then it was stopped."""
    done: int
    answered: int = 0
    """Where the answer had begun."""


async def interrupt(
    stage: Stage,
    prompts: Sequence[Spoken],
    story: str,
    lines: Sequence[tuple[Spoken, int]],
    on_progress: Callable[[], None],
) -> list[Interruption]:
    """Ask for a long answer and interrupt it, once a line, so many milliseconds after it began."""
    said: list[_Said] = []
    for number, (spoken, point_ms) in enumerate(lines):
        if not await _long_answer(stage, prompts, story, number):
            on_progress()
            continue
        answered = stage.position
        await stage.wait(point_ms)
        turns = len(stage.ended)
        begin = stage.person.say(spoken.samples)
        spoken_ms = samples_to_ms(len(spoken.samples))
        await stage.wait(max(spoken_ms + _VERDICT_MS, _NOTICED_MS + GAP_MS))
        if len(stage.ended) > turns:
            await stage.until(lambda: len(stage.ended) > turns + 1, _REPLY_MS)  # noqa: B023
        heard = stage.position
        await stage.hush()
        said.append(_Said(spoken, point_ms, begin, heard, stage.position, answered))
        on_progress()
    track = stage.assistant()
    return [_interruption(each, track, stage) for each in said]


async def nod(
    stage: Stage,
    prompts: Sequence[Spoken],
    story: str,
    sounds: Sequence[tuple[Spoken, int]],
    on_progress: Callable[[], None],
) -> list[Backchannel]:
    """Ask for a long answer and make a sound, that long after it began, which does not ask for silence."""
    said: list[_Said] = []
    for number, (spoken, point_ms) in enumerate(sounds):
        if not await _long_answer(stage, prompts, story, number):
            on_progress()
            continue
        await stage.wait(point_ms)
        begin = stage.person.say(spoken.samples)
        await stage.wait(samples_to_ms(len(spoken.samples)) + _REST_MS)
        heard = stage.position
        await stage.hush()
        said.append(_Said(spoken, point_ms, begin, heard, stage.position))
        on_progress()
    track = stage.assistant()
    return [_backchannel(each, track, stage) for each in said]


async def _long_answer(stage: Stage, prompts: Sequence[Spoken], story: str, number: int) -> bool:
    """Ask, and wait until the answer has begun; False where nobody who asks is told the story."""
    for attempt in range(len(prompts)):
        prompt = prompts[(number + attempt) % len(prompts)]
        await stage.wait(_BREATH_MS)
        stage.person.say(prompt.samples)
        await stage.wait(samples_to_ms(len(prompt.samples)))
        has_begun = await stage.until(lambda: stage.phase is Phase.SPEAKING, _PATIENCE_MS)
        if has_begun and story.startswith(stage.first_clause):
            return True
        await stage.hush()
    return False


def _transcripts(stage: Stage, said: _Said) -> list[str]:
    """What was understood of what was said then: what ended first is the answer that was interrupted."""
    reports = stage.reports_between(said.begin, said.done)
    answers = [number for number, report in enumerate(reports) if report.reply]
    after = answers[0] + 1 if answers else len(reports)
    return [report.transcript.text for report in reports[after:]]


def _interruption(said: _Said, track: Samples, stage: Stage) -> Interruption:
    before = first_sound(track, said.begin - ms_to_samples(GAP_MS), said.begin)
    silent = silent_after(track, said.begin, said.heard, gap_ms=GAP_MS)
    silence_ms = None if silent is None else samples_to_ms(silent - said.begin)
    was_silenced = before is not None and silence_ms is not None and silence_ms <= _NOTICED_MS
    was_between = silence_ms is not None and silence_ms < BLOCK_MS
    was_noticed = was_silenced and _has_ended(stage, said)
    heard = " ".join(_transcripts(stage, said))
    return Interruption(
        text=said.spoken.text,
        voice=said.spoken.voice,
        point_ms=said.point_ms,
        was_noticed=was_noticed,
        was_silenced=was_silenced,
        silence_ms=silence_ms if was_noticed and not was_between else None,
        heard=heard,
        was_silent_already=before is None,
        has_first_word=was_noticed and _first_word(heard) == _first_word(said.spoken.text),
        false_holds=sum(said.answered <= sample < said.begin for sample in stage.held),
    )


def _first_word(text: str) -> list[str]:
    return normalise(text).split()[:1]


def _has_ended(stage: Stage, said: _Said) -> bool:
    # A turn without a reply is one in which nothing was said: the answer goes on beside it.
    return any(report.reply for report in stage.reports_between(said.begin, said.heard))


def _backchannel(said: _Said, track: Samples, stage: Stage) -> Backchannel:
    end = said.begin + len(said.spoken.samples)
    rest_ms = samples_to_ms(said.heard - end)
    audible = audible_ms(track, end, said.heard)
    return Backchannel(
        sound=said.spoken.text,
        point_ms=said.point_ms,
        was_noticed=any(said.begin <= sample < said.heard for sample in stage.held),
        has_ended_answer=_has_ended(stage, said) or audible < rest_ms / 2,
        rest_audible_ms=audible,
    )
