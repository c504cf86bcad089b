"""faster-whisper, with a small Whisper of our own (`tests/data/whisper-mini-synthetic`)."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from tests.contract.stt_contract import (
    SPEECH_DIR,
    SttContract,
    load_spoken,
    read_wav,
    transcribe,
    words,
)
from voiced.engines.contracts import BuildContext, SpeechToText
from voiced.engines.stt import _whisper_windows as windows
from voiced.engines.stt import faster_whisper
from voiced.engines.stt.faster_whisper import FasterWhisper, Options
from voiced.errors import EngineError, ModelError
from voiced.types import SAMPLE_RATE_HZ, AudioChunk, Samples

MINI = Path(__file__).resolve().parent.parent / "data" / "whisper-mini-synthetic"


class Folder:
    """A `ModelLocator` that knows one model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, model: str) -> Path:
        return self.folder


def build(folder: Path = MINI, language: str = "en", **options: Any) -> FasterWhisper:
    context = BuildContext(models=Folder(folder), cache_dir=folder, language=language, threads=1)
    return faster_whisper.build(Options(**options), context)


TEXTS = (
    "what time is it",
    "turn off the kitchen lights",
    "turn on the living room lights",
    "set a timer for ten minutes",
    "what is the capital of france",
    "never mind",
)
"""What the model understands in flite's slt, on short windows and on 30 s."""


class TestFasterWhisper(SttContract):
    texts = TEXTS
    has_partials = False

    @classmethod
    def make_engine(cls, cache_dir: Path) -> SpeechToText:
        return build()


@pytest.fixture
def engine() -> Iterator[FasterWhisper]:
    engine = build()
    yield engine
    engine.close()


@pytest.fixture
def runs(engine: FasterWhisper, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The windows, in samples, that the engine runs the model on."""
    seen: list[int] = []
    run = engine._run

    def spy(samples: Samples, window: int, max_tokens: int, language: str | None) -> Any:
        seen.append(window)
        return run(samples, window, max_tokens, language)

    monkeypatch.setattr(engine, "_run", spy)
    return seen


def question(name: str = "slt_what_time_is_it.wav") -> Samples:
    return read_wav(SPEECH_DIR / name)


def test_a_short_question_gets_a_short_window(engine: FasterWhisper, runs: list[int]) -> None:
    heard = transcribe(engine, question())
    assert words(heard.text) == words("what time is it")
    assert runs == [windows.MIN_WINDOW_SAMPLES]
    assert heard.confidence > 0.9


def test_short_and_full_window_agree(engine: FasterWhisper) -> None:
    for text in TEXTS:
        sound = load_spoken(text, "slt").samples
        short, _ = engine._run(sound, windows.window_samples(len(sound)), 60, None)
        full, _ = engine._run(sound, windows.FULL_WINDOW_SAMPLES, 60, None)
        assert short.text == full.text == text


def test_a_doubtful_answer_asks_the_full_window(
    engine: FasterWhisper, runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The model is cut off after one token, so its first answer is known to be wrong.
    monkeypatch.setattr(windows, "token_limit", lambda samples: 1)
    heard = transcribe(engine, question())
    assert runs == [windows.MIN_WINDOW_SAMPLES, windows.FULL_WINDOW_SAMPLES]
    assert words(heard.text) == words("what time is it")
    assert heard.confidence > 0.9


def test_an_answer_that_runs_away_is_not_believed(
    engine: FasterWhisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "token_limit", lambda samples: 1)
    monkeypatch.setattr(windows, "MAX_TOKENS", 2)
    heard = transcribe(engine, question())
    assert heard.text != ""
    assert heard.confidence == 0.0


def test_digital_silence_never_reaches_the_model(engine: FasterWhisper, runs: list[int]) -> None:
    heard = transcribe(engine, np.full(SAMPLE_RATE_HZ, 3, dtype=np.int16))
    assert (heard.text, heard.no_speech_probability, runs) == ("", 1.0, [])


def test_noise_is_no_speech(engine: FasterWhisper, runs: list[int]) -> None:
    noise = np.random.default_rng(0).normal(0, 300, 3 * SAMPLE_RATE_HZ).astype(np.int16)
    heard = transcribe(engine, noise)
    assert heard.text == ""
    assert heard.no_speech_probability > windows.NO_SPEECH_PROBABILITY
    assert runs == [windows.MIN_WINDOW_SAMPLES]


def test_more_than_thirty_seconds(engine: FasterWhisper, runs: list[int]) -> None:
    # Silence is cut where it first may be, after 20 s: the test model takes one sentence a window.
    asked = ["what time is it", "turn off the kitchen lights", "set a timer for ten minutes"]
    sound = np.zeros((3, round(20.2 * SAMPLE_RATE_HZ)), dtype=np.int16)
    for slot, text in zip(sound, asked, strict=True):
        spoken = load_spoken(text, "slt").samples
        slot[: len(spoken)] = spoken
    so_far, rest = np.split(sound.reshape(-1), [35 * SAMPLE_RATE_HZ])
    session = engine.open()
    session.feed(AudioChunk(so_far))
    partial = session.transcript()
    assert words(partial.text) == words(" ".join(asked[:2]))
    session.feed(AudioChunk(rest))
    whole = session.transcript()
    session.close()
    assert words(whole.text) == words(" ".join(asked))
    # The piece that was over at the first look is not decoded again at the last.
    assert len(runs) == 4
    assert max(runs) < windows.FULL_WINDOW_SAMPLES
    assert 0.5 < whole.confidence <= 1.0


def test_a_repeated_look_costs_nothing(engine: FasterWhisper, runs: list[int]) -> None:
    session = engine.open()
    session.feed(AudioChunk(question()))
    partial = session.transcript()
    final = session.transcript()
    session.close()
    assert partial.text == final.text
    assert len(runs) == 1


def test_a_beam_hears_the_same() -> None:
    engine = build(beam=3)
    assert words(transcribe(engine, question()).text) == words("what time is it")
    engine.close()


def test_nothing_goes_online(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    engine = build()
    assert words(transcribe(engine, question()).text) == words("what time is it")
    engine.close()


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _halve(folder: Path) -> None:
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "damage",
    [
        _remove("model.bin"),
        _remove("tokenizer.json"),
        _remove("vocabulary.json"),
        _halve,
        _write("model.bin", b""),
        _write("model.bin", b"<html>404 not found</html>"),
        _write("tokenizer.json", b"{}"),
        _write("vocabulary.json", b"["),
        _write("preprocessor_config.json", b'{"feature_size": 128}'),
    ],
    ids=lambda damage: damage.__qualname__,
)
def test_a_damaged_model_says_how_to_mend_it(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    folder = tmp_path / "whisper-mini"
    shutil.copytree(MINI, folder)
    damage(folder)
    with pytest.raises(ModelError, match=r"voiced models pull whisper-mini$") as caught:
        build(folder, model="whisper-mini")
    assert "\n" not in str(caught.value)


def test_a_folder_of_the_users_own_is_not_pulled(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"voiced models list$"):
        build(tmp_path, model=str(tmp_path))


def test_an_english_model_refuses_other_languages() -> None:
    with pytest.raises(ModelError, match="knows English only"):
        build(language="de")


def test_a_compute_type_that_the_machine_has_not() -> None:
    with pytest.raises(EngineError, match="compute_type"):
        build(compute_type="float16")
