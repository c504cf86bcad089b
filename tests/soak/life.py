"""Days with an assistant: what its person does, and when, drawn by lot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.soak.acts import ACTS
from tests.soak.engines import spoken_number
from tests.soak.house import House
from tests.soak.person import Person, contains
from tests.soak.tally import Tally
from tests.soak.usage import Looks
from voiced.core.signals import Outcome

_REMINDER_EVERY_S: Final = 1200.0
_REMINDER_WITHIN_S: Final = 180.0

_SILENCES_S: Final = ((0.0, 1.0), (1.0, 10.0), (10.0, 120.0), (120.0, 1200.0), (1200.0, 7200.0))
_WEIGHTS: Final = (20, 30, 30, 15, 5)
"""How long nothing happens between two acts, and how often: a conversation, a while, an afternoon."""


@dataclass(frozen=True, slots=True)
class Lived:
    """A life, counted."""

    simulated_s: float
    turns: int
    sessions: int
    outcomes: dict[Outcome, int]
    tally: Tally
    reminders: int
    looks: Looks


async def live(
    seed: int,
    seconds: float,
    on_progress: Callable[[float, Tally], None],
    *,
    longest_silence_s: float = 7200.0,
    looks_every: int = 10,
) -> Lived:
    """Live for so many simulated seconds; call it on a virtual clock.

    After every `looks_every` acts it is counted what the process holds.
    """
    random, tally = Random(seed), Tally()
    house = House(random)
    loop = asyncio.get_running_loop()
    looks = Looks()
    async with house.lived_in():
        person = Person(house, random, tally)
        reminding = asyncio.create_task(_remind(house, Random(seed + 1), person), name="reminders")
        names, weights = list(ACTS), list(ACTS.values())
        try:
            while loop.time() < seconds:
                act = random.choices(names, weights)[0]
                person.act = act.__name__
                tally.acts[person.act] += 1
                await act(person)
                if random.random() < 0.7:
                    await person.settles()
                least_s, most_s = random.choices(_SILENCES_S, _WEIGHTS)[0]
                await asyncio.sleep(min(longest_silence_s, random.uniform(least_s, most_s)))
                on_progress(loop.time(), tally)
                if tally.acts.total() % looks_every == 0:
                    await person.settles()
                    house.skills.happened.clear()
                    looks.look(sum(house.outcomes.values()))
        finally:
            reminding.cancel()
            await asyncio.wait((reminding,))
        reminders = 0 if reminding.cancelled() else reminding.result()
    return Lived(
        loop.time(),
        sum(house.outcomes.values()),
        house.reloads + 1,
        house.outcomes,
        tally,
        reminders,
        looks,
    )


async def _remind(house: House, random: Random, person: Person) -> int:
    """Say something now and then that nobody asked for; whoever interrupts it has heard enough."""
    said = 0
    try:
        while True:
            await asyncio.sleep(random.expovariate(1 / _REMINDER_EVERY_S))
            said += 1
            await _announce(house, f"reminder {spoken_number(said)} is due", person)
    except asyncio.CancelledError:
        return said


async def _announce(house: House, text: str, person: Person) -> None:
    with house.card.spoken.heard() as heard:
        house.is_reminding = True
        try:
            async with asyncio.timeout(_REMINDER_WITHIN_S):
                report = await house.assistant.announce(text, rings=True)
        except TimeoutError:
            person.wrong(f"{text!r} was not said", heard)
            return
        finally:
            house.is_reminding = False
        await asyncio.sleep(0.3)
        is_heard = contains(heard, tuple(text.split()))
        if report.outcome is Outcome.ANSWERED and not is_heard:
            person.wrong(f"{text!r} was not heard", heard)
        elif report.outcome not in (Outcome.ANSWERED, Outcome.CANCELLED):
            person.wrong(f"{text!r} was {report.outcome.value}", heard)
