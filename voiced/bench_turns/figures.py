"""From what happened in the scenes to the figures that are printed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from voiced.bench_turns.engines import Readings
from voiced.bench_turns.scenes.barge_in import Backchannel, Interruption
from voiced.bench_turns.scenes.echo import Monologue, Surroundings
from voiced.bench_turns.scenes.latency import Reply
from voiced.bench_turns.scenes.pauses import Hesitation
from voiced.bench_turns.scoring import median, percentile
from voiced.bench_turns.traces import dropped_revisions, was_ready
from voiced.types import ReplyPath

PATHS = (ReplyPath.SKILL, ReplyPath.MODEL)


@dataclass(frozen=True, slots=True)
class RoomResult:
    """What came of the scenes in one room."""

    surroundings: Surroundings
    interruptions: tuple[Interruption, ...]
    monologue: Monologue


@dataclass(slots=True)
class Results:
    """What came of all scenes; empty where one was left out."""

    voiced: list[Reply] = field(default_factory=list)
    reference: list[Reply] = field(default_factory=list)
    readings: Readings | None = None
    hesitations: list[Hesitation] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)
    backchannels: list[Backchannel] = field(default_factory=list)
    rooms: list[RoomResult] = field(default_factory=list)


def figures(results: Results) -> dict[str, Any]:
    """The object that `--json` prints; None (null) stands for what was not measured."""
    voiced, reference = _by_path(results.voiced), _by_path(results.reference)
    interruptions = _interruptions(results)
    silences_ms = [each.silence_ms for each in interruptions if each.silence_ms is not None]
    hesitations = results.hesitations
    listened = bool(results.backchannels or results.rooms)
    return {
        "voiced": voiced,
        "reference": reference,
        "ratio": {path: _ratio(voiced[path], reference[path]) for path in voiced},
        "commit_to_sound_p50_ms": median(_commits_ms(results.voiced)),
        "false_cutoffs": _count(hesitations, lambda each: each.was_cut_off),
        "pauses": sum(1 if each.was_cut_off else each.pauses for each in hesitations) or None,
        "missed_ends": _count(hesitations, lambda each: each.was_missed),
        "barge_in_p50_ms": median(silences_ms),
        "barge_in_p95_ms": percentile(silences_ms, 95),
        "barge_ins_noticed": _count(interruptions, lambda each: each.was_noticed),
        "barge_ins": len(interruptions) if interruptions else None,
        "barge_ins_with_first_word": _count(interruptions, lambda each: each.has_first_word),
        "false_barge_ins": _false_barge_ins(results) if listened else None,
        "backchannels": len(results.backchannels) or None,
        "answers_ended_by_backchannel": _count(
            results.backchannels, lambda each: each.has_ended_answer
        ),
        "own_speech_s": round(sum(room.monologue.own_speech_s for room in results.rooms), 1),
        "prefix_tokens_reevaluated": _reevaluated(results),
        "understanding": {
            "voiced": _understanding(results.voiced),
            "reference": _understanding(results.reference),
        },
        "wasted": _wasted(results.voiced),
        "scenes": _scenes(results),
    }


def _by_path(replies: Sequence[Reply]) -> dict[str, dict[str, float | int | None]]:
    return {path.value: _latency([r for r in replies if r.path is path]) for path in PATHS}


def _latency(replies: Sequence[Reply]) -> dict[str, float | int | None]:
    times_ms = [r.voice_to_voice_ms for r in replies if r.voice_to_voice_ms is not None]
    return {
        "p50_ms": median(times_ms),
        "p95_ms": percentile(times_ms, 95),
        "turns": len(times_ms),
    }


def _ratio(
    ours: Mapping[str, float | int | None], theirs: Mapping[str, float | int | None]
) -> float | None:
    our_ms, their_ms = ours["p50_ms"], theirs["p50_ms"]
    return None if our_ms is None or not their_ms else round(our_ms / their_ms, 3)


def _commits_ms(replies: Sequence[Reply]) -> list[float]:
    """Where the answer was ready at the commit: what is left then is the way to the speaker."""
    return [
        reply.commit_to_sound_ms
        for reply in replies
        if reply.commit_to_sound_ms is not None
        and reply.report is not None
        and was_ready(reply.report)
    ]


def _count(items: Sequence[Any], is_so: Callable[[Any], bool]) -> int | None:
    return sum(map(is_so, items)) if items else None


def _false_barge_ins(results: Results) -> int:
    own = sum(room.monologue.false_barge_ins for room in results.rooms)
    unasked = sum(
        max(each.false_holds, each.was_silent_already) for each in _interruptions(results)
    )
    return own + unasked + sum(each.has_ended_answer for each in results.backchannels)


def _interruptions(results: Results) -> list[Interruption]:
    in_rooms = [each for room in results.rooms for each in room.interruptions]
    return [*results.interruptions, *in_rooms]


def _reevaluated(results: Results) -> int | None:
    if results.readings is None or not results.readings.prefix_tokens:
        return None
    return results.readings.reevaluated_prefix_tokens


def _understanding(replies: Sequence[Reply]) -> dict[str, int]:
    return {
        "sentences": len(replies),
        "answered": sum(r.path in PATHS and r.voice_to_voice_ms is not None for r in replies),
        "cut_off": sum(r.was_cut_off for r in replies),
        "not_understood": sum(r.path not in PATHS for r in replies),
    }


def _wasted(replies: Sequence[Reply]) -> dict[str, float | None]:
    reports = [reply.report for reply in replies if reply.report is not None]
    if not reports:
        return {"turns": 0, "revisions_dropped": None, "tokens": None, "speech_s": None}
    return {
        "turns": len(reports),
        "revisions_dropped": sum(map(dropped_revisions, reports)),
        "tokens": sum(report.trace.wasted_tokens for report in reports),
        "speech_s": round(sum(report.trace.wasted_speech_ms for report in reports) / 1000, 2),
    }


def _scenes(results: Results) -> dict[str, Any]:
    return {
        "latency": {
            "voiced": [_plain(reply) for reply in results.voiced],
            "reference": [_plain(reply) for reply in results.reference],
        },
        "pauses": [asdict(each) for each in results.hesitations],
        "barge_in": [asdict(each) for each in results.interruptions],
        "backchannels": [asdict(each) for each in results.backchannels],
        "echo": [_room(room) for room in results.rooms],
    }


def _plain(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "voice": reply.voice,
        "is_noisy": reply.is_noisy,
        "heard": reply.heard,
        "path": reply.path.value,
        "voice_to_voice_ms": reply.voice_to_voice_ms,
        "commit_to_sound_ms": reply.commit_to_sound_ms,
        "was_cut_off": reply.was_cut_off,
        "timings_ms": reply.timings_ms,
        "revisions": [asdict(each) for each in reply.report.trace.revisions]
        if reply.report is not None
        else [],
    }


def _room(room: RoomResult) -> dict[str, Any]:
    silences_ms = [each.silence_ms for each in room.interruptions if each.silence_ms is not None]
    return {
        **asdict(room.surroundings),
        "barge_ins": len(room.interruptions),
        "barge_ins_noticed": sum(each.was_noticed for each in room.interruptions),
        "barge_in_p50_ms": median(silences_ms),
        "barge_in_p95_ms": percentile(silences_ms, 95),
        **asdict(room.monologue),
        "interruptions": [asdict(each) for each in room.interruptions],
    }
