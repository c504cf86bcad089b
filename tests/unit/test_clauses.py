"""Clauses: examples of where text is cut, and properties that hold for every text and every splitting."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.clauses import ClauseSplitter


def clauses(*pieces: str) -> list[str]:
    splitter = ClauseSplitter()
    return [clause for piece in pieces for clause in splitter.push(piece)] + splitter.flush()


@pytest.mark.parametrize(
    "expected",
    [
        # The first clause ends at a comma where it is not torn off; later ones are sentences.
        ["Yes, the capital of France is Paris,", "and it lies on the Seine, in the north."],
        ["The kitchen lights are off.", "The door, however, is open."],
        ["Sure, here is a joke:", "why did the chicken cross the road?"],
        # A long later sentence is cut at a comma all the same.
        [
            "Good morning.",
            "The weather today will be mild with a light wind from the west,",
            "and tomorrow it will rain.",
        ],
        # Points that end nothing.
        ["It is 3.5 degrees and costs $1,000.50.", "It is 7:30 now."],
        [
            "Mr. Smith met Dr. Jones e.g. on Oct. 5 at No. 10.",
            "They left at 5 p.m.",
            "No.",
            "So I.",
        ],
        ["J. R. R. Tolkien was in the U.S. Army and i.e. not in the U.K. at all."],
        ["See example.com/a.html?b=c or v2.0.1 of it."],
        ["It takes approx. five minutes or so.", "Fine."],
        # Marks that belong together.
        ["Well... I think so.", "Wait... what?!", "Really?", "Yes!!!"],
        ['He said "stop."', "Then he left.", "(He had to.)", "\u201cGo!\u201d", "she said."],
        ["Hmm… let me think.", "Right."],
        ["The light is on —", "it was off until now."],
        # Lists.
        ["Here are three things:", "1. Milk", "2. Eggs, and bread", "- Butter"],
        # Other languages.
        ["¿Qué hora es?", "¡Son las tres!", "El Sr. García vive en EE. UU. desde 1999."],
        ["Quelle heure est-il ?", "Il est midi !"],
        ["صباح الخير؟", "نعم."],
        ["यह दिल्ली है।", "हाँ।"],
    ],
)
def test_cut(expected: list[str]) -> None:
    is_list = expected[-1].startswith("-")
    text = ("\n" if is_list else " ").join(expected)
    assert clauses(text) == expected
    assert clauses(*text) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["今天天气很好。", "我们去公园吧！", "「好的。」", "他说好。"],
        ["今天天气很好，", "我们去公园吧。"],
        ["おはようございます、", "今日は何曜日ですか？", "金曜日です。"],
    ],
)
def test_scripts_without_spaces(expected: list[str]) -> None:
    assert clauses(*"".join(expected)) == expected


def test_lower_case_after_a_point_is_a_weak_end() -> None:
    assert clauses("the light is on. it is five.") == ["the light is on.", "it is five."]
    assert clauses("The word cont. is short.") == ["The word cont.", "is short."]
    assert clauses("An org. is a thing.") == ["An org. is a thing."]


def test_a_clause_comes_as_soon_as_it_is_certain() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("The capital is Paris") == []
    assert splitter.push(".") == []  # "Paris.com" is still possible
    assert splitter.push(" ") == []  # and "Paris. in"
    assert splitter.push("I") == ["The capital is Paris."]
    assert splitter.push("t is! ") == ["It is!"]
    assert splitter.push("A line\n") == ["A line"]
    assert splitter.push("你好。我") == ["你好。"]
    assert splitter.flush() == ["我"]


def test_run_on_text_is_cut_at_a_word() -> None:
    got = clauses("lorem ipsum " * 100)
    assert " ".join(got).split() == ["lorem", "ipsum"] * 100
    assert all(180 < len(clause) <= 200 for clause in got[:-1])


def test_a_word_without_end_is_cut() -> None:
    splitter = ClauseSplitter()
    got = [clause for _ in range(1000) for clause in splitter.push("a")]
    assert [len(clause) for clause in got] == [200] * 4
    assert len("".join([*got, *splitter.flush()])) == 1000


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "?! —", "🙂", "***", "-" * 500])
def test_nothing_to_say_is_no_clause(text: str) -> None:
    assert clauses(text) == []


def test_flush_leaves_nothing_behind() -> None:
    splitter = ClauseSplitter()
    splitter.push("Half a")
    assert splitter.flush() == ["Half a"]
    assert splitter.flush() == []


TRICKY = """
    Hello the light e.g. Mr. 3.5 7:30 1,000 U.S. no. No. I p.m. etc. -5 Paris Yes, is; so: on— end.
    end? end! what?! well... hm… "quoted." (so) — - – 1. 2) https://a.b/c?d=e 😀 今天。天气， ¿Qué? «sí».
    * **bold** don't
"""
WORDS = st.one_of(
    st.sampled_from(TRICKY.split()),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
TEXTS = st.lists(WORDS, max_size=60).flatmap(
    lambda words: st.lists(
        st.sampled_from([" ", "  ", "\n", " \n ", "\t", ""]),
        min_size=len(words),
        max_size=len(words),
    ).map(lambda gaps: "".join(word + gap for word, gap in zip(words, gaps, strict=True)))
)


@st.composite
def split_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = draw(TEXTS)
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=20))
    edges = [0, *sorted(cuts), len(text)]
    return text, [text[start:end] for start, end in pairwise(edges)]


def spoken_words(text: str) -> list[str]:
    """The words of `text`: whatever stands between spaces and holds a letter or digit."""
    return [word for word in text.split() if any(map(str.isalnum, word))]


@given(split_texts())
def test_the_splitting_of_the_input_does_not_matter(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    assert clauses(*pieces) == clauses(text) == clauses(*text)


@given(TEXTS)
def test_nothing_spoken_is_lost_or_changed(text: str) -> None:
    def letters(of: str) -> str:
        return "".join(filter(str.isalnum, of))

    got = clauses(text)
    assert letters("".join(got)) == letters(text)
    # Nor any mark within a clause: each stands in the text as it is, but for white space.
    rest = re.sub(r"\s+", "", text)
    for clause in got:
        found = rest.find(re.sub(r"\s+", "", clause))
        assert found >= 0
        assert not any(map(str.isalnum, rest[:found]))
        rest = rest[found:].removeprefix(re.sub(r"\s+", "", clause))


@given(st.lists(st.text("abcdefgh.,!?:;", min_size=1, max_size=20), max_size=80))
def test_words_between_spaces_stay_whole(words: list[str]) -> None:
    text = " ".join(words)
    assert spoken_words(" ".join(clauses(text))) == spoken_words(text)


@given(TEXTS)
def test_clauses_are_sayable_and_not_too_long(text: str) -> None:
    for clause in clauses(text):
        assert 0 < len(clause) <= 200
        assert clause == " ".join(clause.split())
        assert any(map(str.isalnum, clause))
