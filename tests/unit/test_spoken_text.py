"""What is left of written text for a synthesiser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.spoken_text import spoken_text


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
