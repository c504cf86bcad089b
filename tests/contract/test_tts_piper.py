"""Piper on the bundled voices: the contract, its options, and voices that are broken."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.contract.tts_contract import (
    TtsContract,
    joined,
    rms,
    seconds,
    silences,
    speak,
    word_ends,
)
from voiced.engines.contracts import BuildContext, TextToSpeech
from voiced.engines.tts import espeak, piper
from voiced.errors import ModelError

VOICES = Path(__file__).resolve().parents[2] / "models" / "voices"
SMALLEST = "en_US-flite_rms-x_low"
SENTENCE = "The capital of France is Paris."


class Voices:
    """Finds the bundled voices by name, and anything else as a path."""

    def path(self, model: str) -> Path:
        bundled = VOICES / f"{model}.onnx"
        return bundled if bundled.is_file() else Path(model)


def make(threads: int = 1, **options: Any) -> piper.PiperEngine:
    context = BuildContext(models=Voices(), cache_dir=Path("unused"), threads=threads)
    return piper.build(piper.Options(**options), context)


class TestDefaultVoice(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return make()

    def test_it_keeps_the_rate_of_its_voice(self, engine: TextToSpeech) -> None:
        assert engine.rate_hz == 16_000


class TestFemaleVoice(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return make(voice="en_US-flite_slt-low", threads=2)


class TestSmallestVoice(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return make(voice=str(VOICES / f"{SMALLEST}.onnx"))

    def test_every_sentence_is_a_chunk_of_its_own(self, engine: TextToSpeech) -> None:
        spoken = [chunk for chunk in speak(engine, "One. Two. Three.") if rms(chunk.samples) > 0]
        assert len(spoken) == 3

    def test_the_silence_before_a_clause_is_moved_behind_it(self, engine: TextToSpeech) -> None:
        """So two clauses joined have the pause that the voice would have made."""
        *_, last = speak(engine, SENTENCE)
        assert not last.samples.any()
        assert 0.08 < len(last.samples) / last.rate_hz < 0.4


def test_options_are_heard() -> None:
    usual = make(voice=SMALLEST)
    slow = make(voice=SMALLEST, length_scale=2.0)
    quiet = make(voice=SMALLEST, volume=0.2)
    assert seconds(slow, SENTENCE) == pytest.approx(2 * seconds(usual, SENTENCE), rel=0.2)
    ratio = rms(joined(speak(quiet, SENTENCE))) / rms(joined(speak(usual, SENTENCE)))
    assert ratio == pytest.approx(0.25, rel=0.1)


def test_rhythm_varies_with_noise_w() -> None:
    steady, varied = make(voice=SMALLEST), make(voice=SMALLEST, noise_w=1.0)
    assert len({seconds(steady, SENTENCE) for _ in range(5)}) == 1
    assert len({seconds(varied, SENTENCE) for _ in range(5)}) > 1


def test_breath_varies_with_noise_scale() -> None:
    """The voices' noise is drawn anew each time; without it two renderings are nearly the same."""

    def difference(noise_scale: float) -> float:
        engine = make(voice=SMALLEST, noise_scale=noise_scale)
        once, again = (joined(speak(engine, SENTENCE)).astype(np.float64) for _ in range(2))
        length = min(len(once), len(again))
        return rms((once[:length] - again[:length]).astype(np.int16))

    assert difference(0.0) < difference(1.5)


def test_it_lives_beside_espeak_in_one_process() -> None:
    """Both bring an espeak-ng with state of its own: neither may disturb the other."""
    context = BuildContext(models=Voices(), cache_dir=Path("unused"), language="de")
    german = espeak.build(espeak.Options(), context)
    english = make(voice=SMALLEST)
    german_s, english_s = seconds(german, "Guten Morgen."), seconds(english, SENTENCE)
    open_german, open_english = german.synthesize("Guten Morgen."), english.synthesize(SENTENCE)
    first = next(open_german)
    assert len(joined(list(open_english))) / english.rate_hz == pytest.approx(english_s, rel=0.02)
    rest = joined([first, *open_german])
    assert len(rest) / german.rate_hz == pytest.approx(german_s, rel=0.02)


def test_two_voices_speak_at_once() -> None:
    engines = (make(voice=SMALLEST), make(voice=SMALLEST, length_scale=2.0))
    expected = [seconds(engine, SENTENCE) for engine in engines]
    got: tuple[list[float], list[float]] = ([], [])

    def repeat(index: int) -> None:
        for _ in range(5):
            got[index].append(seconds(engines[index], SENTENCE))

    threads = [threading.Thread(target=repeat, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(2):
        assert got[index] == pytest.approx([expected[index]] * 5, rel=0.02)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A copy of a voice that a test may break."""
    for suffix in (".onnx", ".onnx.json"):
        shutil.copy(VOICES / f"{SMALLEST}{suffix}", tmp_path / f"mine{suffix}")
    return tmp_path / "mine.onnx"


def change(voice: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = Path(f"{voice}.json")
    config = json.loads(path.read_text(encoding="utf-8"))
    edit(config)
    path.write_text(json.dumps(config), encoding="utf-8")


def test_a_folder_with_one_voice_is_that_voice(voice: Path) -> None:
    assert seconds(make(voice=str(voice.parent)), SENTENCE) > 1


def test_a_folder_with_two_voices_is_ambiguous(voice: Path) -> None:
    shutil.copy(voice, voice.with_name("other.onnx"))
    with pytest.raises(ModelError, match=r"holds 2 voices .* name the file of one"):
        make(voice=str(voice.parent))


def test_a_missing_voice(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no voice at .*voiced models list"):
        make(voice=str(tmp_path / "none.onnx"))


def test_a_voice_without_its_json(voice: Path) -> None:
    Path(f"{voice}.json").unlink()
    with pytest.raises(ModelError, match=r"needs mine\.onnx\.json beside it"):
        make(voice=str(voice))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"audio": 16000}']
)
def test_a_json_that_is_none(voice: Path, content: bytes) -> None:
    Path(f"{voice}.json").write_bytes(content)
    with pytest.raises(ModelError, match="describes no Piper voice"):
        make(voice=str(voice))


@pytest.mark.parametrize(
    "edit",
    [
        lambda config: config.pop("audio"),
        lambda config: config["audio"].pop("sample_rate"),
        lambda config: config["audio"].update(sample_rate="fast"),
        lambda config: config["audio"].update(sample_rate=0),
        lambda config: config.pop("phoneme_id_map"),
        lambda config: config.update(phoneme_id_map={}),
        lambda config: config.update(phoneme_type="smoke"),
        lambda config: config.pop("espeak"),
        lambda config: config.pop("num_symbols"),
    ],
)
def test_a_json_that_lacks_something(voice: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    change(voice, edit)
    with pytest.raises(ModelError, match="describes no Piper voice"):
        make(voice=str(voice))


def test_phonemes_that_would_need_a_download(voice: Path) -> None:
    change(voice, lambda config: config.update(phoneme_type="pinyin"))
    with pytest.raises(ModelError, match="needs Piper's pinyin phonemes, which need further"):
        make(voice=str(voice))


def test_a_language_that_espeak_does_not_have(voice: Path) -> None:
    change(voice, lambda config: config["espeak"].update(voice="xx"))
    with pytest.raises(ModelError, match=r"does not speak: .*Failed to set voice: xx"):
        make(voice=str(voice))


def test_phonemes_without_the_mark_that_begins_a_sentence(voice: Path) -> None:
    change(voice, lambda config: config["phoneme_id_map"].pop("^"))
    with pytest.raises(ModelError, match="does not speak"):
        make(voice=str(voice))


@pytest.mark.parametrize("keep_bytes", [0, 100, 500_000])
def test_a_truncated_voice(voice: Path, keep_bytes: int) -> None:
    voice.write_bytes(voice.read_bytes()[:keep_bytes])
    with pytest.raises(ModelError, match="is not a whole ONNX model; fetch the voice again"):
        make(voice=str(voice))


def test_a_network_that_is_no_voice(tmp_path: Path, voice: Path) -> None:
    # The voice activity detector that faster-whisper brings is a network of another kind.
    package = Path(pytest.importorskip("faster_whisper").__file__).parent
    shutil.copy(next(package.glob("assets/silero*.onnx")), voice)
    with pytest.raises(ModelError, match="is no Piper voice: it lacks the input"):
        make(voice=str(voice))


class SoundOnly:
    """The session of a voice without its second output, as older exports are."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def run(self, names: object, inputs: object) -> list[Any]:
        return list(self._session.run(names, inputs)[:1])


def test_a_voice_that_does_not_know_its_durations_says_nothing_of_words() -> None:
    engine = make(voice=SMALLEST)
    whole = seconds(engine, SENTENCE)
    engine._voice.session = SoundOnly(engine._voice.session)
    chunks = speak(engine, SENTENCE)
    assert word_ends(chunks) == []
    assert len(joined(chunks)) / engine.rate_hz == pytest.approx(whole, rel=0.02)


def test_words_end_in_the_sentence_that_says_them() -> None:
    spoken = speak(make(voice=SMALLEST), "Yes. It is 12:30 in the morning. Good night 🙂")
    assert [[end.words for end in chunk.word_ends] for chunk in spoken] == [
        [1],
        [2, 3, 4, 5, 6, 7],
        [8, 10],
        [],
    ]


def test_speaking_slowly_moves_the_ends() -> None:
    usual, slow = (
        [
            end.end_sample
            for end in word_ends(speak(make(voice=SMALLEST, length_scale=scale), SENTENCE))
        ]
        for scale in (1.0, 2.0)
    )
    for early, late in zip(usual[1:], slow[1:], strict=True):
        assert 1.6 < late / early < 2.4


def test_sounds_that_the_voice_does_not_have_are_left_out(voice: Path) -> None:
    """Piper passes over a phoneme without an id; the words after it end where they do."""
    change(voice, lambda config: config["phoneme_id_map"].pop("f"))
    engine = make(voice=str(voice))
    chunks = speak(engine, "Oranges, lemons, four, fifty, marmalade.")
    ends = word_ends(chunks)
    assert [end.words for end in ends] == [1, 2, 3, 4, 5]
    silent_from = silences(joined(chunks), engine.rate_hz)
    for end, silence in zip(ends, silent_from, strict=True):
        assert abs(end.end_sample - silence) < 0.05 * engine.rate_hz


class TestSpeakers:
    """The bundled voices have one speaker; what a description says about more is checked on them."""

    def test_a_speaker_of_a_voice_with_one(self) -> None:
        with pytest.raises(ModelError, match='has no speaker "alice"; it has 0 to 0'):
            make(voice=SMALLEST, speaker="alice")
        assert seconds(make(voice=SMALLEST, speaker="0"), SENTENCE) > 1

    def test_a_speaker_by_name_and_number_reaches_the_network(self, voice: Path) -> None:
        """This network takes no speaker, and says so."""
        change(
            voice,
            lambda config: config.update(num_speakers=2, speaker_id_map={"alice": 0, "bob": 1}),
        )
        for speaker in ("bob", "1"):
            with pytest.raises(ModelError, match=r"does not speak: .*sid"):
                make(voice=str(voice), speaker=speaker)
        with pytest.raises(ModelError, match='has no speaker "carol"; it has alice, bob'):
            make(voice=str(voice), speaker="carol")
