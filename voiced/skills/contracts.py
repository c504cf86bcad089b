"""What a skill is: a few intents, and a function from what was asked to what is answered.

A skill is a module `voiced/skills/builtin/<name>.py` with a function `build()` that gives a
`Skill`; it is found by being there. Its words live beside it, one file a language,
`voiced/skills/data/<language>/<name>.toml`:

- `[intents.<Intent>]`, `[lists.<name>]`, `[expansion_rules]`: sentences of its own in hassil's
  format. They may use the rules and lists of home-assistant-intents, and add to its intents;
- `[phrases]`: what it says, with `{placeholders}`.

An intent of home-assistant-intents needs no sentences: naming it in `intents` is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SkillMatch:
    """A whole sentence that is one of an intent's.

    `slots` holds what was meant (numbers in digits, the canonical name of a room), `spoken` the
    words that were said for it; a slot that the sentence only implies (the domain in "turn on the
    lights") is in `slots` alone. `response` tells the variants of an intent apart, `text` is the
    sentence as it was matched.
    """

    intent: str
    text: str
    slots: Mapping[str, str] = field(default_factory=dict)
    spoken: Mapping[str, str] = field(default_factory=dict)
    response: str = "default"


@dataclass(frozen=True, slots=True)
class World:
    """What a skill may know besides the sentence.

    `now` is the wall clock where the person is; `last_reply` what the assistant said last, "" at
    first.
    """

    now: Callable[[], datetime]
    last_reply: str = ""


class Spoken(Protocol):
    """Times and dates as a language speaks them: words only, which every voice reads right."""

    def clock_time(self, moment: time) -> str:
        """The time of day to the minute, the half of the day included."""

    def calendar_date(self, day: date) -> str:
        """Weekday, day and month."""

    def weekday(self, day: date) -> str: ...

    def month(self, day: date) -> str: ...

    def year(self, day: date) -> str: ...


class Words(Protocol):
    """The language that a skill answers in."""

    @property
    def spoken(self) -> Spoken: ...

    def say(self, phrase: str, **values: str) -> str:
        """The skill's phrase of that name with its placeholders filled."""

    def table(self, name: str) -> Mapping[str, str]:
        """A table of the skill's data file besides its sentences and phrases."""


class Skill(Protocol):
    """Something that the assistant can do without a language model."""

    @property
    def name(self) -> str:
        """The name of its data files."""

    @property
    def intents(self) -> frozenset[str]:
        """The intents that it answers; no two skills answer the same."""

    def answer(self, match: SkillMatch, world: World, words: Words) -> str:
        """What to say, "" for nothing. Never claims what was not done."""
