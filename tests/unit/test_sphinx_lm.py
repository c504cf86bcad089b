"""The language model is a probability distribution, and prefers what it was made from."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.engines.stt._sphinx_lm import END, START, Source, write_arpa

WORDS = st.sampled_from(["turn", "on", "off", "the", "light", "lamp"])
SENTENCES = st.dictionaries(
    st.lists(WORDS, min_size=1, max_size=5).map(" ".join),
    st.floats(min_value=0.5, max_value=20),
    min_size=1,
    max_size=12,
)


class Arpa:
    """Reads an ARPA file by its definition, as pocketsphinx does."""

    def __init__(self, text: str) -> None:
        self.grams: dict[tuple[str, ...], tuple[float, float]] = {}
        order = 0
        self.counts: list[int] = []
        for line in text.splitlines():
            if line.startswith("ngram "):
                self.counts.append(int(line.partition("=")[2]))
            elif line.endswith("-grams:"):
                order = int(line[1])
            elif order and line and not line.startswith("\\"):
                fields = line.split()
                back_off = float(fields[1 + order]) if len(fields) > 1 + order else 0.0
                self.grams[tuple(fields[1 : 1 + order])] = (float(fields[0]), back_off)

    def log10(self, gram: tuple[str, ...]) -> float:
        if gram in self.grams:
            return self.grams[gram][0]
        return self.grams.get(gram[:-1], (0.0, 0.0))[1] + self.log10(gram[1:])


def arpa(*sources: tuple[float, Source]) -> Arpa:
    out = io.StringIO()
    write_arpa(sources, out)
    return Arpa(out.getvalue())


@given(SENTENCES, st.floats(min_value=0.1, max_value=10))
@settings(max_examples=40, deadline=None)
def test_probabilities_after_any_history_add_up_to_one(
    sentences: dict[str, float], smoothing: float
) -> None:
    model = arpa((1.0, Source(sentences, smoothing)))
    words = [gram[0] for gram in model.grams if len(gram) == 1 and gram != (START,)]
    histories = [gram for gram in model.grams if len(gram) < 3 and gram[-1] != END]
    for history in [(), *histories]:
        total = sum(10 ** model.log10((*history, word)) for word in words)
        assert total == pytest.approx(1.0, abs=0.01), history


@given(SENTENCES)
@settings(max_examples=40, deadline=None)
def test_the_header_counts_what_follows(sentences: dict[str, float]) -> None:
    model = arpa((1.0, Source(sentences, 1.0)))
    for order, count in enumerate(model.counts, start=1):
        assert count == sum(len(gram) == order for gram in model.grams)


def test_the_file_gives_the_probabilities_of_the_source() -> None:
    source = Source({"turn on the light": 3, "turn off the lamp": 1, "the lamp": 2}, 1.0)
    model = arpa((1.0, source))
    for gram, (log10, _) in model.grams.items():
        if gram != (START,):
            assert 10**log10 == pytest.approx(source.probability(gram), rel=0.01)


def test_witten_bell_by_hand() -> None:
    source = Source({"a b": 3, "a c": 1}, 1.0)
    # Eight words were counted with the ends of the sentences: a 4, b 3, c 1, </s> 4 of 12 in all.
    assert source.probability(("b",)) == pytest.approx(3 / 12)
    # After "a" two words were seen four times in all: (3 + 2 * 3/12) / (4 + 2).
    assert source.probability(("a", "b")) == pytest.approx(3.5 / 6)
    # After "<s> a" the same again on top of the shorter history: (3 + 2 * 3.5/6) / (4 + 2).
    assert source.probability((START, "a", "b")) == pytest.approx((3 + 2 * 3.5 / 6) / 6)
    assert source.probability(("never", "heard", "b")) == pytest.approx(3 / 12)


def test_a_mixture_lies_between_its_sources() -> None:
    lights = Source({"turn on the light": 1}, 1.0)
    lamps = Source({"turn on the lamp": 1}, 1.0)
    model = arpa((0.75, lights), (0.25, lamps))
    light, lamp = ((START, "turn"), ("on", "the", "light")), ("on", "the", "lamp")
    expected = 0.75 * lights.probability(light[1]) + 0.25 * lamps.probability(light[1])
    assert 10 ** model.log10(light[1]) == pytest.approx(expected, rel=0.01)
    assert model.log10(light[1]) > model.log10(lamp)


def test_a_sentence_that_comes_more_often_is_likelier() -> None:
    model = arpa((1.0, Source({"never mind": 10, "never stop": 1}, 1.0)))
    assert model.log10(("never", "mind")) > model.log10(("never", "stop"))
    assert math.isfinite(model.log10(("stop", "mind")))
