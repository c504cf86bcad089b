"""What every language model must do, as tests: subclass `LlmContract` and give it an engine.

    class TestMine(LlmContract):
        @classmethod
        def make_engine(cls) -> LanguageModel:
            return mine.build(mine.Options(), BuildContext(...))

The engine must choose its words without chance, so that the same conversation has the same reply.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

import pytest

from voiced.engines.contracts import LanguageModel
from voiced.errors import EngineError
from voiced.types import Message, Prefill, Role

PREFIX = (
    Message(Role.SYSTEM, "You are a helpful voice assistant. Reply with one short sentence."),
    Message(Role.USER, "how many days are in a week"),
    Message(Role.ASSISTANT, "There are seven days in a week."),
)


class CancelAfter:
    """Cancels when it has been asked for the `polls`-th time."""

    def __init__(self, polls: int) -> None:
        self.polls = polls

    def is_set(self) -> bool:
        self.polls -= 1
        return self.polls < 0


NEVER = threading.Event()


def asked(*said: str) -> tuple[Message, ...]:
    """The prefix, then what user and assistant said in turns, the user first and last."""
    turns = zip(said, [Role.USER, Role.ASSISTANT] * len(said), strict=False)
    return (*PREFIX, *(Message(role, text) for text, role in turns))


def reply(engine: LanguageModel, messages: Sequence[Message], max_tokens: int = 30) -> str:
    engine.extend(messages, NEVER)
    return "".join(engine.generate(max_tokens=max_tokens))


class LlmContract:
    """The contract of `LanguageModel`. An engine is made once a class."""

    question: ClassVar[str] = "what is the capital of france"
    """A question with a reply that is shorter than thirty tokens."""

    cancel_polls: ClassVar[tuple[int, ...]] = (0, 5, 500, 2000)
    """How often an engine may ask whether to stop before it must, while it reads 300 tokens: rising."""

    @classmethod
    def make_engine(cls) -> LanguageModel:
        raise AssertionError("a subclass makes its engine")

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Iterator[LanguageModel]:
        engine = cls.make_engine()
        yield engine
        engine.close()

    def test_it_holds_a_conversation(self, engine: LanguageModel) -> None:
        assert engine.context_tokens >= 256

    def test_counting_grows_with_every_message(self, engine: LanguageModel) -> None:
        counts = [engine.count_tokens(asked("one")[:length]) for length in range(1, 5)]
        assert counts == sorted(set(counts))
        assert engine.count_tokens(asked("one two three four")) > counts[-1]

    def test_counting_changes_nothing(self, engine: LanguageModel) -> None:
        messages = asked(self.question)
        engine.extend(messages, NEVER)
        engine.count_tokens(asked("something else", "entirely", "and then"))
        again = engine.extend(messages, NEVER)
        assert again.reused_tokens >= again.total_tokens - 1

    def test_extend_reports_what_is_there_and_what_was(self, engine: LanguageModel) -> None:
        first = asked("good morning")
        second = asked("good morning", "Good morning.", "how are you")
        engine.extend(asked("something else"), NEVER)
        one = engine.extend(first, NEVER)
        assert one.total_tokens == engine.count_tokens(first)
        assert 0 < one.reused_tokens < one.total_tokens
        two = engine.extend(second, NEVER)
        assert two.total_tokens == engine.count_tokens(second)
        assert two.reused_tokens >= one.total_tokens - 1

    def test_only_the_common_beginning_is_kept(self, engine: LanguageModel) -> None:
        engine.extend(asked("alpha", "Beta.", "gamma"), NEVER)
        changed = engine.extend(asked("alpha", "Delta.", "gamma"), NEVER)
        assert engine.count_tokens(PREFIX) - 10 < changed.reused_tokens
        assert changed.reused_tokens < engine.count_tokens(asked("alpha")) + 2

    def test_a_reply_does_not_depend_on_what_was_there_before(self, engine: LanguageModel) -> None:
        first = reply(engine, asked(self.question))
        reply(engine, asked("tell me a joke", "No.", "why not"))
        assert reply(engine, asked(self.question)) == first
        reply(engine, [Message(Role.SYSTEM, "Say nothing."), Message(Role.USER, "well")])
        assert reply(engine, asked(self.question)) == first

    def test_the_same_messages_can_be_answered_again(self, engine: LanguageModel) -> None:
        messages = asked(self.question)
        assert reply(engine, messages) == reply(engine, messages)

    def test_a_reply_ends_by_itself(self, engine: LanguageModel) -> None:
        short = reply(engine, asked(self.question), max_tokens=30)
        assert short.strip()
        assert reply(engine, asked(self.question), max_tokens=200) == short

    def test_a_reply_ends_after_max_tokens(self, engine: LanguageModel) -> None:
        engine.extend(asked("count from one to one hundred"), NEVER)
        assert 0 < len(list(engine.generate(max_tokens=4))) <= 4

    def test_no_tokens_are_no_reply(self, engine: LanguageModel) -> None:
        engine.extend(asked(self.question), NEVER)
        assert list(engine.generate(max_tokens=0)) == []

    def test_what_was_said_is_reused(self, engine: LanguageModel) -> None:
        said = reply(engine, asked(self.question))
        before = engine.count_tokens(asked(self.question))
        next_turn = engine.extend(asked(self.question, said, "and of spain"), NEVER)
        assert next_turn.reused_tokens > before

    def test_closing_a_reply_stops_it(self, engine: LanguageModel) -> None:
        messages = asked(self.question)
        whole = reply(engine, messages)
        engine.extend(messages, NEVER)
        pieces = engine.generate(max_tokens=30)
        first = next(pieces)
        assert whole.startswith(first)
        pieces.close()  # type: ignore[attr-defined]  # engines give generators
        assert list(pieces) == []
        again = engine.extend(messages, NEVER)
        assert again.reused_tokens >= again.total_tokens - 1
        assert "".join(engine.generate(max_tokens=30)) == whole

    def test_a_reply_does_not_go_on_in_another_conversation(self, engine: LanguageModel) -> None:
        engine.extend(asked("count from one to one hundred"), NEVER)
        stale = engine.generate(max_tokens=30)
        next(stale)
        expected = engine.extend(asked(self.question), NEVER)
        assert list(stale) == []
        assert engine.extend(asked(self.question), NEVER).total_tokens == expected.total_tokens

    def test_without_a_conversation_there_is_no_reply(self, engine: LanguageModel) -> None:
        engine.extend(asked(self.question), NEVER)
        list(engine.generate(max_tokens=5))
        with pytest.raises(EngineError, match="nothing to answer"):
            next(engine.generate(max_tokens=5))

    def test_begin_holds_what_stands_before_every_question(self, engine: LanguageModel) -> None:
        begun = engine.begin(PREFIX, NEVER)
        assert begun.end_probability is None
        assert 0 < begun.total_tokens < engine.count_tokens(PREFIX) + 3
        assert begun.total_tokens < engine.count_tokens(asked("one"))
        for question in (self.question, "good morning", "7"):
            assert engine.begin(PREFIX, NEVER) == Prefill(begun.total_tokens, begun.total_tokens)
            extended = engine.extend(asked(question), NEVER)
            assert extended.reused_tokens == begun.total_tokens
            assert extended.total_tokens == engine.count_tokens(asked(question))

    def test_begin_is_no_question(self, engine: LanguageModel) -> None:
        engine.extend(asked(self.question), NEVER)
        engine.begin(PREFIX, NEVER)
        with pytest.raises(EngineError, match="nothing to answer"):
            next(engine.generate(max_tokens=5))

    def test_begin_changes_no_reply(self, engine: LanguageModel) -> None:
        expected = reply(engine, asked(self.question))
        engine.extend([Message(Role.USER, "something else")], NEVER)
        engine.begin(PREFIX, NEVER)
        assert reply(engine, asked(self.question)) == expected

    def test_a_cancelled_begin_is_taken_up_again(self, engine: LanguageModel) -> None:
        # Long, and never begun before: nothing of it can have been kept.
        words = " ".join(f"number {index}" for index in range(60))
        prefix = (Message(Role.SYSTEM, words), *PREFIX[1:])
        engine.extend([Message(Role.USER, "something else")], NEVER)
        stopped = engine.begin(prefix, CancelAfter(self.cancel_polls[1]))
        begun = engine.begin(prefix, NEVER)
        assert stopped.total_tokens < begun.total_tokens
        assert stopped.total_tokens <= begun.reused_tokens < begun.total_tokens
        again = engine.begin(prefix, NEVER)
        assert again.reused_tokens == again.total_tokens == begun.total_tokens

    def test_too_long_a_prefix_is_refused(self, engine: LanguageModel) -> None:
        with pytest.raises(EngineError, match=r"holds \d+"):
            engine.begin([Message(Role.SYSTEM, "word " * engine.context_tokens)], NEVER)

    def test_ten_turns_with_interruptions_never_read_the_prefix_again(
        self, engine: LanguageModel
    ) -> None:
        prefix_tokens = engine.begin(PREFIX, NEVER).total_tokens
        said: list[str] = []
        for turn in range(10):
            said.append(f"{self.question} {turn}" if turn % 3 else self.question)
            # What was understood at a first pause, and another sentence than what came of it.
            guess = engine.extend(asked(*said[:-1], "what is"), NEVER)
            assert guess.reused_tokens >= prefix_tokens
            extended = engine.extend(asked(*said), NEVER)
            assert extended.reused_tokens >= prefix_tokens
            # What was read in the turns before is not read again either, but for the heard words.
            if turn:
                heard_before = engine.count_tokens(asked(*said[:-2])) - 5
                assert extended.reused_tokens >= heard_before
            if turn % 2:
                pieces = engine.generate(max_tokens=30)
                next(pieces)
                pieces.close()  # type: ignore[attr-defined]  # engines give generators
                said.append("The—")
            else:
                said.append("".join(engine.generate(max_tokens=12)).strip())

    def test_the_end_of_turn_is_a_probability_and_stays_the_same(
        self, engine: LanguageModel
    ) -> None:
        for question in (self.question, "what is the", "", "Good morning."):
            engine.begin(PREFIX, NEVER)
            first = engine.extend(asked(question), NEVER).end_probability
            assert first is None or 0 <= first <= 1
            again = engine.extend(asked(question), NEVER)
            assert again.end_probability == first
            assert again.reused_tokens >= again.total_tokens - 1
            assert engine.extend(asked(question), CancelAfter(0)).end_probability is None
            engine.extend(asked("something else"), NEVER)
            other_way = engine.extend(asked(question), NEVER).end_probability
            # Tokens that were read in other batches differ in the last digits.
            assert other_way == (None if first is None else pytest.approx(first, abs=0.02))

    def test_a_cancelled_extend_stops_and_what_it_did_counts(self, engine: LanguageModel) -> None:
        long = asked(*["this is a rather long thing to say, word after word after word"] * 13)
        expected = reply(engine, long, max_tokens=8)
        engine.extend(asked("something else"), NEVER)
        done: list[Prefill] = []
        for polls in self.cancel_polls:
            done.append(engine.extend(long, CancelAfter(polls)))
            assert done[-1].total_tokens < engine.count_tokens(long)
            with pytest.raises(EngineError, match="nothing to answer"):
                next(engine.generate(max_tokens=5))
        for earlier, later in pairwise(done):
            assert later.reused_tokens >= earlier.total_tokens - 1
        assert done[-1].total_tokens > done[0].total_tokens
        assert engine.extend(long, NEVER).reused_tokens >= done[-1].total_tokens - 1
        assert "".join(engine.generate(max_tokens=8)) == expected

    def test_too_long_a_conversation_is_refused_and_does_no_harm(
        self, engine: LanguageModel
    ) -> None:
        expected = reply(engine, asked(self.question))
        with pytest.raises(EngineError, match=r"holds \d+"):
            engine.extend(asked("word " * engine.context_tokens), NEVER)
        assert reply(engine, asked(self.question)) == expected

    def test_a_reply_ends_where_the_context_does(self, engine: LanguageModel) -> None:
        words = engine.context_tokens
        while engine.count_tokens(asked("word " * words)) > engine.context_tokens - 4:
            words -= 1 + words // 100
        messages = asked("word " * words)
        room = engine.context_tokens - engine.count_tokens(messages)
        assert engine.extend(messages, NEVER).total_tokens < engine.context_tokens
        assert len(list(engine.generate(max_tokens=room + 50))) <= room

    def test_odd_text_is_a_conversation_too(self, engine: LanguageModel) -> None:
        for text in (
            "",
            " ",
            "🙂",
            "\x00",
            "broken \ud800 surrogate",
            "今天",
            "{{ 7 * 7 }} {% if %}",
        ):
            engine.extend(asked(text), NEVER)
            list(engine.generate(max_tokens=2))

    def test_no_thread_is_left(self, engine: LanguageModel) -> None:
        before = threading.active_count()
        reply(engine, asked(self.question))
        assert threading.active_count() == before
