"""How Whisper's sound is cut and padded, and when its answer is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from voiced.engines.stt import _whisper_windows as windows
from voiced.engines.stt._whisper_windows import SILENCE, Decoded
from voiced.types import SAMPLE_RATE_HZ, Samples

pieces = st.integers(0, windows.MAX_PIECE_SAMPLES)
probabilities = st.floats(0, 1)
decoded = st.builds(
    Decoded,
    text=st.text(max_size=20).map(str.strip),
    tokens=st.integers(0, 224),
    log_probability=st.floats(-10, 0),
    no_speech_probability=probabilities,
    compression_ratio=st.floats(0, 5),
    is_cut_off=st.booleans(),
)


def answer(**changed: object) -> Decoded:
    """A good one, but for what is `changed`."""
    good: dict[str, object] = {
        "text": "yes",
        "tokens": 1,
        "log_probability": -0.1,
        "no_speech_probability": 0.0,
        "compression_ratio": 0.3,
        "is_cut_off": False,
    }
    return Decoded(**{**good, **changed})  # type: ignore[arg-type]


@given(pieces)
def test_a_window_holds_the_speech_and_its_padding(speech: int) -> None:
    window = windows.window_samples(speech)
    assert window >= speech + windows.PAD_SAMPLES
    assert windows.MIN_WINDOW_SAMPLES <= window <= windows.FULL_WINDOW_SAMPLES
    assert window % windows.WINDOW_STEP_SAMPLES == 0
    assert window < max(
        windows.MIN_WINDOW_SAMPLES + 1,
        speech + windows.PAD_SAMPLES + windows.WINDOW_STEP_SAMPLES,
    )


@given(pieces, pieces)
def test_longer_speech_is_never_given_less(one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    assert windows.window_samples(shorter) <= windows.window_samples(longer)
    assert 0 < windows.token_limit(shorter) <= windows.token_limit(longer) <= windows.MAX_TOKENS


def test_fast_speech_fits_the_token_limit() -> None:
    # Five words a second, 1.3 tokens each.
    assert windows.token_limit(10 * SAMPLE_RATE_HZ) > 10 * 5 * 1.3


@given(npst.arrays(np.int16, st.integers(0, 200)))
def test_padding_is_zeros_behind_the_sound(samples: Samples) -> None:
    sound = windows.padded(samples, 256)
    assert sound.shape == (256,)
    assert sound.dtype == np.float32
    assert np.all(np.abs(sound) <= 1.0)
    np.testing.assert_array_equal(sound[: len(samples)] * 32768, samples)
    assert not sound[len(samples) :].any()


@pytest.mark.parametrize(
    ("values", "silent"), [([], True), ([0, 15, -15], True), ([0, 16], False), ([-32768], False)]
)
def test_silence(values: list[int], silent: bool) -> None:
    assert windows.is_silent(np.array(values, dtype=np.int16)) is silent


@given(st.integers(20_000, 28_800), st.integers(0, 3))
def test_long_speech_is_cut_in_its_pause(pause_ms: int, extra_s: int) -> None:
    length = windows.MAX_PIECE_SAMPLES + extra_s * SAMPLE_RATE_HZ + 1
    sound = np.full(length, 1000, dtype=np.int16)
    start = pause_ms * SAMPLE_RATE_HZ // 1000
    sound[start : start + SAMPLE_RATE_HZ // 5] = 0
    cut = windows.cut_point(sound)
    assert start <= cut <= start + SAMPLE_RATE_HZ // 5
    assert 0 < cut < windows.MAX_PIECE_SAMPLES


@given(st.integers(0, 100_000), st.integers(0, 2**32 - 1))
def test_what_comes_later_moves_no_cut(later_samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.integers(-999, 999, windows.MAX_PIECE_SAMPLES + 1, dtype=np.int16)
    later = np.zeros(later_samples, dtype=np.int16)
    assert windows.cut_point(sound) == windows.cut_point(np.concatenate([sound, later]))


@pytest.mark.parametrize(
    "wrong",
    [
        answer(is_cut_off=True),
        answer(text="", tokens=0),
        answer(compression_ratio=2.5),
        answer(log_probability=-1.1),
    ],
)
def test_what_makes_an_answer_doubtful(wrong: Decoded) -> None:
    good = answer()
    assert not good.is_doubtful
    assert wrong.is_doubtful
    assert windows.better(wrong, good) is good
    assert windows.better(good, wrong) is good


def test_silence_is_believed() -> None:
    quiet = answer(log_probability=-1.2, no_speech_probability=0.9)
    assert quiet.is_silence
    assert not quiet.is_doubtful
    assert quiet.confidence == 0.9


@given(decoded, st.floats(-10, 0), st.floats(-10, 0))
def test_confidence_follows_the_log_probability(one: Decoded, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0.0 <= one.confidence <= 1.0
    assert answer(log_probability=low).confidence <= answer(log_probability=high).confidence


@given(st.lists(decoded, max_size=4))
def test_joined_pieces_stay_in_range(several: list[Decoded]) -> None:
    heard = windows.joined(several)
    assert heard.text == heard.text.strip()
    assert 0.0 <= heard.confidence <= 1.0
    assert 0.0 <= heard.no_speech_probability <= 1.0
    assert heard.log_probability is None or heard.log_probability <= 0.0


def test_joined_words_and_weights() -> None:
    one = answer(text="turn on", tokens=1, log_probability=-0.2, no_speech_probability=0.1)
    two = answer(text="the light", tokens=3, log_probability=-0.5)
    heard = windows.joined([one, SILENCE, two])
    assert heard.text == "turn on the light"
    assert heard.log_probability == pytest.approx((2 * -0.2 + 4 * -0.5) / 6)
    assert heard.confidence == pytest.approx(one.confidence * two.confidence)
    assert heard.no_speech_probability == 0.0


def test_nothing_but_silence() -> None:
    heard = windows.joined([SILENCE])
    assert (heard.text, heard.confidence, heard.no_speech_probability) == ("", 1.0, 1.0)
