"""Speculation, interruptions, follow-ups: scripted conversations on virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from tests.support.scene import Scene
from voiced.core.signals import Outcome, StopAsked
from voiced.core.speculation import Speculation
from voiced.core.state import Activation, BargeIn, Phase
from voiced.core.trace import Fate
from voiced.events import PhaseChanged, ReplyGrew
from voiced.types import BLOCK_MS, BLOCK_SAMPLES, Samples, ms_to_samples

COUNT = "one two three four five. six seven eight nine ten. eleven twelve thirteen fourteen."
SPOKEN = COUNT.replace(".", "")
BLOCK = BLOCK_MS


def speaking(event: object) -> bool:
    return event == PhaseChanged(Phase.SPEAKING)


def cough(ms: float) -> Samples:
    """Loud, and no word."""
    return np.full(ms_to_samples(ms), 2500, np.int16)


def hands_free(**settings: object) -> Scene:
    return Scene(activation=Activation.SPEECH, **settings)  # type: ignore[arg-type]


def sound_from(scene: Scene, sample: int) -> bool:
    """Whether the speaker sounds anywhere from `sample` on."""
    return bool(np.any(scene.recording[sample:, 1]))


# Speculation


def test_the_answer_is_ready_before_the_turn_has_ended() -> None:
    async def script(scene: Scene) -> None:
        scene.say("who are you", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free(answers={"who are you": "I am voiced."}, cost_s=0.01).play(script)
    timings = scene.reports[0].timings_ms
    assert timings["first_clause"] < timings["endpoint"]
    assert timings["first_audio"] - timings["endpoint"] <= BLOCK + 20
    (revision,) = scene.reports[0].trace.revisions
    assert revision.fate is Fate.COMMITTED
    assert scene.reports[0].trace.wasted_tokens == 0


@pytest.mark.parametrize("level", [Speculation.OFF, Speculation.TRANSCRIPT])
def test_less_speculation_asks_the_model_only_when_the_turn_has_ended(level: Speculation) -> None:
    async def script(scene: Scene) -> None:
        scene.say("who are", pause_ms=400)
        scene.say("you", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free(answers={"who are you": "I am voiced."}, speculation=level).play(script)
    assert scene.heard == "i am voiced"
    assert len(scene.llm.prefills) == 1
    timings = scene.reports[0].timings_ms
    assert timings["first_token"] >= timings["endpoint"]


def test_a_whole_sentence_needs_no_more_silence_the_less_it_may_go_on() -> None:
    def silence_ms(end_probability: float) -> float:
        async def script(scene: Scene) -> None:
            scene.say("who are you", pause_ms=2500)
            await scene.answered()
            scene.card.hang_up()

        timings = hands_free(ends=lambda _: end_probability).play(script).reports[0].timings_ms
        return timings["endpoint"] - timings["speech_end"]

    silences_ms = [silence_ms(probability) for probability in (0.95, 0.5, 0.05)]
    assert silences_ms[0] <= 260
    assert silences_ms[2] >= 1000
    assert all(shorter < longer for shorter, longer in pairwise(silences_ms))


def test_who_goes_on_is_answered_once_and_to_all_of_it() -> None:
    async def script(scene: Scene) -> None:
        scene.say("set a timer", pause_ms=500)
        scene.say("for ten minutes", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    answers = {"set a timer": "how long?", "set a timer for ten minutes": "ten minutes it is."}
    scene = hands_free(answers=answers).play(script)
    assert scene.heard == "ten minutes it is"
    assert [report.transcript.text for report in scene.reports] == ["set a timer for ten minutes"]
    first, second = scene.reports[0].trace.revisions
    assert (first.text, first.fate) == ("set a timer", Fate.DROPPED)
    assert (second.text, second.fate) == ("set a timer for ten minutes", Fate.COMMITTED)
    assert first.speech_ms > 0, "its first clause had been made"
    # Cut back to what both have in common, not rebuilt: prefix, the question's beginning.
    assert second.reused_tokens >= first.reused_tokens + 3


def test_an_answer_survives_a_cough_that_adds_no_word() -> None:
    async def script(scene: Scene) -> None:
        scene.say("who are you", pause_ms=320)
        scene.card.say(cough(140))
        await asyncio.sleep(4)
        scene.card.hang_up()

    scene = hands_free(answers={"who are you": "I am voiced."}).play(script)
    assert scene.heard == "i am voiced"
    (revision,) = scene.reports[0].trace.revisions
    assert revision.survived == 1
    assert len(scene.llm.prefills) == 1, "it was read once"


def test_nothing_has_an_effect_or_is_heard_before_the_turn_has_ended() -> None:
    async def script(scene: Scene) -> None:
        scene.say("turn on the lights", pause_ms=440)
        scene.say("in the kitchen", pause_ms=1000)
        await scene.answered()
        scene.card.hang_up()

    skills = {"turn on the lights": "!all on", "turn on the lights in the kitchen": "!kitchen on"}
    shares = {"turn on the lights": 0.0, "turn on the lights in the kitchen": 0.9}
    scene = hands_free(skills=skills, end_shares=shares).play(script)
    assert scene.fake_skills.effects == ["turn on the lights in the kitchen"]
    assert scene.heard == "kitchen on"


def test_the_prefix_is_never_read_again() -> None:
    questions = [f"question number {n}" for n in range(10)]

    async def script(scene: Scene) -> None:
        for number, question in enumerate(questions):
            scene.say(question, pause_ms=1000)
            if number % 3 == 1:
                await scene.until(speaking)
                await asyncio.sleep(0.7)
                scene.say("stop it now please", pause_ms=1000)
            await scene.answered()
            await scene.until(lambda e: e == PhaseChanged(Phase.LISTENING))
        scene.card.hang_up()

    answers = dict.fromkeys(questions, COUNT)
    scene = hands_free(answers=answers).play(script)
    prefix_tokens = 2 + 2 + 1  # <system> be brief <end> <user>
    assert len(scene.llm.prefills) >= 10
    assert all(p.reused_tokens >= prefix_tokens - 1 for p in scene.llm.prefills)
    # What was said and heard before is not read again either: each adds its own question alone.
    evaluated = [p.total_tokens - p.reused_tokens for p in scene.llm.prefills]
    assert max(evaluated) <= 30


# Interruptions


def test_a_voice_interrupts_the_answer() -> None:
    async def script(scene: Scene) -> None:
        scene.say("count", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(1.0)
        scene.interrupted_at = scene.card.say(scene.codebook.say("what time is it"))
        await scene.until(lambda e: isinstance(e, ReplyGrew) and e.clause == "noon")
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free(answers={"count": COUNT}).play(script)
    assert [r.outcome for r in scene.reports] == [Outcome.CANCELLED, Outcome.ANSWERED]
    assert scene.reports[1].transcript.text == "what time is it", "not a word of it is lost"
    onset = scene.interrupted_at - 4 * ms_to_samples(220)
    silent_at = onset + np.flatnonzero(np.diff(scene.recording[onset:, 1]))
    # Six blocks of speech decide; one more, and the fade of the last one, until silence.
    until_silence = next(
        n
        for n in range(40)
        if not np.any(scene.recording[onset + n * BLOCK_SAMPLES :, 1][: BLOCK_SAMPLES * 4])
    )
    assert until_silence * BLOCK <= 240, silent_at[:3]
    assert scene.heard.endswith("noon")
    cut = scene.responder.conversation.exchanges[0]
    assert cut.is_interrupted
    assert SPOKEN.startswith(cut.heard.replace(".", ""))
    assert scene.heard.startswith(cut.heard.replace(".", ""))


@pytest.mark.parametrize("sound", ["yeah", "cough"])
def test_who_only_listens_does_not_interrupt(sound: str) -> None:
    async def script(scene: Scene) -> None:
        scene.say("count", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(1.5)
        scene.card.say(cough(300) if sound == "cough" else scene.codebook.say(sound))
        await scene.answered()
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free(answers={"count": COUNT}).play(script)
    outcomes = {r.turn_id: r.outcome for r in scene.reports}
    assert outcomes == {1: Outcome.ANSWERED, 2: Outcome.NOTHING_SAID}
    # It falls silent in the second clause, and begins that again.
    assert scene.heard.endswith("six seven eight nine ten eleven twelve thirteen fourteen")
    assert scene.heard.startswith("one two three four five six")
    assert scene.heard != SPOKEN
    (exchange,) = scene.responder.conversation.exchanges
    assert (exchange.heard, exchange.is_interrupted) == (COUNT, False)
    assert [line for line in scene.story if line.startswith("[")] == [
        "[listening]", "[thinking]", "[speaking]", "[listening]", "[speaking]", "[listening]",
    ]  # fmt: skip


def test_interrupting_before_the_first_sound_is_heard_too() -> None:
    async def script(scene: Scene) -> None:
        scene.say("tell me a story", pause_ms=900)
        await scene.until(lambda e: e == PhaseChanged(Phase.THINKING))
        scene.say("what time is it", pause_ms=1500)
        await scene.until(lambda e: isinstance(e, ReplyGrew) and e.clause == "noon")
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free(
        answers={"tell me a story": COUNT}, llm_cost_s=1.0, speculation=Speculation.TRANSCRIPT
    ).play(script)
    assert scene.heard.endswith("noon")
    assert [r.outcome for r in scene.reports] == [Outcome.CANCELLED, Outcome.ANSWERED]


@pytest.mark.parametrize("barge_in", [BargeIn.OFF, BargeIn.WAKE])
def test_without_barge_in_by_voice_the_answer_is_given_to_its_end(barge_in: BargeIn) -> None:
    async def script(scene: Scene) -> None:
        scene.say("count", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(0.5)
        scene.say("what a lovely day it is")
        await scene.until(lambda e: e == PhaseChanged(Phase.LISTENING))
        await asyncio.sleep(4)
        scene.card.hang_up()

    scene = hands_free(answers={"count": COUNT}, barge_in=barge_in).play(script)
    assert scene.heard == SPOKEN


def test_stop_interrupts_where_only_the_wake_word_may_otherwise() -> None:
    async def script(scene: Scene) -> None:
        scene.say("count", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(0.5)
        scene.say("stop", pause_ms=800)
        await scene.answered()
        await asyncio.sleep(2)
        scene.card.hang_up()

    scene = hands_free(answers={"count": COUNT}, skills={"stop": ""}, barge_in=BargeIn.WAKE).play(
        script
    )
    assert scene.heard != SPOKEN
    assert SPOKEN.startswith(scene.heard)


def test_its_own_voice_saying_the_wake_word_does_not_wake_it() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("what is your name", pause_ms=1500)
        await scene.until(speaking)
        scene.card.say(scene.codebook.say("okay nabu"))  # the room's echo of it
        await scene.answered()
        await asyncio.sleep(1)
        scene.card.hang_up()

    scene = Scene(
        answers={"what is your name": "okay nabu is my name"},
        can_hear_itself=True,
        barge_in=BargeIn.WAKE,
    ).play(script)
    assert [r.outcome for r in scene.reports] == [Outcome.ANSWERED]
    assert scene.heard == "okay nabu is my name"


def test_asked_what_it_was_saying_it_says_it_again() -> None:
    async def script(scene: Scene) -> None:
        scene.say("count", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(1.0)
        scene.say("what time is it", pause_ms=1000)
        await scene.until(lambda e: isinstance(e, ReplyGrew) and e.clause == "noon")
        await scene.answered()
        scene.say("what were you saying", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free(answers={"count": COUNT}).play(script)
    assert scene.reports[-1].reply == f"I was saying: {COUNT}"
    assert scene.heard.endswith(f"noon i was saying {SPOKEN}")


def test_what_was_heard_before_a_cough_was_heard() -> None:
    async def script(scene: Scene) -> None:
        scene.say("count", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(0.9)
        scene.card.say(cough(200))
        await scene.answered()
        scene.assistant.post(StopAsked())
        await asyncio.sleep(1)
        scene.card.hang_up()

    scene = hands_free(answers={"count": COUNT}).play(script)
    (exchange,) = scene.responder.conversation.exchanges
    assert exchange.heard.startswith("one two three")


def test_the_wake_word_is_heard_while_the_answer_that_has_it_is_on_hold() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("what is your name", pause_ms=1500)
        await scene.until(speaking)
        await asyncio.sleep(0.3)
        scene.say("okay nabu", pause_ms=300)
        scene.say("what time is it", pause_ms=1500)
        await scene.until(lambda e: isinstance(e, ReplyGrew) and e.clause == "noon")
        await scene.answered()
        scene.card.hang_up()

    answer = "okay nabu is what you say and then you ask me whatever you like"
    scene = Scene(answers={"what is your name": answer}).play(script)
    assert scene.heard.endswith("noon")


def test_a_defect_ends_the_turn_and_not_the_assistant() -> None:
    async def script(scene: Scene) -> None:
        def defect(plan: object) -> object:
            raise ZeroDivisionError

        read = scene.responder.read
        scene.responder.read = defect  # type: ignore[method-assign,assignment]
        scene.say("tell me a story", pause_ms=1500)
        await scene.answered()
        scene.responder.read = read  # type: ignore[method-assign]
        scene.say("what time is it", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scene = hands_free().play(script)
    assert [r.outcome for r in scene.reports] == [Outcome.FAILED, Outcome.ANSWERED]
    assert scene.heard == "noon"


# Follow-ups


def test_an_answer_can_be_followed_up_without_the_wake_word() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("who are you", pause_ms=1500)
        await scene.answered()
        await asyncio.sleep(1)
        scene.say("what time is it", pause_ms=1000)
        await scene.answered()
        await scene.until(lambda e: e == PhaseChanged(Phase.IDLE))
        scene.card.hang_up()

    scene = Scene(answers={"who are you": "I am voiced."}, follow_up_ms=3000).play(script)
    assert scene.story == [
        "wake: okay nabu",
        "[listening]",
        "[thinking]",
        "you: who are you",
        "voiced: I am voiced.",
        "[speaking]",
        "turn 1: answered",
        "[follow-up]",
        "[listening]",
        "[thinking]",
        "you: what time is it",
        "voiced: noon",
        "[speaking]",
        "turn 2: answered",
        "[follow-up]",
        "[idle]",
    ]
    assert scene.heard == "i am voiced noon"


def test_what_is_not_understood_in_a_follow_up_was_said_to_somebody_else() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("what time is it", pause_ms=1500)
        await scene.answered()
        scene.stt.confidence = 0.1
        await asyncio.sleep(1)
        scene.say("mumble mumble", pause_ms=1500)
        await scene.until(lambda e: e == PhaseChanged(Phase.IDLE))
        scene.card.hang_up()

    scene = Scene(follow_up_ms=3000).play(script)
    assert scene.heard == "noon"
    assert scene.reports[1].outcome is Outcome.NOTHING_SAID


def test_never_mind_is_not_followed_up() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("never mind", pause_ms=1500)
        await scene.answered()
        await asyncio.sleep(1)
        scene.card.hang_up()

    scene = Scene(skills={"never mind": ""}, follow_up_ms=3000).play(script)
    assert scene.story[-2:] == ["turn 1: answered", "[idle]"]


# Questions of its own


def asks_to_unlock(*said: str, later_s: float = 0.5, **settings: object) -> Scene:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("unlock the door", pause_ms=1500)
        await scene.answered()
        for text in said:
            await asyncio.sleep(later_s)
            scene.say(text, pause_ms=1500)
            await scene.answered()
        await scene.until(lambda e: e == PhaseChanged(Phase.IDLE))
        scene.card.hang_up()

    skills = {"unlock the door": "!really?", "what time is it": "noon"}
    return Scene(skills=skills, **settings).play(script)  # type: ignore[arg-type]


def test_a_yes_is_answered_as_what_was_asked() -> None:
    scene = asks_to_unlock("yes")
    assert scene.heard == "really done"
    assert scene.fake_skills.effects == ["unlock the door", "unlock the door"]


def test_a_no_changes_nothing() -> None:
    scene = asks_to_unlock("no")
    assert scene.heard == "really okay"
    assert scene.fake_skills.effects == ["unlock the door"]


def test_another_request_drops_the_question() -> None:
    scene = asks_to_unlock("what time is it", "yes", follow_up_ms=5000)
    assert scene.heard.startswith("really noon")
    assert "done" not in scene.heard
    assert scene.fake_skills.effects == ["unlock the door"]


def test_a_yes_half_a_minute_later_is_none() -> None:
    scene = asks_to_unlock("okay nabu yes", later_s=31)
    assert "done" not in scene.heard
    assert scene.fake_skills.effects == ["unlock the door"]


def test_a_question_that_nobody_answers_is_the_end() -> None:
    scene = asks_to_unlock()
    assert scene.story[-2:] == ["[follow-up]", "[idle]"]


# Thirty seconds, twice


def test_thirty_seconds_of_conversation_are_the_same_every_time() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu who are you", pause_ms=1500)
        await scene.answered()
        scene.say("count", pause_ms=1200)
        await scene.until(speaking)
        await asyncio.sleep(0.8)
        scene.say("yeah", pause_ms=1500)
        await asyncio.sleep(2.5)
        scene.say("what time is it", pause_ms=1500)
        await asyncio.sleep(8)
        scene.say("okay nabu", pause_ms=700)
        scene.say("what time", pause_ms=450)
        scene.say("is it", pause_ms=1500)
        await asyncio.sleep(16)
        scene.card.hang_up()

    def play() -> Scene:
        answers = {"who are you": "I am voiced.", "count": COUNT}
        return Scene(answers=answers, follow_up_ms=4000, cost_s=0.004).play(script)

    first, second = play(), play()
    assert first.story == second.story
    assert np.array_equal(first.recording, second.recording)
    assert len(first.recording) >= 30 * 16_000

    assert first.reports == second.reports
