"""`voiced bench turns`, all scenes, a few sentences of each: what it reports, not how fast it was."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.e2e.conftest import Run

KEYS = (
    "voiced", "reference", "ratio", "commit_to_sound_p50_ms", "false_cutoffs", "pauses",
    "missed_ends", "barge_in_p50_ms", "barge_in_p95_ms", "barge_ins_noticed", "barge_ins",
    "false_barge_ins", "prefix_tokens_reevaluated",
)  # fmt: skip


def test_every_scene_is_played_and_reported(voiced: Run, tmp_path: Path) -> None:
    picture = tmp_path / "turns.svg"
    done = voiced("bench", "turns", "--quick", "--json", "--svg", str(picture))
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert set(KEYS) <= set(found)
    for mode in ("voiced", "reference"):
        for path in ("skill", "model"):
            assert set(found[mode][path]) == {"p50_ms", "p95_ms", "turns"}
    assert found["voiced"]["skill"]["turns"] >= 1
    assert found["pauses"] >= 1
    assert found["barge_ins"] >= 2
    assert found["own_speech_s"] > 50
    assert found["prefix_tokens_reevaluated"] == 0
    assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314  # it is our own
