"""`voiced bench turns` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voiced.bench_turns.figures import Results, RoomResult
from voiced.bench_turns.run import Bench
from voiced.bench_turns.scenes.barge_in import Interruption
from voiced.bench_turns.scenes.echo import Monologue, Surroundings
from voiced.bench_turns.scenes.latency import Reply
from voiced.cli import main
from voiced.types import ReplyPath


def reply(latency_ms: float) -> Reply:
    return Reply(
        "what time is it", "rms", is_noisy=False, path=ReplyPath.SKILL, voice_to_voice_ms=latency_ms
    )


@pytest.fixture
def _played(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the scenes had been played."""

    async def perform(self: Bench, progress: object) -> Results:
        interrupted = Interruption("stop", "slt", 400, was_noticed=True, silence_ms=210.0)
        room = RoomResult(Surroundings(0.4, -10.0), (interrupted,), Monologue(612.0, 1))
        return Results(voiced=[reply(300.0)], reference=[reply(1200.0)], rooms=[room])

    monkeypatch.setattr(Bench, "perform", perform)


def test_its_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "turns", "--help"])
    out = capsys.readouterr().out
    assert "voiced bench turns --quick" in out
    assert "--only {latency,pauses,barge-in,echo}" in out


def test_the_stages_are_still_measured_by_bench_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "--help"])
    out = capsys.readouterr().out
    assert "real-time factor" in out
    assert "turns" in out


def test_a_folder_that_is_not_there_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["bench", "turns", "--wav-dir", str(tmp_path / "nowhere")])
    assert status == 66
    assert f"voiced: there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


def test_a_place_where_no_picture_can_be_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["bench", "turns", "--quick", "--svg", str(tmp_path / "nowhere" / "t.svg")])
    assert status == 74
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.usefixtures("_played")
def test_figures_are_one_object_for_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "turns.svg"
    assert main(["bench", "turns", "--quick", "--json", "--svg", str(picture)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ratio"]["skill"] == 0.25
    assert picture.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.usefixtures("_played")
def test_figures_are_a_table_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "turns", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "300 ms" in out
    assert "1200 ms" in out
    assert "0.25" in out
    room = next(line for line in out.splitlines() if line.startswith("0.4 s"))
    assert room.split()[2:] == [
        "-10",
        "dB",
        "1",
        "of",
        "1",
        "210",
        "ms",
        "210",
        "ms",
        "612",
        "s",
        "1",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["voiced-turns.svg"]
