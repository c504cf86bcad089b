"""The conversation: what the model is shown, what is forgotten, and what was heard."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from voiced.core.conversation import Conversation, Exchange
from voiced.core.prompt import EXAMPLES, SYSTEM_PROMPT
from voiced.types import Message, Role


def words(messages: Sequence[Message]) -> int:
    """A model whose tokens are words, with two more a message."""
    return sum(len(message.content.split()) + 2 for message in messages)


START = Conversation.begin("Be brief.", [("one and one", "Two.")])


def test_the_prefix_is_the_system_prompt_and_the_examples() -> None:
    assert START.asking("what time is it") == (
        Message(Role.SYSTEM, "Be brief."),
        Message(Role.USER, "one and one"),
        Message(Role.ASSISTANT, "Two."),
        Message(Role.USER, "what time is it"),
    )


def test_exchanges_stand_between_the_prefix_and_the_question() -> None:
    talk = START.after("hello", "Good morning.").after("how are you", "Fine.")
    assert talk.asking("good") == (
        *START.prefix,
        Message(Role.USER, "hello"),
        Message(Role.ASSISTANT, "Good morning."),
        Message(Role.USER, "how are you"),
        Message(Role.ASSISTANT, "Fine."),
        Message(Role.USER, "good"),
    )


def test_an_interrupted_answer_breaks_off_where_it_was_heard() -> None:
    talk = START.after("tell me a story", " Once upon a time ", is_interrupted=True)
    assert talk.exchanges == (Exchange("tell me a story", "Once upon a time", True),)
    assert talk.asking("stop")[-2] == Message(Role.ASSISTANT, "Once upon a time—")


def test_an_answer_that_nobody_heard_was_not_given() -> None:
    assert START.after("hello", " ", is_interrupted=True) == START


def test_asking_changes_nothing() -> None:
    START.asking("hello")
    assert START.exchanges == ()


def test_the_oldest_are_forgotten_until_half_of_the_room_is_free() -> None:
    talk = START
    for number in range(10):
        talk = talk.after(f"question {number}", f"answer {number}")  # 8 tokens each
    question = "and now"  # 4 tokens behind a prefix of 12
    assert words(talk.asking(question)) == 96
    assert talk.fitted(question, words, 96) is talk
    fitted = talk.fitted(question, words, 95)
    assert [exchange.said for exchange in fitted.exchanges] == [
        f"question {number}" for number in range(6, 10)
    ]


def test_a_question_that_does_not_fit_stands_alone() -> None:
    talk = START.after("hello", "Good morning.")
    assert talk.fitted("word " * 100, words, 50) == START


def test_the_default_prompt_is_short_and_its_examples_are_answers_in_one_sentence() -> None:
    start = Conversation.begin(SYSTEM_PROMPT, EXAMPLES)
    assert len(start.prefix) == 1 + 2 * len(EXAMPLES)
    assert words(start.prefix) < 120
    for question, answer in EXAMPLES:
        assert question == question.lower()
        assert answer[-1] in ".?!"
        assert len(answer.split()) <= 15


EXCHANGES = st.lists(
    st.tuples(st.text("ab ", min_size=1, max_size=40), st.text("ab ", max_size=40), st.booleans()),
    max_size=30,
)


@given(EXCHANGES, st.text("ab ", max_size=40), st.integers(0, 400))
def test_what_is_left_fits_and_is_the_newest_behind_the_whole_prefix(
    exchanges: list[tuple[str, str, bool]], question: str, budget: int
) -> None:
    talk = START
    for said, heard, is_interrupted in exchanges:
        talk = talk.after(said, heard, is_interrupted=is_interrupted)
    fitted = talk.fitted(question, words, budget)
    assert fitted.asking(question)[: len(START.prefix)] == START.prefix
    kept = len(fitted.exchanges)
    assert fitted.exchanges == talk.exchanges[len(talk.exchanges) - kept :]
    assert words(fitted.asking(question)) <= budget or kept == 0
    # What fits once is not touched again.
    if words(fitted.asking(question)) <= budget:
        assert fitted.fitted(question, words, budget) is fitted
