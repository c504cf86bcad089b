"""The contract of speech to text over pocketsphinx, and what only it can do wrong."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pocketsphinx as library
import pytest

from tests.contract.stt_contract import SttContract, feed, load_spoken, transcribe, words
from voiced.engines.contracts import BuildContext
from voiced.engines.stt import pocketsphinx
from voiced.engines.stt._sphinx_decoding import FIRST_MEAN
from voiced.engines.stt.pocketsphinx import Options, Pocketsphinx
from voiced.errors import EngineError, ModelError
from voiced.skills.sentences import expected_sentences
from voiced.types import SAMPLE_RATE_HZ

COMMANDS = (
    "what time is it",
    "turn off the kitchen lights",
    "turn on the living room lights",
    "set a timer for ten minutes",
    "never mind",
)


class NoModels:
    """A `ModelLocator` that is never asked."""

    def path(self, model: str) -> Path:
        raise AssertionError(model)


def make_engine(
    cache_dir: Path,
    sentences: Callable[[], Sequence[str]] | None = None,
    options: Options | None = None,
) -> Pocketsphinx:
    context = BuildContext(
        NoModels(), cache_dir, sentences=sentences or (lambda: expected_sentences("en"))
    )
    return pocketsphinx.build(options or Options(), context)


class TestPocketsphinx(SttContract):
    texts = (*COMMANDS, "what is the capital of france")

    @classmethod
    def make_engine(cls, cache_dir: Path) -> Pocketsphinx:
        return make_engine(cache_dir)


class TestPocketsphinxWithoutOpenQuestions(SttContract):
    texts = COMMANDS

    @classmethod
    def make_engine(cls, cache_dir: Path) -> Pocketsphinx:
        return make_engine(cache_dir, options=Options(open_questions=False))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pocketsphinx")


@pytest.fixture(scope="module")
def engine(cache: Path) -> Iterator[Pocketsphinx]:
    engine = make_engine(cache)
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("what time is it", "rms"),
        ("what time is it", "awb"),
        ("turn off the kitchen lights", "rms"),
        ("set a timer for ten minutes", "rms"),
        ("what is the capital of france", "rms"),
    ],
)
def test_other_voices(engine: Pocketsphinx, text: str, voice: str) -> None:
    assert words(transcribe(engine, load_spoken(text, voice).samples).text) == words(text)


def test_the_first_utterance_of_another_microphone_is_understood(cache: Path) -> None:
    spoken = load_spoken("turn on the living room lights", "slt")
    engine = make_engine(cache)
    for decoder in engine._decoders:
        decoder.set_cmn("80,30,-30,30,-30,20,20,-20,0,20,-20,0,0")
    pause = np.random.default_rng(0).normal(0, 5, SAMPLE_RATE_HZ // 2).astype(np.int16)
    heard = transcribe(engine, np.concatenate([spoken.samples, pause]))
    engine.close()
    assert words(heard.text) == words(spoken.text)


@pytest.mark.parametrize("mean", [FIRST_MEAN, "80,30,-30,30,-30,20,20,-20,0,20,-20,0,0"])
@pytest.mark.parametrize(
    ("text", "voice"),
    [("turn on the living room lights", "slt"), ("what is the capital of france", "rms")],
)
def test_looks_change_no_word(engine: Pocketsphinx, text: str, voice: str, mean: str) -> None:
    pause = np.random.default_rng(0).normal(0, 5, SAMPLE_RATE_HZ // 5).astype(np.int16)
    sound = load_spoken(text, voice).samples
    sound = np.concatenate([sound[: len(sound) // 2], pause, sound[len(sound) // 2 :], pause])

    def hear(looks: Sequence[int]) -> str:
        for decoder in engine._decoders:
            decoder.set_cmn(mean)
        session = engine.open()
        for start, end in itertools.pairwise((0, *looks, len(sound))):
            if start:
                session.transcript()
            feed(session, sound[start:end])
        heard = session.transcript()
        session.close()
        return heard.text

    undisturbed = hear(())
    quarter = len(sound) // 4
    for looks in ((len(sound) // 2,), (quarter, quarter + 320, 3 * quarter), (len(sound) - 320,)):
        assert hear(looks) == undisturbed


def test_noise_after_a_look_is_not_heard_until_it_is_asked_for(engine: Pocketsphinx) -> None:
    spoken = load_spoken("turn off the kitchen lights", "slt")
    noise = np.random.default_rng(0).normal(0, 900, SAMPLE_RATE_HZ).astype(np.int16)
    session = engine.open()
    feed(session, np.concatenate([spoken.samples, noise[:3200]]))
    looked = session.transcript()
    frames = engine._decoders[0].n_frames()
    feed(session, noise[3200:6400])
    assert engine._decoders[0].n_frames() == frames
    assert session.partial() == looked.text
    session.transcript()
    assert engine._decoders[0].n_frames() > frames
    feed(session, noise)
    assert engine._decoders[0].n_frames() > frames + 50
    session.close()


def test_long_silence_around_and_within_changes_nothing(engine: Pocketsphinx) -> None:
    spoken = load_spoken("turn off the kitchen lights", "slt")
    hush = np.random.default_rng(0).normal(0, 5, 3 * SAMPLE_RATE_HZ).astype(np.int16)
    heard = transcribe(engine, np.concatenate([hush, spoken.samples, hush]))
    assert words(heard.text) == words(spoken.text)


def test_a_noise_does_not_spoil_the_next_utterance(engine: Pocketsphinx) -> None:
    spoken = load_spoken("set a timer for ten minutes", "slt")
    roar = np.random.default_rng(3).normal(0, 9000, 4 * SAMPLE_RATE_HZ).astype(np.int16)
    for _ in range(3):
        transcribe(engine, roar)
    assert words(transcribe(engine, spoken.samples).text) == words(spoken.text)


def test_confidence_tells_a_command_from_half_of_one(engine: Pocketsphinx) -> None:
    whole = load_spoken("turn on the living room lights", "slt")
    backwards = whole.samples[::-1].copy()
    right = transcribe(engine, whole.samples).confidence
    assert right > 0.6
    assert transcribe(engine, backwards).confidence < 0.4


def test_nothing_is_written_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = make_engine(tmp_path, lambda: ["turn on the ecobee", "what time is it"])
    transcribe(engine, load_spoken("what time is it", "slt").samples)
    engine.close()
    assert capfd.readouterr() == ("", "")


def language_models(cache_dir: Path) -> list[Path]:
    return sorted(cache_dir.glob("pocketsphinx-expected-*/sentences.lm"))


def test_the_language_model_is_made_once_and_anew_for_other_sentences(tmp_path: Path) -> None:
    quick = Options(open_questions=False)
    make_engine(tmp_path, lambda: ["turn on the light"], quick).close()
    (first,) = language_models(tmp_path)
    made_at = first.stat().st_mtime_ns
    make_engine(tmp_path, lambda: ["turn on the light"], quick).close()
    assert language_models(tmp_path) == [first]
    assert first.stat().st_mtime_ns == made_at
    make_engine(tmp_path, lambda: ["turn on the lamp"], quick).close()
    (second,) = language_models(tmp_path)
    assert second != first


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    for damage in (b"", b"\x00\xff" * 500):
        make_engine(tmp_path, lambda: list(COMMANDS)).close()
        for file in tmp_path.glob("*/*"):
            file.write_bytes(damage)
        engine = make_engine(tmp_path, lambda: list(COMMANDS))
        heard = transcribe(engine, load_spoken("never mind", "slt").samples)
        engine.close()
        assert heard.text == "never mind"


def test_names_that_no_dictionary_has_are_expected(tmp_path: Path) -> None:
    engine = make_engine(
        tmp_path, lambda: ["what time is it", "turn on the roomba"], Options(open_questions=False)
    )
    engine.close()
    (dictionary,) = tmp_path.glob("pocketsphinx-expected-*/words.dict")
    assert "roomba R UW M B AH" in dictionary.read_text(encoding="utf-8").splitlines()


def test_language_without_a_model(tmp_path: Path) -> None:
    context = BuildContext(NoModels(), tmp_path, language="fi", sentences=lambda: ["yksi"])
    with pytest.raises(ModelError, match='"fi"'):
        pocketsphinx.build(Options(), context)


@pytest.mark.parametrize("sentences", [[], ["", "  "]])
def test_no_sentences(tmp_path: Path, sentences: list[str]) -> None:
    with pytest.raises(ModelError, match="no sentences"):
        make_engine(tmp_path, lambda: sentences)


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """A copy of the English acoustic model, as a person would bring one."""
    source = Path(library.get_model_path()) / "en-us"
    folder = tmp_path / "acoustic"
    shutil.copytree(source / "en-us", folder)
    shutil.copy(source / "cmudict-en-us.dict", folder / "words.dict")
    return folder


def test_an_acoustic_model_of_ones_own(tmp_path: Path, own_model: Path) -> None:
    options = Options(acoustic_model=str(own_model))
    engine = make_engine(tmp_path / "cache", lambda: list(COMMANDS), options)
    heard = transcribe(engine, load_spoken("never mind", "slt").samples)
    engine.close()
    assert heard.text == "never mind"


@pytest.mark.parametrize("name", ["mdef", "means", "sendump", "transition_matrices", "words.dict"])
def test_a_damaged_acoustic_model_is_an_error_and_not_a_crash(
    tmp_path: Path, own_model: Path, name: str
) -> None:
    options = Options(acoustic_model=str(own_model), open_questions=False)
    # It has worked before: the damage must be seen all the same.
    make_engine(tmp_path / "cache", lambda: list(COMMANDS), options).close()
    (own_model / name).write_bytes(b"\xff\x00damaged" * 700)
    with pytest.raises(ModelError, match="acoustic"):
        make_engine(tmp_path / "cache", lambda: list(COMMANDS), options)


def test_a_missing_acoustic_model(tmp_path: Path) -> None:
    options = Options(acoustic_model=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="nowhere"):
        make_engine(tmp_path, lambda: list(COMMANDS), options)


def test_what_is_over_is_over(engine: Pocketsphinx, cache: Path) -> None:
    spoken = load_spoken("never mind", "slt")
    session = engine.open()
    feed(session, spoken.samples)
    session.transcript()
    session.close()
    dropped = engine.open()
    dropped.close()
    with pytest.raises(EngineError, match="dropped"):
        dropped.transcript()
    closed = make_engine(cache)
    closed.close()
    with pytest.raises(EngineError, match="closed"):
        closed.open()
