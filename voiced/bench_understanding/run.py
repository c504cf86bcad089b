"""Says the sentences to the skills, as they are and as recognisers spoil them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voiced.bench_understanding.cases import Case, Cases, load_cases
from voiced.bench_understanding.scoring import Result, Understood
from voiced.bench_understanding.slips import Slips
from voiced.skills.sentences import expected_sentences
from voiced.skills.skillset import SkillSet

MOST_ERRORS: Final = 2
_QUICK: Final = 4

Progress = Callable[[str, int, int], None]
"""Is told the name of a part, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which sentences: a user's `file`, or voiced's own in `language`.

    A few of each topic where it `is_quick`.
    """

    language: str
    file: Path | None = None
    is_quick: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """All sentences once: as text, or with so many errors in each."""

    name: str
    results: Sequence[Result]


def perform(plan: Plan, progress: Progress) -> list[Part]:
    """All parts. Raises `ConfigError` for sentences that cannot be read."""
    cases = load_cases(plan.language, plan.file)
    if plan.is_quick:
        cases = cases.thinned(_QUICK)
    expected = expected_sentences(cases.language, cases.names)
    skills = SkillSet(cases.language, cases.names, sentences=expected)
    slips = Slips(cases.language, _words(cases, expected))
    parts: list[Part] = []
    # As the daemon does after its start: a full collection would be measured instead of the skills.
    gc.collect()
    gc.freeze()
    try:
        for errors in range(MOST_ERRORS + 1):
            name = _name(errors)
            results: list[Result] = []
            for done, case in enumerate(cases.cases):
                progress(name, done, len(cases.cases))
                heard = slips.spoil(case.text, errors) if errors else case.text
                results.append(_result(skills, case, heard))
            progress(name, len(cases.cases), len(cases.cases))
            parts.append(Part(name, results))
    finally:
        gc.unfreeze()
    return parts


def _result(skills: SkillSet, case: Case, heard: str) -> Result:
    started_s = time.perf_counter()
    match = skills.match(heard)
    took_s = time.perf_counter() - started_s
    has_effect = match is not None and skills.has_effect(match)
    understood = Understood(match, has_effect=has_effect)
    return Result(case, heard, understood, took_s, is_sentence=match is not None)


def _name(errors: int) -> str:
    return f"{errors} word{'' if errors == 1 else 's'} misheard" if errors else "as text"


def _words(cases: Cases, expected: Sequence[str]) -> set[str]:
    """What the recogniser knows: the words of what is expected, and of all that is said here."""
    said = [case.text for case in cases.cases]
    return {word for sentence in (*expected, *said) for word in sentence.lower().split()}
