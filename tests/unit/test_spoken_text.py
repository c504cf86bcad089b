"""What is left of written text for a synthesiser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.spoken_text import spoken_text, spoken_words


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("The **capital** of _France_ is `Paris`.", "The capital of France is Paris."),
        ("***Really***, ~~no~~ yes", "Really, no yes"),
        ("- Butter", "Butter"),
        ("* Butter", "Butter"),
        ("## A heading", "A heading"),
        ("> a quote", "a quote"),
        ("1. Milk", "1. Milk"),
        ("see [the page](https://example.com/a)", "see the page"),
        ("Hello 🙂 there 👍🏽!", "Hello there !"),
        ("🏳️‍🌈 flags", "flags"),
        ("a\x00b\nc\td", "a b c d"),
        ("broken \ud800 surrogate", "broken surrogate"),
        ("[[h@loU]] there", "[h@loU]] there"),
        # What is read aloud stays.
        ("2*3 is 6, and 2 * 3 too", "2*3 is 6, and 2 * 3 too"),
        ("snake_case and C++ at -3.5 °C, €20, 50 %", "snake_case and C++ at -3.5 °C, €20, 50 %"),
        ("-5", "-5"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_only_what_is_read_aloud_is_left(written: str, spoken: str) -> None:
    assert spoken_text(written) == spoken


@pytest.mark.parametrize("nothing", ["", "...", "***", "🙂", "—", "\x00", "[]()", "\n\n"])
def test_nothing_to_say_is_empty(nothing: str) -> None:
    assert spoken_text(nothing) == ""


@given(st.text())
def test_letters_and_digits_stay_and_nothing_breaks_a_synthesiser(written: str) -> None:
    spoken = spoken_text(written)
    # The address of a link goes with the link.
    if "](" not in written:
        kept = [character for character in spoken if character.isalnum()]
        assert kept == [character for character in written if character.isalnum()]
    spoken.encode("utf-8")
    assert spoken == " ".join(spoken.split())
    assert "\x00" not in spoken
    assert "[[" not in spoken


def said(written: str) -> list[tuple[str, int]]:
    return [(word.text, word.words_done) for word in spoken_words(written)]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("one two", [("one", 1), ("two", 2)]),
        # What is not spoken is said with what follows, and at the end with the last.
        ("- one", [("one", 2)]),
        ("one 🙂 two 🙂", [("one", 1), ("two", 4)]),
        ("**one** _two_", [("one", 1), ("two", 2)]),
        ("the [long run](https://a.b) ends", [("the", 1), ("long", 2), ("run", 3), ("ends", 4)]),
        # A written word is said when all of it is.
        ("hi🙂there you", [("hi", 0), ("there", 1), ("you", 2)]),
        ("one a\x00b\x01c", [("one", 1), ("a", 1), ("b", 1), ("c", 2)]),
        ("one\u00a0two\n three", [("one", 1), ("two", 2), ("three", 3)]),
        ("🙂 ...", []),
        ("", []),
    ],
)
def test_each_spoken_word_knows_the_written_ones(
    written: str, words: list[tuple[str, int]]
) -> None:
    assert said(written) == words


@given(st.text(st.sampled_from("ab1 \n\t\x00*_`~-#>[](🙂\ud800\u00a0.")))
def test_written_words_are_said_in_order_and_in_the_end_all(written: str) -> None:
    counts = [words_done for _, words_done in said(written)]
    assert counts == sorted(counts)
    assert counts[-1:] in ([], [len(written.split())])


@given(st.lists(st.text("abc1", min_size=1), min_size=1))
def test_plain_words_are_counted_one_by_one(words: list[str]) -> None:
    assert said(" ".join(words)) == [(word, index) for index, word in enumerate(words, 1)]
