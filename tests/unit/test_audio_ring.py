"""The ring between a sound card's thread and the event loop."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.ring import SampleRing

WRITE, READ, DROP = "write", "read", "drop"

steps = st.lists(
    st.tuples(st.sampled_from((WRITE, READ, DROP)), st.integers(min_value=0, max_value=40))
)


@given(capacity=st.integers(min_value=1, max_value=30), steps=steps)
def test_it_behaves_like_a_bounded_list(capacity: int, steps: list[tuple[str, int]]) -> None:
    ring = SampleRing(capacity)
    expected: list[int] = []
    read = 0
    value = 0
    for step, count in steps:
        if step == WRITE:
            samples = np.arange(value, value + count, dtype=np.int16)
            written = ring.write(samples)
            assert written == min(count, capacity - len(expected))
            expected += samples[:written].tolist()
            value += written
        elif step == READ:
            out = np.full(count, -1, np.int16)
            got = ring.read_into(out)
            assert out[:got].tolist() == expected[:count]
            assert (out[got:] == -1).all()
            del expected[:got]
            read += got
        else:
            assert ring.drop(fade_samples=0) == len(expected)
            expected.clear()
        assert ring.available_samples == len(expected)
        assert ring.read_samples == read


def test_a_drop_keeps_a_fade_that_ends_in_silence() -> None:
    ring = SampleRing(100)
    ring.write(np.zeros(70, np.int16))
    ring.read_into(np.zeros(70, np.int16))
    ring.write(np.full(80, 1000, np.int16))

    assert ring.drop(fade_samples=50) == 30

    faded = np.zeros(80, np.int16)
    assert ring.read_into(faded) == 50
    assert faded[0] == 1000
    assert faded[49] == 0
    assert (np.diff(faded[:50]) < 0).all()


def test_two_threads_pass_samples_in_order() -> None:
    ring = SampleRing(997)
    total = 60_000
    received: list[int] = []

    def read() -> None:
        out = np.zeros(320, np.int16)
        while len(received) < total:
            received.extend(out[: ring.read_into(out)].tolist())

    reader = threading.Thread(target=read)
    reader.start()
    samples = np.arange(total).astype(np.int16)
    done = 0
    while done < total:
        done += ring.write(samples[done : done + 441])
    reader.join()
    assert np.array_equal(np.array(received, np.int16), samples)


def test_a_reader_does_without_rather_than_wait_for_a_drop() -> None:
    ring = SampleRing(10)
    ring.write(np.ones(10, np.int16))
    with ring._reading:
        assert ring.read_into(np.zeros(10, np.int16)) == 0
    assert ring.read_into(np.zeros(10, np.int16)) == 10
