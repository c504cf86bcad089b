"""What a skill is: a few intents, and a function from what was asked to what is answered.

A skill is a module `voiced/skills/builtin/<name>.py` with a function `build()` that gives a
`Skill`; it is found by being there. Its words live beside it, one file a language,
`voiced/skills/data/<language>/<name>.toml`:

- `[intents.<Intent>]`, `[lists.<name>]`, `[expansion_rules]`: sentences of its own in hassil's
  format. They may use the rules and lists of home-assistant-intents, and add to its intents;
- `[phrases]`: what it says, with `{placeholders}`; a list where it says now this, now that.

An intent of home-assistant-intents needs no sentences: naming it in `intents` is enough.

A sentence is answered when it is probably over, before that is certain, and nobody hears the answer where
the person goes on. So `answer` must not change anything, but for the intents named in `changes`: those
are answered only once the turn is committed, a little later.

An answer may be a question ("Unlock the front door?"), which says what a yes to it means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Protocol

from voiced.timers import TimerBook


@dataclass(frozen=True, slots=True)
class SkillMatch:
    """A whole sentence that is one of an intent's.

    `slots` holds what was meant (numbers in digits, the canonical name of a room), `spoken` the
    words that were said for it; a slot that the sentence only implies (the domain in "turn on the
    lights") is in `slots` alone. `response` tells the variants of an intent apart, `text` is the
    sentence as it was matched. `is_open`: its last words may be any ("play some"), so that it matches
    although more belongs to it. `is_confirmed` where the person was asked, and said yes.
    """

    intent: str
    text: str
    slots: Mapping[str, str] = field(default_factory=dict)
    spoken: Mapping[str, str] = field(default_factory=dict)
    response: str = "default"
    is_open: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer asks. A yes is answered as the match `yes`, a no with `no_speech` (a word, where it is
    empty); anything else is a new request, and the question is dropped.
    """

    yes: SkillMatch
    no_speech: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, "" for nothing, and the `question` that it asks."""

    speech: str
    question: Question | None = None


Answer = str | Reply
"""A text is a reply that asks nothing."""


@dataclass(frozen=True, slots=True)
class World:
    """What a skill may know besides the sentence.

    `now` is the wall clock where the person is; `last_reply` what the assistant said last, "" at
    first; `timers` is None where nobody would ring them (a command that ends with its answer).
    """

    now: Callable[[], datetime]
    last_reply: str = ""
    timers: TimerBook | None = None


class Spoken(Protocol):
    """Numbers and times as a language speaks them: words only, which every voice reads right."""

    def number(self, number: int) -> str: ...

    def listed(self, items: Sequence[str]) -> str:
        """One item after the other, as a sentence lists them; at least one."""

    def duration(self, length_s: float) -> str:
        """A length of time, to the second; what is shorter than one is one."""

    def duration_name(self, length_s: float) -> str:
        """A length of time before the thing that is as long: a "ten minute" timer."""

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
        """The skill's phrase of that name with its placeholders filled; of a list, the first."""

    def choices(self, phrase: str) -> Sequence[str]:
        """All that may be said for the phrase of that name; one, where it is no list."""

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

    @property
    def changes(self) -> frozenset[str]:
        """Those of its intents whose answer changes something, here or in the house.

        They are answered once, when the person has certainly finished; the others at any time, and as
        often as the assistant likes.
        """

    def answer(self, match: SkillMatch, world: World, words: Words) -> Answer | Awaitable[Answer]:
        """What to say, "" for nothing. Never claims what was not done.

        A plain function, called on the skills' thread, which must not wait for anything but the disk; or
        `async def`, which is awaited on the event loop and sets its own deadlines. A `VoicedError` ends the
        turn with an apology.
        """
