"""webrtcvad alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.vad_contract import VadContract, hiss, listen
from tests.contract.wake_contract import Files
from voiced.engines.contracts import BuildContext, VoiceActivityDetector
from voiced.engines.vad import webrtc


def make(mode: int) -> webrtc.WebrtcVad:
    context = BuildContext(models=Files(), cache_dir=Path())
    return webrtc.build(webrtc.Options(mode=mode), context)


class TestWebrtc(VadContract):
    def make_engine(self) -> VoiceActivityDetector:
        return make(webrtc.Options().mode)


@pytest.mark.parametrize("mode", range(4))
def test_every_mode_answers_in_fifths(mode: int) -> None:
    answers = listen(make(mode), hiss(1000))
    assert set(answers) <= {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}
