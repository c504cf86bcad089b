"""A short life: whole days are for `python -m tests.soak`."""

from __future__ import annotations

import logging
from random import Random

import pytest

from tests.soak.house import METER, House
from tests.soak.life import live
from tests.soak.person import Person
from tests.soak.tally import Tally
from tests.soak.usage import growth
from tests.support.virtual_time import run_virtual

SECONDS = 2400.0
LONGEST_SILENCE_S = 10.0


def test_nothing_is_lost_and_nothing_grows(caplog: pytest.LogCaptureFixture) -> None:
    # pytest keeps what is logged, with the errors in it and all that their tracebacks hold on to.
    caplog.set_level(logging.CRITICAL)
    lived = run_virtual(
        live(7, SECONDS, lambda *_: None, longest_silence_s=LONGEST_SILENCE_S, looks_every=4)
    )
    assert lived.tally.lost == []
    assert lived.tally.amiss == []
    assert lived.tally.asked == lived.tally.answered + lived.tally.interrupted
    assert lived.tally.asked > 80
    assert len(lived.tally.acts) > 10
    assert growth(lived.looks) == []


def test_a_question_that_is_not_answered_is_noticed() -> None:
    async def ask() -> Tally:
        tally = Tally()
        house = House(Random(1))
        async with house.lived_in():
            person = Person(house, Random(1), tally)
            await person.asks(person.question(METER))
            house.stt.broken = True
            await person.asks(person.question(METER))
        return tally

    tally = run_virtual(ask())
    assert (tally.asked, tally.answered, len(tally.lost)) == (2, 1, 1)
