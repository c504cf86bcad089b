"""`voiced bench understanding`, a few sentences of each topic: what it reports, not how fast it was."""

from __future__ import annotations

import json

from tests.e2e.conftest import Run


def test_sentences_are_said_and_reported(voiced: Run) -> None:
    done = voiced("bench", "understanding", "--quick", "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert list(found) == ["as text", "1 word misheard", "2 words misheard"]
    text = found["as text"]
    assert text["right_share"] >= 0.9
    assert text["wrong_action"] == 0
    assert text["false_takes"] == 0
    assert all(part["p95_ms"] > 0 for part in found.values())


def test_sentences_that_are_not_there_are_an_error(voiced: Run) -> None:
    done = voiced("bench", "understanding", "--sentences", "no-such.toml")
    assert done.status != 0
    assert "cannot read sentences from no-such.toml" in done.err
