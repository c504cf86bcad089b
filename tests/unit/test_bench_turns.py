"""What is said, by whom, and to what."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.bench_turns_tones import tone
from voiced.audio.levels import dbfs
from voiced.bench_turns.cast import SPEECH_DBFS, Cast, recorded
from voiced.bench_turns.engines import LongWindedModel, Readings, WatchedModel
from voiced.bench_turns.lines import Line, alternating, load_script, thinned
from voiced.bench_turns.run import Plan, SceneName
from voiced.bench_turns.scenes.pauses import hesitant
from voiced.bench_turns.scoring import active_dbfs, levels_dbfs
from voiced.bench_turns.sounds import background, cough, hum, thump
from voiced.errors import InputError, InputMissingError
from voiced.skills.skillset import SkillSet
from voiced.types import Message, Prefill, Role, Samples, ms_to_samples


def test_the_script_is_long_enough_and_half_of_it_is_for_skills() -> None:
    script, skills = load_script(), SkillSet()
    assert len(script.commands) + len(script.questions) >= 40
    assert len({line.text for line in (*script.commands, *script.questions)}) >= 40
    assert all(skills.match(line.text) for line in script.commands)
    assert not any(skills.match(line.text) for line in script.questions)
    assert len({line.voice for line in script.commands}) >= 4


def test_every_line_has_a_voice_and_every_hesitation_a_pause() -> None:
    script = load_script()
    everything = (
        *script.commands, *script.questions, *script.pauses, *script.interruptions,
        *script.backchannels, *script.prompts,
    )  # fmt: skip
    assert {line.voice for line in everything} <= script.voices.keys()
    assert all(2 <= len(line.parts) <= 3 for line in script.pauses)
    assert len(" ".join(script.long_answer).split()) > 150


def test_lines_are_taken_in_turns_and_evenly() -> None:
    lines = [Line((str(n),), "a") for n in range(10)]
    others = [Line((str(n),), "b") for n in range(3)]
    assert [line.voice for line in alternating(lines[:5], others)] == list("abababaa")
    assert [line.text for line in thinned(lines, 3)] == ["0", "3", "6"]
    assert thinned(lines, 99) == lines


def test_voices_speak_at_one_level_and_are_cut_to_their_speech() -> None:
    script = load_script()
    with Cast(script.voices, "en") as cast:
        for voice in script.voices:
            spoken = cast.say(Line(("set a timer for", "ten minutes"), voice))
            assert active_dbfs(spoken.samples) == pytest.approx(SPEECH_DBFS, abs=1.0)
            assert len(spoken.parts) == 2
            longer = hesitant(spoken, 500)
            assert len(longer) == len(spoken.samples) + ms_to_samples(500)
            levels = levels_dbfs(cast.say(Line(("what time is it",), voice)).samples)
            assert min(levels[0], levels[-1]) > levels.max() - 36


def test_recordings_are_read_with_their_texts(tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros(800, np.int16), tone(400), np.zeros(1600, np.int16)])
    soundfile.write(tmp_path / "b.flac", sound, 16_000, subtype="PCM_16")
    (tmp_path / "b.txt").write_text("what time\nis it\n")
    soundfile.write(tmp_path / "a.wav", np.tile(tone(300)[:, None], (1, 2)), 16_000)
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "notes.md").write_text("not a recording")
    first, second = recorded(tmp_path)
    assert (first.text, second.text) == ("hello", "what time is it")
    assert len(second.samples) == pytest.approx(ms_to_samples(400), abs=ms_to_samples(5))


def test_a_folder_that_cannot_be_used_is_named_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="there is no folder"):
        recorded(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no \.wav or \.flac file"):
        recorded(tmp_path)
    soundfile.write(tmp_path / "a.wav", np.zeros(8000, np.int16), 16_000)
    with pytest.raises(InputMissingError, match=r"needs a\.txt beside it"):
        recorded(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="cannot read"):
        recorded(tmp_path)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="is silent"):
        recorded(tmp_path)
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(InputError, match="not a sound file"):
        recorded(tmp_path)


@pytest.mark.parametrize("sound", [cough(), thump(), hum(), hum(200.0)])
def test_what_is_no_speech_is_short_and_neither_silent_nor_clipped(sound: Samples) -> None:
    assert ms_to_samples(200) < len(sound) < ms_to_samples(600)
    assert -40 < active_dbfs(sound) < -15
    assert np.abs(sound.astype(np.int32)).max() < 32_767


def test_noise_has_its_level_and_more_of_it_in_the_bass() -> None:
    noise = background(4.0, -50.0)
    assert dbfs(noise) == pytest.approx(-50, abs=0.2)
    power = np.abs(np.fft.rfft(noise.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / 16_000)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (125, 500, 2000)]
    assert max(octaves) < 1.3 * min(octaves)


class Model:
    """Says what it was told it would have to read."""

    context_tokens = 100

    def __init__(self) -> None:
        self.next = Prefill(0, 0)

    def count_tokens(self, messages: object) -> int:
        return 7

    def begin(self, prefix: object, cancel: object) -> Prefill:
        return self.next

    def extend(self, messages: object, cancel: object) -> Prefill:
        return self.next

    def generate(self, *, max_tokens: int) -> object:
        return iter(["a"] * max_tokens)

    def close(self) -> None:
        self.is_closed = True


def test_a_watched_model_is_the_model_and_its_readings_are_noted() -> None:
    model, readings, cancel = Model(), Readings(), threading.Event()
    watched = WatchedModel(model, readings)
    question = [Message(Role.USER, "why")]
    model.next = Prefill(150, 0)
    watched.begin(question, cancel)
    assert readings == Readings(150, 0)
    model.next = Prefill(170, 160)
    assert watched.extend(question, cancel) is model.next
    assert readings == Readings(150, 0)
    model.next = Prefill(170, 100)
    watched.extend(question, cancel)
    assert readings == Readings(150, 50)
    assert (watched.context_tokens, watched.count_tokens(question)) == (100, 7)
    assert list(watched.generate(max_tokens=2)) == ["a", "a"]
    watched.close()
    assert model.is_closed


def test_a_long_winded_model_tells_its_story_whatever_it_is_asked() -> None:
    model, cancel = LongWindedModel("Once upon a time."), threading.Event()
    prefill = model.extend([Message(Role.USER, "why")], cancel)
    assert prefill.total_tokens == prefill.reused_tokens
    assert "".join(model.generate(max_tokens=99)).split() == ["Once", "upon", "a", "time."]
    assert len(list(model.generate(max_tokens=2))) == 2


def test_a_plan_has_the_scene_that_was_asked_for_and_no_other() -> None:
    assert all(Plan().has(scene) for scene in SceneName)
    assert [scene for scene in SceneName if Plan(SceneName.ECHO).has(scene)] == [SceneName.ECHO]
    # Recordings have no mark where a person might pause.
    assert not Plan(recordings=Path("somewhere")).has(SceneName.PAUSES)
