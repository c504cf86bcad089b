"""Whether what is said beside an answer is meant to interrupt it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.interruption import Interjection, is_meant

PAUSE = Interjection(words=2, speech_ms=500, is_pause=True, confidence=0.9)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        # While it goes on.
        (Interjection(words=0, speech_ms=200), None),
        (Interjection(words=1, speech_ms=300), None),
        (Interjection(words=2, speech_ms=600), None),
        (Interjection(words=4, speech_ms=900), True),
        (Interjection(words=0, speech_ms=2000), True),
        # A cough, or a door.
        (replace(PAUSE, words=0), False),
        (replace(PAUSE, words=0, confidence=0.0), False),
        # "Mm-hm", however well understood.
        (replace(PAUSE, words=1, is_backchannel=True), False),
        (replace(PAUSE, words=1, is_backchannel=True, is_match=True), False),
        # "Stop", "what about Monday"; but one word that no skill knows is often a noise.
        (replace(PAUSE, words=1), False),
        (PAUSE, True),
        (replace(PAUSE, words=1, is_match=True, confidence=0.1), True),
        # Something, but who knows what.
        (replace(PAUSE, confidence=0.1), False),
        (replace(PAUSE, confidence=0.1, speech_ms=1000), True),
        # Long speech is meant, whatever was understood of it.
        (replace(PAUSE, words=0, speech_ms=2000), True),
        (replace(PAUSE, confidence=0.0, speech_ms=2000), True),
    ],
)
def test_is_meant(heard: Interjection, meant: bool | None) -> None:
    assert is_meant(heard) is meant


def test_where_only_stop_interrupts() -> None:
    stop = replace(PAUSE, words=1, is_match=True, is_stop=True, confidence=0.2)
    for heard in (PAUSE, replace(PAUSE, is_match=True, speech_ms=3000), replace(PAUSE, words=0)):
        assert is_meant(heard, only_stop=True) is False
    assert is_meant(stop, only_stop=True) is True
    # Until it pauses more may follow: "stop" may be the beginning of "stop by the shop".
    assert is_meant(replace(stop, is_pause=False), only_stop=True) is None


heards = st.builds(
    Interjection,
    st.integers(0, 10),
    st.floats(0, 5000),
    st.booleans(),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(heards)
def test_a_pause_decides(heard: Interjection) -> None:
    for only_stop in (False, True):
        at_pause = replace(heard, is_pause=True)
        assert is_meant(at_pause, only_stop=only_stop) is not None


@given(heards)
def test_who_goes_on_is_never_told_that_they_did_not_mean_it(heard: Interjection) -> None:
    assert is_meant(replace(heard, is_pause=False)) is not False


@given(heards, st.floats(0, 5000), st.integers(0, 10))
def test_more_of_it_is_meant_no_less(heard: Interjection, more_ms: float, more_words: int) -> None:
    more = replace(heard, speech_ms=heard.speech_ms + more_ms, words=heard.words + more_words)
    if is_meant(heard):
        assert is_meant(more)
