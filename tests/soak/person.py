"""Who lives with the assistant: what they can say and do, and how they know that they were answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from tests.soak.engines import spoken_number
from tests.soak.house import LIGHT, METER, SHORT, STORY, House
from tests.soak.tally import Tally
from tests.support.coded_speech import silence, words
from voiced.core.state import Phase
from voiced.types import BLOCK_MS, SAMPLE_RATE_HZ, Samples, ms_to_samples

_ANSWER_WITHIN_S: Final = 20.0
"""More than the slowest endpoint, all engines at their slowest, and a reminder that is being read first."""

_SETTLE_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what has to be heard."""

    text: str
    answer: tuple[str, ...]

    @property
    def ending(self) -> tuple[str, ...]:
        """The last words of the answer."""
        return self.answer[-6:]


class Person:
    """Says things, hears the speaker, and keeps the tally."""

    def __init__(self, house: House, random: Random, tally: Tally) -> None:
        self.house = house
        self.random = random
        self.tally = tally
        self.act = ""
        self._asked = 0

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def question(self, *beginnings: str) -> Question:
        """One that was not asked before (lately), with one of these beginnings."""
        beginning = self.random.choice(beginnings or (METER, LIGHT, SHORT, STORY))
        self._asked += 1
        text = f"{beginning} {spoken_number(self._asked)}"
        skills, model = self.house.lore
        answer = skills.get(text) or model[text]
        return Question(text, tuple(words(answer)))

    async def wait(self, least_s: float, most_s: float) -> None:
        """Let a random time pass."""
        await asyncio.sleep(self.random.uniform(least_s, most_s))

    async def until(self, is_so: Callable[[], bool], within_s: float) -> bool:
        """Wait until something is so; False where it is not in time."""
        last_s = self.now_s() + within_s
        while not is_so():
            if self.now_s() >= last_s:
                return False
            await asyncio.sleep(BLOCK_MS / 1000)
        return True

    async def say(self, text: str, *, pause_s: float = 0.0) -> None:
        """Say it, to its end, then nothing for `pause_s`."""
        await self.sound(self.house.codebook.say(text))
        await asyncio.sleep(pause_s)

    async def sound(self, samples: Samples) -> None:
        """Make a sound, to its end."""
        card = self.house.card
        end = card.say(samples)
        await asyncio.sleep((end - card.position_samples) / SAMPLE_RATE_HZ)

    async def call(self) -> None:
        """Say the wake word, and wait as people do before they go on: not at all, or for a sign."""
        pause_s = self.random.choice((0.0, 0.0, self.random.uniform(0.02, 2.5)))
        await self.say("okay nabu", pause_s=pause_s)

    async def ask(self, question: Question, *, calls: bool = True) -> None:
        """Ask aloud, at times with a pause in the middle."""
        self.tally.asked += 1
        if calls:
            await self.call()
        said = question.text.split()
        if self.random.random() < 0.25:
            # Beside an answer a single word and a pause are no interruption.
            cut = self.random.randrange(1 if calls else 2, len(said) - 1)
            await self.say(" ".join(said[:cut]), pause_s=self.random.uniform(0.05, 0.5))
            said = said[cut:]
        await self.say(" ".join(said))

    async def expects(self, question: Question, heard: list[str]) -> None:
        """Wait for all of the answer."""
        within_s = _ANSWER_WITHIN_S + 0.3 * len(question.answer)
        if await self.until(lambda: contains(heard, question.answer), within_s):
            self.tally.answered += 1
        else:
            self.tally.lost.append(self._note(f"asked {question.text!r}", heard))

    async def asks(self, question: Question, *, calls: bool = True) -> None:
        """Ask, and wait for all of the answer."""
        with self.house.card.spoken.heard() as heard:
            await self.ask(question, calls=calls)
            await self.expects(question, heard)

    async def hears_some(self, question: Question, heard: list[str]) -> bool:
        """Wait for a random part of the answer; False where it does not come."""
        part = question.answer[: self.random.randrange(1, len(question.answer) - 2)]
        if not await self.until(lambda: contains(heard, part), _ANSWER_WITHIN_S + 10):
            self.tally.lost.append(self._note(f"asked {question.text!r}", heard))
            return False
        await self.wait(0, 0.4)
        return True

    async def settles(self) -> None:
        """Wait until it waits for the wake word again."""
        phase = await self.until(lambda: self.house.phase is Phase.IDLE, _SETTLE_WITHIN_S)
        if not phase:
            self.wrong(f"it is still {self.house.phase.value}", [])

    def wrong(self, what: str, heard: list[str]) -> None:
        """Note that something happened that should not."""
        self.tally.amiss.append(self._note(what, heard))

    def _note(self, what: str, heard: list[str]) -> str:
        at_s = self.now_s()
        clock = f"day {at_s // 86_400:.0f} {at_s / 3600 % 24:05.2f} h (sample {at_s:.2f} s)"
        manners = self.house.settings.conversation
        how = f"{manners.barge_in}, {manners.follow_up_ms} ms, {manners.speculation}"
        return f"{clock}, {self.act} ({how}): {what}, heard {' '.join(heard[-30:])!r}"


def contains(heard: list[str], wanted: tuple[str, ...]) -> bool:
    """Whether `wanted` was heard in one piece."""
    length = len(wanted)
    ends = range(len(heard), length - 1, -1)
    return any(tuple(heard[end - length : end]) == wanted for end in ends)


def cough(random: Random) -> Samples:
    """Loud, and no word."""
    return np.full(ms_to_samples(random.uniform(20, 400)), 2500, np.int16)


def chatter(random: Random, house: House) -> Samples:
    """People, or a television, that talk about something else."""
    talk = ("people", "in", "this", "film", "say", "nothing", "at", "all", "to", "anybody")
    parts = [silence(20)]
    for _ in range(random.randrange(3, 40)):
        parts += [house.codebook.say(random.choice(talk)), silence(random.uniform(0, 400))]
    return np.concatenate(parts)
