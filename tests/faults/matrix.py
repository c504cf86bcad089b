"""What may go wrong, and what a person sees of it: each fault in each phase, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

import msgspec

from tests.faults.site import Site
from tests.soak.house import STORY
from tests.soak.person import Person, Question, contains
from tests.soak.tally import Tally
from tests.support.virtual_time import run_virtual
from voiced.config import Settings
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.errors import VoicedError

_BROKEN_S: Final = 8.0
"""How long a fault lasts that somebody has to mend: a sound server that is restarted, a cable."""

_ANSWER_S: Final = 15.0
"""More than the longest answer lasts."""

BACK_MS: Final = 3_000
"""How soon after the mending it must hear, and be heard."""


class When(StrEnum):
    """What it does when the fault strikes."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True)
class Fault:
    """`strike` begins it, `mend` ends it after `lasts_s`; the one turn that it strikes may be lost.

    One that `strikes_late` does so with the next call of an engine, which may be in the next turn.
    """

    name: str
    strike: Callable[[Site], Awaitable[None]]
    mend: Callable[[Site], Awaitable[None]]
    lasts_s: float = _BROKEN_S
    costs_turn: bool = True
    strikes_late: bool = False


@dataclass(frozen=True)
class Cell:
    """What became of it. Times count from the mending."""

    fault: Fault
    when: When
    back_ms: float
    """When it heard and could be heard again."""
    exchange_ms: float
    """What each of the next two questions took, said and answered aloud."""
    struck: str
    """What became of the turn that it struck: "answered", "lost", or "" where there was none."""
    lost: list[str]
    """Questions after that which were not answered."""
    amiss: list[str]

    @property
    def turns_lost(self) -> int:
        return len(self.lost) + (self.struck == "lost")

    @property
    def worse(self) -> list[str]:
        """What is worse than it may be."""
        found = list(self.amiss)
        if self.lost and not self.fault.strikes_late:
            found += self.lost
        elif self.turns_lost > self.fault.costs_turn:
            found.append(f"{self.turns_lost} turns were lost: {self.lost}")
        if self.back_ms > BACK_MS:
            found.append(f"back only after {self.back_ms:.0f} ms")
        return found


async def _nothing(_: Site) -> None:
    pass


def _device(name: str, which: str, *attributes: str, lasts_s: float = _BROKEN_S) -> Fault:
    def turn(site: Site, *, is_wrong: bool) -> None:
        for side in ("microphone", "speaker") if which == "both" else (which,):
            for attribute in attributes:
                setattr(getattr(site, side), attribute, is_wrong)

    async def strike(site: Site) -> None:
        turn(site, is_wrong=True)

    async def mend(site: Site) -> None:
        turn(site, is_wrong=False)

    return Fault(name, strike, mend, lasts_s)


def _engine(name: str, *attributes: str, lasts_s: float = 0.5) -> Fault:
    async def strike(site: Site) -> None:
        for attribute in attributes:
            setattr(site.troubles[name], attribute, True)

    async def mend(site: Site) -> None:
        site.troubles[name].cannot_be_built = False

    words = {
        ("raises",): "raises",
        ("hangs",): "hangs past its deadline",
        ("raises", "cannot_be_built"): "crashes and cannot be built for a while",
    }
    name_of_fault = f"{name} {words[attributes]}"
    return Fault(name_of_fault, strike, mend, lasts_s, strikes_late=True)


def _reload(
    name: str, change: Callable[[Settings], Settings], *, is_refused: bool = False
) -> Fault:
    async def strike(site: Site) -> None:
        site.troubles["stt"].cannot_be_built = is_refused

        async def reload() -> None:
            try:
                await site.reload(change(site.settings))
            except VoicedError:
                assert is_refused

        site.reloading = asyncio.create_task(reload())

    async def mend(site: Site) -> None:
        await site.reloading
        site.troubles["stt"].cannot_be_built = False

    return Fault(name, strike, mend, 0.5, costs_turn=False)


def _with(table: str, **values: object) -> Callable[[Settings], Settings]:
    def change(settings: Settings) -> Settings:
        changed = msgspec.structs.replace(getattr(settings, table), **values)
        return msgspec.structs.replace(settings, **{table: changed})

    return change


async def _mute(site: Site) -> None:
    await site.sessions.mute()


async def _unmute(site: Site) -> None:
    await site.sessions.unmute()


async def _overflow(site: Site) -> None:
    site.microphone.lost_samples += 3_200


_HANG_S: Final = 17.0
_STUCK: Final = ("raises", "cannot_be_built")

FAULTS: Final = (
    _device("microphone unplugged", "microphone", "is_gone"),
    _device("microphone suspended", "microphone", "is_silent"),
    _device("microphone unplugged for ten minutes", "microphone", "is_gone", lasts_s=600),
    _device("microphone unplugged, and the sound system hangs", "microphone", "is_gone", "hangs"),
    _device("speaker unplugged", "speaker", "is_gone"),
    _device("speaker suspended", "speaker", "is_silent"),
    _device("speaker unplugged for ten minutes", "speaker", "is_gone", lasts_s=600),
    _device("sound server killed", "both", "is_gone"),
    _device("sound server hangs", "both", "is_silent"),
    Fault("microphone overflows", _overflow, _nothing, 0.1, costs_turn=False),
    Fault("muted and unmuted", _mute, _unmute, 5.0),
    *(_engine(name, "raises") for name in ("ear", "stt", "llm", "tts", "skills")),
    *(_engine(name, "hangs", lasts_s=_HANG_S) for name in ("ear", "stt", "tts", "skills")),
    _engine("llm", "hangs", lasts_s=4 * _HANG_S),
    *(_engine(name, *_STUCK, lasts_s=_BROKEN_S) for name in ("ear", "stt", "llm", "tts", "skills")),
    _reload("another configuration", _with("conversation", follow_up_ms=0)),
    _reload("a configuration with another ear", _with("audio", noise_suppression=True)),
    _reload("a configuration with other devices", _with("audio", latency_ms=80)),
    _reload(
        "a configuration that cannot be had", _with("stt", engine="faster_whisper"), is_refused=True
    ),
)


def play(fault: Fault, when: When) -> Cell:
    """Strike with `fault` in that phase, mend it, and ask again."""
    return run_virtual(_play(fault, when))


async def _play(fault: Fault, when: When) -> Cell:
    conversation = msgspec.structs.replace(Settings().conversation, speculation="first-clause")
    site = Site(msgspec.structs.replace(Settings(), conversation=conversation))
    tally = Tally()
    async with site.lived_in():
        person = Person(site, Random(3), tally)
        with site.card.spoken.heard() as heard:
            struck, rest = await _until(person, when)
            await fault.strike(site)
            if not fault.costs_turn:
                # Whoever is not told that something is wrong goes on speaking.
                await person.say(rest)
            await asyncio.sleep(fault.lasts_s)
            await fault.mend(site)
            mended_s = person.now_s()
            await person.until(lambda: _is_back(site), 60)
            back_ms = (person.now_s() - mended_s) * 1000
            if struck is not None:
                await person.until(lambda: contains(heard, struck.answer), _ANSWER_S)
            became = (
                "" if struck is None else "answered" if contains(heard, struck.answer) else "lost"
            )
        await person.settles()
        asked_s = person.now_s()
        for _ in range(2):
            await person.asks(person.question(STORY))
            await person.settles()
        exchange_ms = (person.now_s() - asked_s) * 1000 / 2
        left = [task.get_name() for task in asyncio.all_tasks() if "turn" in task.get_name()]
        tally.amiss += [f"left behind: {name}" for name in left]
        if site.outcomes[Outcome.FAILED] and not fault.costs_turn:
            tally.amiss.append("a turn failed")
    return Cell(fault, when, back_ms, exchange_ms, became, tally.lost, tally.amiss)


def _is_back(site: Site) -> bool:
    sound = site.sessions._sound
    is_heard = sound is not None and sound.sink.is_there
    return is_heard and site.sessions._can_hear and site.sessions._session is not None


async def _until(person: Person, when: When) -> tuple[Question | None, str]:
    """Bring it into that phase by a question; the question, if there is one, and what is still to be said."""
    if when is When.IDLE:
        return None, ""
    question = person.question(STORY)
    await person.say("okay nabu")
    said = question.text.split()
    if when is When.LISTENING:
        await person.say(" ".join(said[:3]))
        return question, " ".join(said[3:])
    await person.say(" ".join(said))
    wanted = Phase.THINKING if when is When.THINKING else Phase.SPEAKING
    # Thinking may be over before anybody sees it: an answer that was ready begins at once.
    await person.until(lambda: person.house.phase in (wanted, Phase.SPEAKING), 10)
    if when is When.SPEAKING:
        await asyncio.sleep(0.5)
    return question, ""
