"""Each sentence once: how long after its last sound the answer begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from voiced.bench_turns.cast import SPEECH_DBFS, Spoken
from voiced.bench_turns.person import QUIET_DBFS
from voiced.bench_turns.scoring import first_sound
from voiced.bench_turns.stage import Stage
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.events import TurnReport
from voiced.types import ReplyPath, Samples, samples_to_ms

SNR_DB: Final = 25.0
"""Speech over background where there is noise: a ventilator in the room."""

_BREATH_MS: Final = 700
"""The quiet before a sentence."""

_PATIENCE_MS: Final = 12_000
"""After how long without an answer there is none."""

_TASTE_MS: Final = 500
"""How much of an answer is listened to: on a busy machine its first sound comes up to 0.3 s after the news
that it begins (measured)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one sentence."""

    text: str
    voice: str
    is_noisy: bool
    heard: str = ""
    path: ReplyPath = ReplyPath.NONE
    voice_to_voice_ms: float | None = None
    """From the person's last sound to the assistant's first; None where there was no answer."""
    commit_to_sound_ms: float | None = None
    """From the endpoint to the assistant's first sound."""
    was_cut_off: bool = False
    """Whether the turn was ended, or the assistant spoke, before the person had finished."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """The marks of `TurnReport`, in milliseconds after the person's last sound, and `read`, when what was
    answered had been transcribed.
    """
    report: TurnReport | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    spoken: Spoken
    is_noisy: bool
    begin: int
    done: int


async def play(
    stage: Stage, lines: Sequence[tuple[Spoken, bool]], on_progress: Callable[[], None]
) -> list[Reply]:
    """Say each line (the flag: with noise) and stop the answer once it has begun."""
    said: list[_Said] = []
    for spoken, is_noisy in lines:
        stage.person.make_noise(SPEECH_DBFS - SNR_DB if is_noisy else QUIET_DBFS)
        await stage.wait(_BREATH_MS)
        begin = stage.person.say(spoken.samples)
        await stage.wait(samples_to_ms(len(spoken.samples)))
        await stage.until(lambda: has_answered(stage, begin), _PATIENCE_MS)  # noqa: B023
        await stage.wait(_TASTE_MS)
        await stage.hush()
        said.append(_Said(spoken, is_noisy, begin, stage.position))
        on_progress()
    track = stage.assistant()
    return [
        _scored(each, track, of_sentence(stage.reports_between(each.begin, each.done), each.begin))
        for each in said
    ]


def has_answered(stage: Stage, since: int) -> bool:
    """Whether the assistant speaks, or has ended a turn since then."""
    return stage.phase is Phase.SPEAKING or bool(stage.reports_between(since, stage.position + 1))


def of_sentence(reports: Sequence[TurnReport], begin: int) -> list[TurnReport]:
    """Those of the turns that are about what was said from `begin` on: one before it may end late."""
    begin_ms = samples_to_ms(begin)
    return [report for report in reports if report.timings_ms.get("endpoint", begin_ms) >= begin_ms]


def end_of_turn(reports: Sequence[TurnReport]) -> float | None:
    """The first endpoint of `reports`, in milliseconds since the start of the recording."""
    ends = [report.timings_ms["endpoint"] for report in reports if "endpoint" in report.timings_ms]
    return min(ends) if ends else None


def _scored(said: _Said, track: Samples, reports: Sequence[TurnReport]) -> Reply:
    end = said.begin + len(said.spoken.samples)
    reply = Reply(said.spoken.text, said.spoken.voice, said.is_noisy)
    sound = first_sound(track, said.begin, said.done)
    endpoint_ms = end_of_turn(reports)
    if (sound is not None and sound < end) or (
        endpoint_ms is not None and endpoint_ms < samples_to_ms(end)
    ):
        reply = replace(reply, was_cut_off=True)
    if not reports:
        return reply
    report = reports[-1]
    end_ms = samples_to_ms(end)
    marks_ms = dict(report.timings_ms)
    if report.trace.revisions:
        marks_ms["read"] = report.trace.revisions[-1].read_ms
    reply = replace(
        reply,
        heard=report.transcript.text,
        path=report.path,
        report=report,
        timings_ms={name: round(at - end_ms, 1) for name, at in marks_ms.items()},
    )
    if sound is None or reply.was_cut_off or report.outcome is Outcome.FAILED:
        return reply
    sound_ms = samples_to_ms(sound)
    return replace(
        reply,
        voice_to_voice_ms=round(sound_ms - end_ms, 1),
        commit_to_sound_ms=None if endpoint_ms is None else round(sound_ms - endpoint_ms, 1),
    )
