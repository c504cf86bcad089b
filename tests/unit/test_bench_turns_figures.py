"""From what happened to what is printed and drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from voiced.bench_turns.engines import Readings
from voiced.bench_turns.figures import Results, RoomResult, figures
from voiced.bench_turns.scenes.barge_in import Backchannel, Interruption
from voiced.bench_turns.scenes.echo import Monologue, Surroundings
from voiced.bench_turns.scenes.latency import Reply
from voiced.bench_turns.scenes.pauses import Hesitation
from voiced.bench_turns.waterfall import median_turn, waterfall_svg
from voiced.core.signals import Outcome
from voiced.core.trace import Fate, Revision, Trace
from voiced.events import TurnReport
from voiced.types import EndReason, ReplyPath, Transcript

KEYS = {
    "voiced", "reference", "ratio", "commit_to_sound_p50_ms", "false_cutoffs", "pauses", "missed_ends",
    "barge_in_p50_ms", "barge_in_p95_ms", "barge_ins_noticed", "barge_ins", "false_barge_ins",
    "prefix_tokens_reevaluated",
}  # fmt: skip
"""What scripts rely on."""


def reply(latency_ms: float | None, path: ReplyPath = ReplyPath.SKILL) -> Reply:
    return Reply(
        "what time is it",
        "rms",
        is_noisy=False,
        heard="what time is it",
        path=path,
        voice_to_voice_ms=latency_ms,
        commit_to_sound_ms=40.0,
        timings_ms={"endpoint": 200.0, "transcript": 150.0, "first_audio": 230.0},
    )


def revision(**values: object) -> Revision:
    plain = Revision("what time", 0.9, ReplyPath.MODEL, said_until_ms=100, read_ms=150)
    return replace(plain, **values)  # type: ignore[arg-type]


def report(*revisions: Revision) -> TurnReport:
    return TurnReport(
        turn_id=1,
        outcome=Outcome.CANCELLED,
        transcript=Transcript("what time is it"),
        reply="noon",
        path=ReplyPath.MODEL,
        end_reason=EndReason.SILENCE,
        timings_ms={"endpoint": 500.0},
        trace=Trace(revisions),
    )


def interruption(silence_ms: float | None) -> Interruption:
    noticed = silence_ms is not None
    return Interruption(
        "stop", "slt", 400, noticed, silence_ms=silence_ms, heard="stop", has_first_word=noticed
    )


def hesitation(pauses: int, *, cut: bool = False, missed: bool = False) -> Hesitation:
    return Hesitation("set a timer for ten minutes", "rms", 500, pauses, (), cut, missed)


def test_without_scenes_nothing_is_known_and_every_key_is_there() -> None:
    found = figures(Results())
    assert found.keys() >= KEYS
    assert found["voiced"]["skill"] == {"p50_ms": None, "p95_ms": None, "turns": 0}
    assert found["ratio"] == {"skill": None, "model": None}
    for key in KEYS - {"voiced", "reference", "ratio"}:
        assert found[key] is None
    assert json.loads(json.dumps(found)) == found


def test_latency_is_told_by_path_and_against_the_reference() -> None:
    ours = [reply(200.0), reply(300.0), reply(900.0), reply(None), reply(400.0, ReplyPath.MODEL)]
    theirs = [reply(1000.0), reply(1200.0), reply(1600.0, ReplyPath.MODEL)]
    lost = replace(reply(50.0, ReplyPath.NONE), was_cut_off=True)
    found = figures(Results(voiced=[*ours, lost], reference=theirs))
    assert found["voiced"]["skill"] == {"p50_ms": 300.0, "p95_ms": 900.0, "turns": 3}
    assert found["voiced"]["model"] == {"p50_ms": 400.0, "p95_ms": 400.0, "turns": 1}
    assert found["ratio"] == {"skill": 0.3, "model": 0.25}
    assert found["understanding"]["voiced"] == {
        "sentences": 6, "answered": 4, "cut_off": 1, "not_understood": 1
    }  # fmt: skip


def test_commits_count_where_the_answer_was_ready() -> None:
    ready = replace(reply(300.0), report=report(revision(ready_ms=450.0)))
    late = replace(reply(300.0), commit_to_sound_ms=200.0, report=report(revision(ready_ms=600.0)))
    never = replace(reply(300.0), commit_to_sound_ms=100.0, report=report())
    assert figures(Results(voiced=[late, ready, never]))["commit_to_sound_p50_ms"] == 40.0


def test_what_was_prepared_for_an_earlier_reading_is_wasted() -> None:
    dropped = revision(context_tokens=200, reused_tokens=190, speech_ms=1500.0)
    answered = revision(context_tokens=204, reused_tokens=190, speech_ms=900.0, fate=Fate.COMMITTED)
    turns = [replace(reply(300.0), report=report(dropped, answered))]
    turns.append(replace(reply(300.0), report=report(answered)))
    found = figures(Results(voiced=turns))["wasted"]
    assert found == {"turns": 2, "revisions_dropped": 1, "tokens": 10, "speech_s": 1.5}


def test_pauses_and_interruptions_are_counted() -> None:
    room = RoomResult(
        Surroundings(0.4, -10.0),
        (interruption(100.0), interruption(None)),
        Monologue(own_speech_s=600.0, false_barge_ins=2),
    )
    found = figures(
        Results(
            hesitations=[
                hesitation(1, cut=True), hesitation(2), hesitation(1, missed=True)
            ],
            interruptions=[
                interruption(300.0),
                interruption(200.0),
                replace(interruption(None), was_silent_already=True),
            ],
            backchannels=[
                Backchannel("cough", 400, was_noticed=True, has_ended_answer=True, rest_audible_ms=0.0),
                Backchannel("mm-hm", 400, was_noticed=True, has_ended_answer=False, rest_audible_ms=3500.0),
            ],
            rooms=[room],
            readings=Readings(prefix_tokens=150, reevaluated_prefix_tokens=3),
        )
    )  # fmt: skip
    assert (found["false_cutoffs"], found["pauses"], found["missed_ends"]) == (1, 4, 1)
    assert (found["barge_ins_noticed"], found["barge_ins"]) == (3, 5)
    assert (found["barge_in_p50_ms"], found["barge_in_p95_ms"]) == (200.0, 300.0)
    assert found["false_barge_ins"] == 4
    assert found["prefix_tokens_reevaluated"] == 3
    assert found["scenes"]["echo"][0]["barge_ins_noticed"] == 1
    assert json.loads(json.dumps(found))


def test_the_drawn_turn_is_the_one_in_the_middle() -> None:
    lane = median_turn("voiced", [reply(900.0), reply(100.0), reply(300.0), reply(None)])
    assert lane is not None
    assert lane.marks_ms["sound"] == 300.0
    assert "300 ms" in lane.title
    assert median_turn("voiced", [reply(None)]) is None


def test_the_waterfall_is_an_svg_with_a_bar_a_step() -> None:
    lane = median_turn("a < b & c", [reply(240.0)])
    assert lane is not None
    picture = ET.fromstring(waterfall_svg([lane, lane]))  # noqa: S314  # our own output
    bars = [each for each in picture.iter("{http://www.w3.org/2000/svg}rect") if each.get("rx")]
    assert len(bars) == 2 * 3
    assert all(float(bar.get("width", 0)) > 0 for bar in bars)
    texts = [each.text or "" for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith("a < b & c") for text in texts)


@pytest.mark.parametrize("latency_ms", [0.4, 45.0, 700.0, 12_000.0])
def test_all_of_the_waterfall_lies_within_the_picture(latency_ms: float) -> None:
    lane = median_turn("voiced", [replace(reply(latency_ms), timings_ms={"endpoint": -30.0})])
    assert lane is not None
    picture = ET.fromstring(waterfall_svg([lane]))  # noqa: S314
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    for each in picture.iter():
        if each.get("x") is not None:
            assert 0 <= float(each.get("x", 0)) <= width
            assert 0 <= float(each.get("y", 0)) <= height


def test_an_empty_waterfall_is_a_picture_still() -> None:
    assert ET.fromstring(waterfall_svg([])).tag.endswith("svg")  # noqa: S314
