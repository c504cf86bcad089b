"""What the log of a service has of a conversation: what happens, and nothing of what is said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.test_reports import REPORT
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.events import (
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    ReplyGrew,
    SoundLost,
    SpeakerChanged,
    TranscriptGrew,
    TurnEnded,
    Understood,
    Woken,
)
from voiced.observe.log_observer import LogObserver

Say = Callable[..., list[str]]


@pytest.fixture
def say(caplog: pytest.LogCaptureFixture) -> Say:
    """The lines that events give at a level."""

    def say(*events: object, level: int = logging.INFO) -> list[str]:
        clock = iter(range(0, 10_000, 20))
        observer = LogObserver(lambda: float(next(clock)))
        caplog.clear()
        with caplog.at_level(level):
            for event in events:
                observer.observe(event)  # type: ignore[arg-type]
        return [record.getMessage() for record in caplog.records]

    return say


def test_what_happens_is_logged_and_nothing_of_what_is_said(say: Say) -> None:
    events = (
        Woken("okay nabu", 0.93),
        PhaseChanged(Phase.LISTENING),
        TranscriptGrew(3, "why is"),
        Understood(3, REPORT.transcript),
        ReplyGrew(3, REPORT.reply),
        TurnEnded(REPORT),
    )
    lines = say(*events)
    assert lines[:2] == ["heard the wake word 'okay nabu' (0.93)", "listening"]
    assert lines[2].startswith("turn 3 answered by model: speech_end=2000ms endpoint=2200ms")
    assert len(lines) == 3
    everything = "\n".join(say(*events, level=logging.DEBUG))
    assert "why is the sky blue" in everything
    assert "Because of the air." in everything


def test_a_turn_is_logged_with_its_timings(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LogObserver().observe(TurnEnded(REPORT))
        LogObserver().observe(TurnEnded(replace(REPORT, outcome=Outcome.FAILED)))
    fields = caplog.records[0].__dict__["fields"]
    assert fields["outcome"] == "answered"
    assert fields["first_audio_ms"] == "2295"
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.WARNING]


def test_each_state_is_said_once(say: Say) -> None:
    away = MicrophoneChanged(MicrophoneState.AWAY, "it was unplugged")
    back = MicrophoneChanged(MicrophoneState.OPEN)
    gone = SpeakerChanged(is_there=False, reason="no server")
    lines = say(back, away, away, back, back, gone, gone, SpeakerChanged(is_there=True))
    assert len(lines) == 4
    assert "it was unplugged" in lines[0]
    assert "hears again" in lines[1]
    assert "no server" in lines[2]
    failed = EngineFailed("stt", "it hung")
    assert len(say(failed, failed, EngineRecovered("stt", 800.0), failed)) == 3


def test_lost_sound_is_said_once_a_minute_with_the_sum(say: Say) -> None:
    # The clock of `say` goes 20 s from one look at it to the next.
    lines = say(
        SoundLost(overflows=1), SoundLost(overflows=2), SoundLost(underflows=3), Heard(-40, 0)
    )
    assert ["1 blocks" in lines[0], "2 blocks" in lines[1], "3 of the speaker" in lines[1]] == [
        True,
        True,
        True,
    ]
    assert len(lines) == 2
