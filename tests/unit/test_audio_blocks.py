"""Cutting a stream into the pipeline's blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.blocks import Blocks
from voiced.types import BLOCK_SAMPLES, AudioChunk


@given(st.lists(st.integers(min_value=0, max_value=1_500), max_size=20))
def test_nothing_is_lost_or_moved(portions: list[int]) -> None:
    stream = (np.arange(sum(portions)) % 30_000).astype(np.int16)
    blocks = Blocks()
    chunks: list[AudioChunk] = []
    begin = 0
    for portion in portions:
        chunks += blocks.cut(stream[begin : begin + portion])
        begin += portion
    chunks += blocks.finish()

    assert [chunk.start_sample for chunk in chunks] == [
        number * BLOCK_SAMPLES for number in range(len(chunks))
    ]
    assert all(len(chunk.samples) == BLOCK_SAMPLES for chunk in chunks)
    joined = np.concatenate([np.zeros(0, np.int16), *(chunk.samples for chunk in chunks)])
    assert np.array_equal(joined[: len(stream)], stream)
    assert not joined[len(stream) :].any()
    assert len(joined) - len(stream) < BLOCK_SAMPLES
