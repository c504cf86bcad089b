"""espeak-ng: the contract, its options and languages, and what only it can get wrong."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from tests.contract.tts_contract import TtsContract, joined, rms, seconds, speak
from voiced.engines.contracts import BuildContext, TextToSpeech
from voiced.engines.tts import espeak
from voiced.errors import ModelError

LONG = "This sentence goes on, and on, and on, for as long as it takes. " * 20

SAME = 0.005
"""How far two renderings of a clause differ in length: espeak-ng's voice flutters at random."""


class NoModels:
    """espeak-ng asks for none: its voices come with the library."""

    def path(self, model: str) -> Path:
        raise AssertionError(f"nothing should ask for {model}")


def make(language: str = "en", **options: object) -> TextToSpeech:
    context = BuildContext(models=NoModels(), cache_dir=Path("unused"), language=language)
    return espeak.build(espeak.Options(**options), context)  # type: ignore[arg-type]


class TestEspeak(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return make()

    def test_the_last_mark_decides_the_pause(self, engine: TextToSpeech) -> None:
        assert seconds(engine, "hello there,") < seconds(engine, "hello there.")


def test_sound_is_handed_over_while_it_is_made_and_stops_when_asked() -> None:
    """Whoever takes the first chunk and asks to stop gets no second one of the minutes to come."""
    stop = threading.Event()

    class StopAtOnce(SimpleQueue[Any]):
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            super().put(item, block, timeout)
            stop.set()

    pieces = StopAtOnce()
    espeak._library().speak(LONG, "en-us", espeak.Options(), pieces, stop)
    assert 0 < len(pieces.get().samples) <= 2300
    assert pieces.get() is None
    assert pieces.empty()


def test_options_are_heard() -> None:
    text = "Turn on the lights in the kitchen."
    usual = seconds(make(), text)
    assert seconds(make(rate_wpm=350), text) < 0.7 * usual
    assert seconds(make(rate_wpm=100), text) > 1.4 * usual
    assert rms(joined(speak(make(volume=0.25), text))) < 0.5 * rms(joined(speak(make(), text)))
    assert pitch_hz(make(pitch=99)) > 1.2 * pitch_hz(make(pitch=50))


def pitch_hz(engine: TextToSpeech) -> float:
    """The pitch of a long vowel, from the peak of its autocorrelation between 60 and 400 Hz."""
    sound = joined(speak(engine, "aaaah")).astype(np.float64)
    middle = sound[len(sound) // 4 :][:4096]
    correlation = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    shortest, longest = engine.rate_hz // 400, engine.rate_hz // 60
    return engine.rate_hz / (shortest + int(np.argmax(correlation[shortest:longest])))


def test_voices_with_different_options_take_turns_without_mixing() -> None:
    fast, slow, german = make(rate_wpm=400), make(rate_wpm=100), make("de")
    text = "one two three four"
    alone = [seconds(engine, text) for engine in (fast, slow, german)]
    assert alone[0] < alone[2] < alone[1]
    open_together = [engine.synthesize(text) for engine in (fast, slow, german)]
    started = [next(chunks) for chunks in open_together]
    together = [
        sum(len(chunk.samples) for chunk in (first, *rest)) / first.rate_hz
        for first, rest in zip(started, open_together, strict=True)
    ]
    assert together == pytest.approx(alone, rel=SAME)


def test_two_threads_get_their_own_sound() -> None:
    engines = (make(rate_wpm=300), make("es"))
    texts = ("Good morning, how are you today?", "Buenos días, ¿cómo estás hoy?")
    expected = [seconds(e, t) for e, t in zip(engines, texts, strict=True)]
    got: tuple[list[float], list[float]] = ([], [])

    def repeat(index: int) -> None:
        for _ in range(20):
            got[index].append(seconds(engines[index], texts[index]))

    threads = [threading.Thread(target=repeat, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(2):
        assert got[index] == pytest.approx([expected[index]] * 20, rel=SAME)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Guten Morgen, wie geht es dir?"),
        ("es", "¿Qué hora es?"),
        ("fr", "Quelle heure est-il ?"),
        ("zh", "今天天气很好。"),
        ("ja", "おはようございます。"),
        ("no", "God morgen."),
        ("ru", "Доброе утро."),
        ("hi", "सुप्रभात"),
        ("ar", "صباح الخير"),
    ],
)
def test_languages(language: str, text: str) -> None:
    assert 0.3 < seconds(make(language), text) < 6


def test_english_is_american_unless_said_otherwise() -> None:
    text = "bath, tomato, schedule"
    american = seconds(make("en"), text)
    assert american == pytest.approx(seconds(make(voice="en-us"), text), rel=SAME)
    assert american != pytest.approx(seconds(make(voice="en-gb-x-rp"), text), rel=SAME)


def test_a_variant_of_a_voice() -> None:
    assert seconds(make(voice="en-us+f3"), "Hello there.") > 0.3


def test_an_unknown_voice_names_the_nearest() -> None:
    with pytest.raises(ModelError, match='no voice "en-uss"; did you mean en-us'):
        make(voice="en-uss")
    with pytest.raises(ModelError, match='no voice "12345"; it has af, '):
        make(voice="12345")


def test_a_missing_library_and_missing_data(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not load .*reinstall espeakng-loader"):
        espeak._Library(tmp_path / "libespeak-ng.so", tmp_path)
    with pytest.raises(ModelError, match="shorter path"):
        espeak._Library(tmp_path / "libespeak-ng.so", tmp_path / ("x" * 200))


def test_missing_data_does_not_end_the_process(tmp_path: Path) -> None:
    """In a process of its own, since the library can be initialised once."""
    script = f"""
import pathlib, espeakng_loader
from voiced.engines.tts import espeak
from voiced.errors import ModelError
try:
    espeak._Library(pathlib.Path(espeakng_loader.get_library_path()), pathlib.Path({str(tmp_path)!r}))
except ModelError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert f"finds no data in {tmp_path}; reinstall espeakng-loader" in done.stdout
