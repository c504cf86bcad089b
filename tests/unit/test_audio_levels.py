"""Levels in dB relative to full scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.sound.signals import tone
from voiced.audio.levels import FLOOR_DBFS, dbfs, peak_dbfs


def test_known_levels() -> None:
    square = np.tile(np.array([32_767, -32_768], np.int16), 160)
    assert dbfs(square) == pytest.approx(0, abs=0.01)
    assert dbfs(tone(1_000, 1_000, peak=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert peak_dbfs(tone(1_000, 1_000, peak=0.1)) == pytest.approx(-20, abs=0.01)


def test_silence_is_the_floor() -> None:
    for silence in (np.zeros(320, np.int16), np.zeros(0, np.int16)):
        assert dbfs(silence) == FLOOR_DBFS
        assert peak_dbfs(silence) == FLOOR_DBFS


@given(hnp.arrays(np.int16, st.integers(min_value=1, max_value=400)))
def test_a_level_is_between_the_floor_and_full_scale(samples: np.ndarray) -> None:
    assert FLOOR_DBFS <= dbfs(samples) <= peak_dbfs(samples) + 1e-4
    assert peak_dbfs(samples) <= 0
