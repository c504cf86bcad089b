"""What a person does with an assistant, each with what must come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tests.soak.house import LIGHT, METER, SHORT, STORY, other_manners
from tests.soak.person import Person, Question, chatter, contains, cough
from voiced.core.signals import KeyPressed, KeyReleased, Outcome, StopAsked
from voiced.core.state import Phase

Act = Callable[[Person], Awaitable[None]]


async def asks(person: Person) -> None:
    await person.asks(person.question())


async def switches(person: Person) -> None:
    """What changes something does so exactly once."""
    question = person.question(LIGHT)
    await person.asks(question)
    times = person.house.skills.happened.pop(question.text, 0)
    if times != 1:
        person.wrong(f"{question.text!r} was done {times} times", [])


async def follows_up(person: Person) -> None:
    await person.asks(person.question())
    for _ in range(person.random.randrange(1, 4)):
        await person.wait(0, 3.5)
        if person.house.phase not in (Phase.FOLLOW_UP, Phase.SPEAKING):
            return
        await person.asks(person.question(), calls=False)


async def interrupts(person: Person) -> None:
    story, other = person.question(STORY), person.question()
    is_voice = person.house.settings.conversation.barge_in != "wake"
    with person.house.card.spoken.heard() as heard:
        await person.ask(story)
        if await person.hears_some(story, heard):
            await _cut_short(person, story, heard, other, calls=not is_voice)


async def calls_again(person: Person) -> None:
    story, other = person.question(STORY), person.question()
    with person.house.card.spoken.heard() as heard:
        await person.ask(story)
        if await person.hears_some(story, heard):
            await _cut_short(person, story, heard, other, calls=True)


async def changes_their_mind(person: Person) -> None:
    """The second question comes at any moment after the first, or before that has ended."""
    first, second = person.question(), person.question()
    with person.house.card.spoken.heard() as heard:
        await person.ask(first)
        await person.wait(0, 5)
        await _cut_short(person, first, heard, second, calls=True)


async def _cut_short(
    person: Person, cut: Question, heard: list[str], other: Question, *, calls: bool
) -> None:
    await person.ask(other, calls=calls)
    was_given = contains(heard, cut.answer)
    person.tally.answered += was_given
    person.tally.interrupted += not was_given
    await person.expects(other, heard)


async def nods(person: Person) -> None:
    """A cough or a "yeah" beside an answer: all of it is heard, the last sentence in one piece."""
    story = person.question(STORY)
    with person.house.card.spoken.heard() as heard:
        await person.ask(story)
        if not await person.hears_some(story, heard):
            return
        if person.random.random() < 0.5:
            await person.sound(cough(person.random))
        else:
            await person.say(person.random.choice(("yeah", "right", "okay")))
        await person.expects(Question(story.text, story.ending), heard)


async def says_stop(person: Person) -> None:
    await _stops(person, lambda: person.say("stop", pause_s=2.0))


async def asks_for_quiet(person: Person) -> None:
    async def stop() -> None:
        person.house.assistant.post(StopAsked())
        await asyncio.sleep(0.3)

    await _stops(person, stop)


async def _stops(person: Person, stop: Callable[[], Awaitable[None]]) -> None:
    story = person.question(STORY)
    with person.house.card.spoken.heard() as heard:
        await person.ask(story)
        if not await person.hears_some(story, heard):
            return
        await stop()
        person.tally.interrupted += 1
        heard.clear()
        await asyncio.sleep(8)
        if set(heard) & {"king", "crown", "house", "stone", "end"}:
            person.wrong(f"{story.text!r} went on after stop", heard)


async def presses_the_key(person: Person) -> None:
    question = person.question()
    with person.house.card.spoken.heard() as heard:
        person.house.assistant.post(KeyPressed())
        await person.wait(0, 0.5)
        await person.ask(question, calls=False)
        await person.wait(0.05, 0.4)
        person.house.assistant.post(KeyReleased())
        await person.expects(question, heard)


async def types(person: Person) -> None:
    question = person.question()
    person.tally.asked += 1
    with person.house.card.spoken.heard() as heard:
        asking = asyncio.create_task(person.house.assistant.ask(question.text))
        await person.expects(question, heard)
        report = await asking
        if report.outcome is not Outcome.ANSWERED:
            person.wrong(f"{question.text!r} was {report.outcome.value}", heard)


async def says_nothing(person: Person) -> None:
    """A wake word that leads to nothing, from the person or the television."""
    with person.house.card.spoken.heard() as heard:
        await person.say("okay nabu")
        await person.settles()
        if heard:
            person.wrong("it answered nothing", heard)


async def is_misheard(person: Person) -> None:
    """The television says the wake word, and goes on about something else."""
    await person.say("okay nabu")
    await person.sound(chatter(person.random, person.house))
    await person.settles()


async def coughs(person: Person) -> None:
    await _is_not_meant(person, lambda: person.sound(cough(person.random)))


async def chats(person: Person) -> None:
    await _is_not_meant(person, lambda: person.sound(chatter(person.random, person.house)))


async def _is_not_meant(person: Person, act: Callable[[], Awaitable[None]]) -> None:
    await person.settles()
    with person.house.card.spoken.heard() as heard:
        await act()
        await asyncio.sleep(3)
        if person.house.is_reminding or "reminder" in heard:
            # Who talks then interrupts.
            return
        if "know" in heard or person.house.phase is Phase.LISTENING:
            person.wrong(f"it is {person.house.phase.value} and was not called", heard)


async def is_not_understood(person: Person) -> None:
    """The recogniser breaks; asked again, it answers."""
    person.house.stt.broken = True
    await person.call()
    await person.say(person.question(METER).text)
    await person.until(lambda: not person.house.stt.broken, 10)
    await person.settles()
    await person.asks(person.question())


async def changes_settings(person: Person) -> None:
    await person.settles()
    await person.house.reload(other_manners(person.random))
    await person.asks(person.question(METER, SHORT))


ACTS: Final[dict[Act, int]] = {
    asks: 20,
    switches: 8,
    follows_up: 12,
    interrupts: 8,
    calls_again: 6,
    changes_their_mind: 8,
    nods: 6,
    says_stop: 3,
    asks_for_quiet: 3,
    presses_the_key: 5,
    types: 4,
    says_nothing: 4,
    is_misheard: 4,
    coughs: 5,
    chats: 8,
    is_not_understood: 2,
    changes_settings: 3,
}
"""What is done, and how often in relation to each other."""
