"""What a turn's trace says of its waste."""

from __future__ import annotations

from voiced.core.trace import Fate, Revision, Trace
from voiced.types import ReplyPath


def revision(fate: Fate, *, tokens: int = 0, reused: int = 0, speech_ms: float = 0) -> Revision:
    return Revision(
        text="what time is it",
        confidence=0.9,
        path=ReplyPath.MODEL,
        said_until_ms=1000,
        read_ms=1300,
        context_tokens=tokens,
        reused_tokens=reused,
        speech_ms=speech_ms,
        fate=fate,
    )


def test_nothing_was_done_so_nothing_was_wasted() -> None:
    assert (Trace().wasted_tokens, Trace().wasted_speech_ms) == (0, 0)


def test_what_was_answered_is_no_waste() -> None:
    trace = Trace((revision(Fate.COMMITTED, tokens=120, reused=100, speech_ms=800),))
    assert (trace.wasted_tokens, trace.wasted_speech_ms) == (0, 0)


def test_waste_is_what_dropped_revisions_cost() -> None:
    trace = Trace(
        (
            revision(Fate.DROPPED, tokens=120, reused=100, speech_ms=800),
            revision(Fate.DROPPED, tokens=125, reused=118, speech_ms=400.5),
            revision(Fate.COMMITTED, tokens=130, reused=125, speech_ms=900),
        )
    )
    assert (trace.wasted_tokens, trace.wasted_speech_ms) == (27, 1200.5)


def test_a_revision_is_dropped_until_it_is_committed() -> None:
    fresh = Revision("a", 1.0, ReplyPath.SKILL, said_until_ms=0, read_ms=0)
    assert fresh.fate is Fate.DROPPED
