"""The figures of the benchmark, from what came of each sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from voiced.bench_understanding.run import Part
from voiced.bench_understanding.scoring import Outcome, Result


def figures(parts: Sequence[Part]) -> dict[str, Any]:
    """All of them, by part; shares are 0..1, None where there was nothing to count."""
    return {part.name: _part(part.results) for part in parts}


def _part(results: Sequence[Result]) -> dict[str, Any]:
    commands = [result for result in results if result.case.intent]
    others = [result for result in results if not result.case.intent]
    counts = Counter(result.outcome for result in commands)
    wrong = [result for result in commands if result.outcome is Outcome.WRONG_ACTION]
    topics = dict.fromkeys(result.case.topic for result in commands)
    return {
        "commands": len(commands),
        **{outcome.value: counts[outcome] for outcome in Outcome},
        "right_share": _share(counts[Outcome.RIGHT], len(commands)),
        "wrong_action_share": _share(len(wrong), len(commands)),
        # A slip that makes another command of it ("five" for "nine") leaves no trace to find.
        "wrong_action_unknowable": sum(result.is_sentence for result in wrong),
        "wrong_action_by_near_miss": sum(not result.is_sentence for result in wrong),
        "no_commands": len(others),
        "false_takes": sum(result.outcome is not Outcome.RIGHT for result in others),
        "false_take_share": _share(
            sum(result.outcome is not Outcome.RIGHT for result in others), len(others)
        ),
        "p50_ms": _percentile_ms(results, 0.5),
        "p95_ms": _percentile_ms(results, 0.95),
        "topics": {
            topic: _topic([result for result in commands if result.case.topic == topic])
            for topic in topics
        },
        "not_right": [_line(result) for result in results if result.outcome is not Outcome.RIGHT],
    }


def _topic(results: Sequence[Result]) -> dict[str, Any]:
    right = sum(result.outcome is Outcome.RIGHT for result in results)
    asked = sum(result.outcome is Outcome.ASKED for result in results)
    return {"sentences": len(results), "right": right, "asked": asked}


def _line(result: Result) -> dict[str, Any]:
    match = result.understood.match
    return {
        "said": result.case.text,
        "heard": result.heard,
        "outcome": result.outcome.value,
        "intent": "" if match is None else match.intent,
        "slots": {} if match is None else dict(match.slots),
    }


def _share(count: int, total: int) -> float | None:
    return round(count / total, 4) if total else None


def _percentile_ms(results: Sequence[Result], share: float) -> float | None:
    ordered = sorted(result.took_s for result in results)
    return round(1000 * ordered[int(share * (len(ordered) - 1))], 2) if ordered else None
