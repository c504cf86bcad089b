"""The conversation as the language model is shown it.

First stands what never changes (system prompt, worked examples), byte for byte, so that a model's
cache of it stays good from start-up on. Behind it stand the exchanges, each with the part of the answer
that the person heard: what was cut off was never said. Immutable: what is asked may be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from voiced.types import Message, Role

CountTokens = Callable[[Sequence[Message]], int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, and what was heard of its answer; `is_interrupted` where that was not all of it."""

    said: str
    heard: str
    is_interrupted: bool = False

    @property
    def messages(self) -> tuple[Message, Message]:
        """As messages; an interrupted answer breaks off with a dash, as in a play."""
        heard = f"{self.heard}—" if self.is_interrupted else self.heard
        return Message(Role.USER, self.said), Message(Role.ASSISTANT, heard)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A prefix and the exchanges since; the oldest of these are forgotten when room runs out."""

    prefix: tuple[Message, ...]
    exchanges: tuple[Exchange, ...] = ()

    @classmethod
    def begin(cls, system_prompt: str, examples: Sequence[tuple[str, str]] = ()) -> Conversation:
        """A new conversation; `examples` are pairs of a question and the answer wanted."""
        messages = [Message(Role.SYSTEM, system_prompt)]
        for question, answer in examples:
            messages += Exchange(question, answer).messages
        return cls(tuple(messages))

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that was said, the prefix first."""
        past = (message for exchange in self.exchanges for message in exchange.messages)
        return (*self.prefix, *past)

    def asking(self, said: str) -> tuple[Message, ...]:
        """All messages, with the question `said` at the end."""
        return (*self.messages, Message(Role.USER, said))

    def before_interruption(self) -> tuple[Conversation, str] | None:
        """The latest question whose answer was cut off, and the conversation up to it.

        None where that is longer ago than the exchange before the last.
        """
        for index in range(len(self.exchanges) - 1, max(-1, len(self.exchanges) - 3), -1):
            if self.exchanges[index].is_interrupted:
                before = replace(self, exchanges=self.exchanges[:index])
                return before, self.exchanges[index].said
        return None

    def after(self, said: str, heard: str, *, is_interrupted: bool = False) -> Conversation:
        """The conversation with one more exchange. Where nothing was heard, nothing was said."""
        heard = heard.strip()
        if not heard:
            return self
        exchange = Exchange(said, heard, is_interrupted)
        return replace(self, exchanges=(*self.exchanges, exchange))

    def fitted(self, said: str, count_tokens: CountTokens, budget_tokens: int) -> Conversation:
        """The conversation with so few of its exchanges that asking `said` fits `budget_tokens`.

        Where it does not fit, the oldest go until half of the room behind the prefix is free: to forget
        moves everything behind it, which the model must then read again, so it is done seldom. Where
        the question alone does not fit, all are gone, and the model says so.
        """
        if count_tokens(self.asking(said)) <= budget_tokens:
            return self
        target_tokens = (count_tokens(self.prefix) + budget_tokens) // 2
        fitted = self
        while fitted.exchanges and count_tokens(fitted.asking(said)) > target_tokens:
            fitted = replace(fitted, exchanges=fitted.exchanges[1:])
        return fitted
