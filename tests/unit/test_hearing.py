"""What is understood of an utterance while it is spoken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_time import VirtualExecutor, run_virtual
from voiced.engines.contracts import SpeechToText
from voiced.errors import EngineError
from voiced.hearing import Ended, Growing, Hearing, Paused, Reading, WentOn
from voiced.inference import Hosted
from voiced.types import (
    BLOCK_SAMPLES,
    AudioChunk,
    EndReason,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    Transcript,
    samples_to_ms,
)
from voiced.utterance import Utterance, UtterancePart

BLOCK = "block"
"""One block of 20 ms in a script."""

Part = str | UtterancePart

START = 10 * BLOCK_SAMPLES
RELEASED = SpeechEnded(0, 0, EndReason.RELEASED)


@dataclass
class Notes:
    """A recogniser that only notes what is asked of it; `texts` are its transcripts, in turn."""

    texts: Sequence[str] = ()
    fed: list[int] = field(default_factory=list)
    """The number of each block that was fed."""
    looked_after: list[int] = field(default_factory=list)
    """How many blocks had been fed when a transcript was asked for."""
    opened: int = 0
    closed: int = 0
    breaks: bool = False

    def open(self) -> Notes:
        assert self.opened == self.closed, "one session at a time"
        self.opened += 1
        return self

    def feed(self, chunk: AudioChunk) -> None:
        numbers = chunk.samples[::BLOCK_SAMPLES].tolist()
        assert chunk.start_sample == START + numbers[0] * BLOCK_SAMPLES
        self.fed += numbers

    def partial(self) -> str:
        return f"{len(self.fed)} blocks"

    def transcript(self) -> Transcript:
        if self.breaks:
            raise EngineError("the recogniser broke")
        if not self.looked_after or self.looked_after[-1] != len(self.fed):
            self.looked_after.append(len(self.fed))
        turn = len(self.looked_after) - 1
        return Transcript(self.texts[turn] if turn < len(self.texts) else f"text {turn}")

    def close(self) -> None:
        if self.opened > self.closed:
            self.closed += 1


def chunks(script: Sequence[Part]) -> list[UtterancePart]:
    """`script` with its blocks numbered from 0 on, each full of its number."""
    parts: list[UtterancePart] = []
    number = 0
    for part in script:
        if isinstance(part, str):
            samples = np.full(BLOCK_SAMPLES, number, np.int16)
            parts.append(AudioChunk(samples, start_sample=START + number * BLOCK_SAMPLES))
            number += 1
        else:
            parts.append(part)
    return parts


def at(block: int) -> int:
    return START + block * BLOCK_SAMPLES


async def loaded(notes: SpeechToText, cost_s: float = 0.0) -> Hosted[SpeechToText]:
    return await Hosted.load("stt", lambda: notes, VirtualExecutor(cost_s))


def follow(
    notes: Notes,
    script: Sequence[Part],
    end: SpeechEnded | None = RELEASED,
    *,
    wake_phrases: Sequence[str] = (),
    reads_pauses: bool = True,
    gap_s: float = 0.02,
    cost_s: float = 0.0,
) -> list[Reading]:
    """The readings of an utterance of these parts, which come `gap_s` apart."""

    async def speak(utterance: Utterance) -> None:
        for part in chunks(script):
            utterance.parts.send_nowait(part)
            if gap_s:
                await asyncio.sleep(gap_s)
        utterance.end = end
        utterance.parts.close()

    async def main() -> list[Reading]:
        stt = await loaded(notes, cost_s)
        hearing = Hearing(stt, wake_phrases, reads_pauses=reads_pauses)
        utterance = Utterance(START, START, lambda _: None)
        speaking = asyncio.create_task(speak(utterance))
        async with aclosing(hearing.follow(utterance)) as readings:
            found = [reading async for reading in readings]
        await speaking
        await stt.close()
        return found

    readings = run_virtual(main())
    assert notes.opened == notes.closed == 1
    return readings


def certain(readings: list[Reading]) -> list[Reading]:
    """Without what is merely understood so far."""
    return [reading for reading in readings if not isinstance(reading, Growing)]


def test_an_utterance_with_a_pause() -> None:
    notes = Notes(texts=["turn on", "turn on the light"])
    script: list[Part] = [
        *9 * [BLOCK],
        SpeechPaused(at(4)),
        *3 * [BLOCK],
        SpeechResumed(at(11)),
        *9 * [BLOCK],
        SpeechPaused(at(17)),
        *2 * [BLOCK],
    ]
    assert certain(follow(notes, script)) == [
        Paused(Transcript("turn on"), at(4), speech_ms=80),
        WentOn(pause_ms=140),
        Paused(Transcript("turn on the light"), at(17), speech_ms=340),
        Ended(Transcript("turn on the light"), RELEASED),
    ]
    # The silence of the first pause was fed when it was over, that of the last one never.
    assert notes.fed == list(range(21))
    assert notes.looked_after == [9, 21]


def test_released_without_a_pause() -> None:
    notes = Notes(texts=["what time is it"])
    assert certain(follow(notes, 20 * [BLOCK])) == [Ended(Transcript("what time is it"), RELEASED)]
    assert notes.fed == list(range(20))
    assert notes.looked_after == [20]


def test_it_ends_as_soon_as_the_person_goes_on() -> None:
    """Their sound since then lies in what was taken for silence."""
    notes = Notes()
    follow(notes, [BLOCK, SpeechPaused(at(1)), *8 * [BLOCK], SpeechResumed(at(4))])
    assert notes.fed == list(range(9))


def test_one_that_was_dropped_has_no_end() -> None:
    notes = Notes()
    assert certain(follow(notes, [BLOCK, SpeechPaused(at(1)), BLOCK], None)) == [
        Paused(Transcript("text 0"), at(1), speech_ms=20)
    ]
    assert follow(Notes(), [], None) == []


def test_nothing_was_recorded() -> None:
    assert follow(Notes(texts=[""]), []) == [Ended(Transcript(""), RELEASED)]


def test_pauses_that_are_not_read() -> None:
    notes = Notes(texts=["all of it"])
    script: list[Part] = [
        *9 * [BLOCK],
        SpeechPaused(at(4)),
        BLOCK,
        SpeechResumed(at(9)),
        *3 * [BLOCK],
    ]
    assert certain(follow(notes, script, reads_pauses=False)) == [
        Ended(Transcript("all of it"), RELEASED)
    ]
    assert (notes.fed, notes.looked_after) == (list(range(13)), [13])


def test_what_is_understood_so_far() -> None:
    readings = follow(Notes(), 20 * [BLOCK])
    growing = [reading for reading in readings if isinstance(reading, Growing)]
    assert [reading.text for reading in growing] == [f"{n} blocks" for n in (5, 10, 15, 20)]
    assert [reading.speech_ms for reading in growing] == [100, 200, 300, 400]


def test_the_same_is_not_told_twice() -> None:
    class Silent(Notes):
        def partial(self) -> str:
            return "okay nabu"

    readings = follow(Silent(), 30 * [BLOCK], wake_phrases=["okay nabu"])
    assert [reading for reading in readings if isinstance(reading, Growing)] == []


def test_nothing_is_looked_at_in_a_pause() -> None:
    readings = follow(Notes(), [BLOCK, SpeechPaused(at(1)), *50 * [BLOCK]])
    assert [type(reading) for reading in readings] == [Paused, Ended]


@pytest.mark.parametrize(
    ("heard", "text"),
    [
        ("okay nabu what time is it", "what time is it"),
        ("Nabu, what time is it?", "what time is it"),
        ("Okay Nabu.", ""),
        ("What's the time, Tom?", "What's the time, Tom?"),
        ("", ""),
    ],
)
def test_the_wake_word_is_taken_off(heard: str, text: str) -> None:
    notes = Notes(texts=[heard, heard])
    script: list[Part] = [BLOCK, SpeechPaused(at(1)), BLOCK]
    readings = follow(notes, script, wake_phrases=["okay nabu"])
    assert readings == [
        Paused(Transcript(text), at(1), speech_ms=20),
        Ended(Transcript(text), RELEASED),
    ]


def test_a_recogniser_that_breaks_leaves_no_session() -> None:
    notes = Notes(breaks=True)
    with pytest.raises(EngineError, match="broke"):
        follow(notes, [BLOCK, SpeechPaused(at(1))])
    assert notes.opened == 1


def test_who_stops_following_leaves_no_session() -> None:
    async def main() -> None:
        notes = Notes()
        stt = await loaded(notes, cost_s=0.1)
        hearing = Hearing(stt, ())
        utterance = Utterance(START, START, lambda _: None)
        for part in chunks([BLOCK, SpeechPaused(at(1)), BLOCK]):
            utterance.parts.send_nowait(part)
        async with aclosing(hearing.follow(utterance)) as readings:
            async for _ in readings:
                break
        await stt.run(lambda _: None)
        assert (notes.opened, notes.closed) == (1, 1)

        async def listen() -> None:
            async with aclosing(hearing.follow(utterance)) as readings:
                async for _ in readings:
                    pass

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.25)
        listening.cancel()
        await asyncio.wait({listening})
        await stt.close()
        assert (notes.opened, notes.closed) == (2, 2)

    run_virtual(main())


def test_two_utterances_take_turns() -> None:
    """A voice beside an answer may begin while the question before is still being read."""

    async def main() -> None:
        notes = Notes(texts=["one", "two"])
        stt = await loaded(notes, cost_s=0.3)
        hearing = Hearing(stt, ())

        async def heard() -> str:
            utterance = Utterance(START, START, lambda _: None)
            first = len(notes.fed)
            samples = np.full(BLOCK_SAMPLES, first, np.int16)
            utterance.parts.send_nowait(AudioChunk(samples, start_sample=at(first)))
            utterance.parts.close()
            utterance.end = RELEASED
            async with aclosing(hearing.follow(utterance)) as readings:
                found = [reading async for reading in readings]
            assert isinstance(found[-1], Ended)
            return found[-1].transcript.text

        first = asyncio.create_task(heard())
        await asyncio.sleep(0.1)
        notes.fed.clear()
        second = asyncio.create_task(heard())
        assert list(await asyncio.gather(first, second)) == ["one", "two"]
        await stt.close()
        assert (notes.opened, notes.closed) == (2, 2)

    run_virtual(main())


@dataclass
class Script:
    """Runs of speech and of silence, in blocks, by turns; the first is speech."""

    runs: list[int]

    @property
    def parts(self) -> list[Part]:
        parts: list[Part] = []
        now = 0
        for number, blocks in enumerate(self.runs):
            if number % 2:
                parts.append(SpeechPaused(at(now)))
            elif number:
                parts.append(SpeechResumed(at(now)))
            parts += blocks * [BLOCK]
            now += blocks
        return parts

    @property
    def blocks(self) -> int:
        return sum(self.runs)

    @property
    def pauses(self) -> int:
        return len(self.runs) // 2


scripts = st.builds(Script, st.lists(st.integers(1, 12), min_size=1, max_size=8))


@given(scripts, st.sampled_from([0.0, 0.001, 0.02]), st.sampled_from([0.0, 0.005, 0.3]))
def test_each_sample_is_fed_once_and_in_order(script: Script, gap_s: float, cost_s: float) -> None:
    notes = Notes()
    readings = certain(follow(notes, script.parts, gap_s=gap_s, cost_s=cost_s))
    ends_in_pause = len(script.runs) % 2 == 0
    fed = script.blocks - (script.runs[-1] if ends_in_pause else 0)
    assert notes.fed == list(range(fed))
    # One transcript a pause, and one at the end where it is another.
    assert len(notes.looked_after) == script.pauses + (not ends_in_pause)
    assert len([r for r in readings if isinstance(r, Paused)]) == script.pauses
    went_on = [r.pause_ms for r in readings if isinstance(r, WentOn)]
    silences = [run for number, run in enumerate(script.runs) if number % 2]
    assert went_on == [samples_to_ms(run * BLOCK_SAMPLES) for run in silences][: len(went_on)]
    assert len(went_on) == (len(script.runs) - 1) // 2
    assert isinstance(readings[-1], Ended)


@given(scripts, st.sampled_from([0.0, 0.3]))
def test_what_is_read_does_not_depend_on_how_fast(script: Script, cost_s: float) -> None:
    slow = certain(follow(Notes(), script.parts, cost_s=cost_s))
    assert certain(follow(Notes(), script.parts, gap_s=0.0)) == slow
