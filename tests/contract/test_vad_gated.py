"""webrtcvad as the gate in front of Silero."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.contract.vad_contract import VadContract, blocks, hiss, listen, silence
from tests.contract.wake_contract import Files
from voiced.engines.contracts import BuildContext, VoiceActivityDetector
from voiced.engines.vad import _models, gated
from voiced.types import Samples, ms_to_samples


def make(options: gated.Options | None = None) -> gated.GatedVad:
    context = BuildContext(models=Files(), cache_dir=Path())
    return gated.build(options or gated.Options(), context)


class CountingModel(_models.SileroModel):
    """Silero, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__(_models.load_silero(_models.silero_path()))
        self.windows = 0

    def probability(self, window: Samples) -> float:
        self.windows += 1
        return super().probability(window)


class TestGated(VadContract):
    def make_engine(self) -> VoiceActivityDetector:
        return make()


def test_silero_sleeps_while_nothing_is_heard() -> None:
    model = CountingModel()
    engine = gated.GatedVad(_models.WebrtcModel(2), model, ms_to_samples(300))
    listen(engine, silence(1000))
    assert model.windows == 0


def test_silero_catches_up_on_the_sound_before_the_gate_opened() -> None:
    model = CountingModel()
    engine = gated.GatedVad(_models.WebrtcModel(2), model, ms_to_samples(300))
    listen(engine, silence(1000))
    answers = listen(engine, TestGated().speech())
    opened = int(np.flatnonzero(answers)[0])
    windows_since = ms_to_samples(20) * (len(answers) - opened) // 512
    assert model.windows >= windows_since + 7


def test_the_gate_closes_again_after_the_hangover() -> None:
    model = CountingModel()
    engine = gated.GatedVad(_models.WebrtcModel(2), model, ms_to_samples(300))
    listen(engine, TestGated().speech())
    listen(engine, silence(1500))
    asked = model.windows
    assert np.array_equal(listen(engine, silence(1000)), np.zeros(blocks(1000)))
    assert model.windows == asked


class ScriptedGate(_models.WebrtcModel):
    """Opens for the blocks that it was told."""

    def __init__(self, script: str) -> None:
        super().__init__(2)
        self._script = iter(script)

    def is_speech(self, frame: Samples) -> bool:
        return next(self._script) == "x"


def scripted(script: str) -> gated.GatedVad:
    return gated.GatedVad(ScriptedGate(script), CountingModel(), ms_to_samples(300))


def test_the_hangover_counts_from_the_last_block_that_was_heard() -> None:
    engine = scripted("x..x" + "." * 40)
    answers = listen(engine, TestGated().speech()[: ms_to_samples(44 * 20)])
    # Blocks 0 to 3 and 300 ms; the first completes no window, so that it repeats the 0 before.
    assert list(np.flatnonzero(answers)) == list(range(1, 19))


def test_silero_begins_afresh_each_time_the_gate_opens() -> None:
    speech, pause = TestGated().speech()[: ms_to_samples(600)], silence(600)
    again, fresh = scripted("x" * 30 + "." * 30 + "x" * 30), scripted("." * 30 + "x" * 30)
    listen(again, speech)
    # Wait for the gate to close, and for the catch-up to hold nothing but silence.
    assert np.array_equal(listen(again, pause)[blocks(300) :], np.zeros(blocks(300)))
    listen(fresh, pause)
    assert np.array_equal(listen(again, speech), listen(fresh, speech))


def test_hiss_is_no_speech() -> None:
    assert listen(make(), hiss(10_000)).max() < 0.45
