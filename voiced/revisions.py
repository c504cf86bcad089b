"""Keeps a turn's readings, as its trace tells them."""

from __future__ import annotations

from dataclasses import replace

from voiced.core.timeline import Timeline
from voiced.core.trace import Fate, Revision, Trace
from voiced.draft import Draft
from voiced.responder import Plan
from voiced.types import Prefill


class Revisions:
    """The readings of one utterance; the last one is the one that is being judged and answered."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._past: list[tuple[Revision, float | None]] = []
        self._current: Revision | None = None

    def begin(self, plan: Plan, said_until_ms: float, clock_s: float) -> None:
        """There is a new reading, made at `clock_s`, of what was said until `said_until_ms`."""
        self.settle(None, Fate.DROPPED)
        self._current = Revision(
            text=plan.transcript.text,
            confidence=round(plan.transcript.confidence, 3),
            path=plan.path,
            said_until_ms=round(said_until_ms, 1),
            read_ms=clock_s,
            end_share=plan.end_share,
        )

    def keep(self) -> None:
        """The person made another sound, and what was said is the same."""
        if self._current is not None:
            self._current = replace(self._current, survived=self._current.survived + 1)

    def judged(self, patience_ms: int, prefill: Prefill | None) -> None:
        """So long the person may pause."""
        if self._current is None:
            return
        self._current = replace(self._current, patience_ms=patience_ms)
        if prefill is not None:
            self._current = replace(self._current, end_probability=prefill.end_probability)

    def settle(self, draft: Draft | None, fate: Fate) -> None:
        """The reading, with the `draft` of its answer if there is one, has come to its `fate`."""
        if self._current is None:
            return
        self._past.append(self._filled(self._current, draft, fate))
        self._current = None

    def trace(self, draft: Draft | None, *, is_answer: bool) -> Trace:
        """All of it; `draft` belongs to the reading that is not settled, `is_answer` if it was wanted."""
        self.settle(draft, Fate.COMMITTED if is_answer else Fate.DROPPED)
        line = self._timeline
        return Trace(
            tuple(
                replace(
                    revision,
                    read_ms=line.at_ms(revision.read_ms),
                    ready_ms=None if ready_s is None else line.at_ms(ready_s),
                )
                for revision, ready_s in self._past
            )
        )

    @staticmethod
    def _filled(
        revision: Revision, draft: Draft | None, fate: Fate
    ) -> tuple[Revision, float | None]:
        """With what the draft cost; clock readings are put on the line when that is known."""
        revision = replace(revision, fate=fate)
        if draft is None:
            return revision, None
        revision = replace(revision, speech_ms=round(draft.playback.queued_ms, 1))
        if draft.prefill is not None:
            revision = replace(
                revision,
                context_tokens=draft.prefill.total_tokens,
                reused_tokens=draft.prefill.reused_tokens,
            )
        return revision, draft.marks_s.get("first_clause")
