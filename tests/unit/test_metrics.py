"""Figures: what is counted, read back by Prometheus's own parser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.support.scene import Scene
from tests.unit.test_reports import REPORT
from voiced.core.signals import Outcome
from voiced.core.state import BargeIn, Phase
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    SoundLost,
    SpeakerChanged,
    TurnEnded,
    Woken,
)
from voiced.observe.metrics import Histogram, Metrics


def figures(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels, as `name{label}`; labels are values in order."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics.text()):
        for sample in family.samples:
            labels = ",".join(sample.labels[name] for name in sorted(sample.labels))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def after(*events: AssistantEvent) -> dict[str, float]:
    metrics = Metrics()
    for event in events:
        metrics.observe(event)
    return figures(metrics)


def test_turns_are_counted_by_outcome_and_path_and_timed_by_stage() -> None:
    found = after(TurnEnded(REPORT), TurnEnded(replace(REPORT, outcome=Outcome.FAILED)))
    assert found["voiced_turns_total{answered,model}"] == 1
    assert found["voiced_turns_total{failed,model}"] == 1
    assert found["voiced_turns_total{answered,skill}"] == 0
    assert found["voiced_voice_to_voice_seconds_count"] == 2
    assert found["voiced_voice_to_voice_seconds_sum"] == pytest.approx(0.59)
    assert found["voiced_voice_to_voice_seconds_bucket{0.2}"] == 0
    assert found["voiced_voice_to_voice_seconds_bucket{0.3}"] == 2
    assert found["voiced_commit_to_voice_seconds_sum"] == pytest.approx(0.19)
    assert found["voiced_stage_seconds_sum{recognition}"] == pytest.approx(0.3)
    assert found["voiced_stage_seconds_count{first_sound}"] == 2


def test_a_device_is_lost_once_and_comes_back_once() -> None:
    away = MicrophoneChanged(MicrophoneState.AWAY, "unplugged")
    back = MicrophoneChanged(MicrophoneState.OPEN)
    muted = MicrophoneChanged(MicrophoneState.MUTED)
    gone, there = SpeakerChanged(is_there=False), SpeakerChanged(is_there=True)
    found = after(away, away, back, muted, back, gone, gone, there)
    assert found["voiced_device_losses_total{microphone}"] == 1
    assert found["voiced_device_reconnects_total{microphone}"] == 1
    assert found["voiced_device_losses_total{speaker}"] == 1
    assert found["voiced_device_reconnects_total{speaker}"] == 1
    assert found["voiced_microphone{open}"] == 1
    assert after(away)["voiced_microphone{away}"] == 1
    assert after(gone)["voiced_speaker_is_there"] == 0


def test_what_goes_wrong_is_counted() -> None:
    found = after(
        Heard(-40.0, 0.1),
        SoundLost(overflows=2),
        SoundLost(overflows=1, underflows=5),
        EngineFailed("stt", "it hung"),
        EngineFailed("llm", "it crashed"),
        EngineRecovered("llm", 700.0),
        PhaseChanged(Phase.THINKING),
    )
    assert found["voiced_heard_blocks_total"] == 1
    assert found["voiced_overflows_total"] == 3
    assert found["voiced_underflows_total"] == 5
    assert found["voiced_engine_failures_total{stt}"] == 1
    assert (found["voiced_engine_failing{stt}"], found["voiced_engine_failing{llm}"]) == (1, 0)
    assert (found["voiced_phase{thinking}"], found["voiced_phase{idle}"]) == (1, 0)


def test_what_the_process_is_like_is_among_them() -> None:
    clock = iter([10.0, 15.5, 20.0])
    metrics = Metrics(
        watchdog_age_s=lambda: 1.5, refused_connections=lambda: 4, clock_s=lambda: next(clock)
    )
    found = figures(metrics)
    assert found["voiced_uptime_seconds"] == 5.5
    assert found["voiced_watchdog_age_seconds"] == 1.5
    assert found["voiced_refused_connections_total"] == 4
    assert found["process_resident_memory_bytes"] > 1e6
    assert "voiced_watchdog_age_seconds" not in after()


@given(st.lists(st.builds(EngineFailed, name=st.text(), reason=st.text()), min_size=1))
def test_there_are_as_many_series_after_anything_as_before(failures: list[EngineFailed]) -> None:
    found = after(*failures)
    assert set(found) == set(after())
    counted = sum(
        count for name, count in found.items() if name.startswith("voiced_engine_failures")
    )
    assert counted == len(failures)


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_everything_once(durations_s: list[float]) -> None:
    histogram = Histogram()
    for duration_s in durations_s:
        histogram.add(duration_s)
    counts = [count for _, count in histogram.buckets]
    assert counts == sorted(counts)
    assert counts[-1] == len(durations_s)
    below_one = sum(duration_s <= 1 for duration_s in durations_s)
    assert dict(histogram.buckets)["1.0"] == below_one


def false_starts(scene: Scene) -> tuple[float, float]:
    """Of the wake word, and of interruptions."""
    found = after(*scene.events)
    kinds = ("wake", "interruption")
    wakes, interruptions = (found[f"voiced_false_starts_total{{{kind}}}"] for kind in kinds)
    return wakes, interruptions


def test_a_wake_word_and_nothing_else_is_a_false_start() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu")
        await scene.until(lambda event: event == PhaseChanged(Phase.LISTENING))
        await scene.until(lambda event: event == PhaseChanged(Phase.IDLE))
        scene.card.hang_up()

    scene = Scene().play(script)
    assert false_starts(scene) == (1, 0)
    assert after(*scene.events)["voiced_wake_detections_total"] == 1


def test_a_question_is_none() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=600)
        scene.say("what time is it", pause_ms=1000)
        await scene.answered()
        scene.card.hang_up()

    scene = Scene().play(script)
    assert false_starts(scene) == (0, 0)
    assert after(*scene.events)["voiced_turns_total{answered,skill}"] == 1


ANSWER = {
    "who are you": "I am voiced. I live in this machine. I never leave it. That is all there is."
}


@pytest.mark.parametrize(("words", "expected"), [("mm", 1), ("what time is it", 0)])
def test_an_answer_that_falls_silent_for_nothing_is_one(words: str, expected: int) -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("who are you", pause_ms=1500)
        await scene.until(lambda event: event == PhaseChanged(Phase.SPEAKING))
        scene.say(words, pause_ms=1500)
        await scene.answered()
        await scene.answered()
        scene.card.hang_up()

    scene = Scene(barge_in=BargeIn.VOICE, answers=ANSWER).play(script)
    assert false_starts(scene) == (0, expected), scene.story


def test_a_wake_word_that_is_ignored_beside_an_answer_is_none() -> None:
    events = (
        PhaseChanged(Phase.SPEAKING),
        Woken("okay nabu", 0.9),
        TurnEnded(REPORT),
        PhaseChanged(Phase.IDLE),
    )
    assert after(*events)["voiced_false_starts_total{wake}"] == 0
