"""Whole conversations on virtual time: what is said, what is heard, in which order."""

from __future__ import annotations

import asyncio

from tests.support.scene import Scene
from voiced.core.signals import KeyPressed, KeyReleased, Outcome, StopAsked
from voiced.core.state import Activation, BargeIn, Phase
from voiced.events import PhaseChanged, ReplyGrew
from voiced.types import EndReason, ReplyPath


def test_a_question_is_answered_by_a_skill() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=600)
        scene.say("what time is it", pause_ms=1000)
        await scene.answered()
        scene.card.hang_up()

    scene = Scene().play(script)
    assert scene.story == [
        "wake: okay nabu",
        "[listening]",
        "[thinking]",
        "you: what time is it",
        "voiced: noon",
        "[speaking]",
        "turn 1: answered",
        "[idle]",
    ]
    assert scene.heard == "noon"
    assert scene.reports[0].path is ReplyPath.SKILL


def test_a_question_in_one_breath_loses_no_word() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu what time is it", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scene = Scene().play(script)
    assert [report.transcript.text for report in scene.reports] == ["what time is it"]


def test_what_no_skill_knows_goes_to_the_model_and_is_spoken_clause_by_clause() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("who are you", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    answer = "I am voiced. I live in this machine."
    scene = Scene(answers={"who are you": answer}).play(script)
    assert "voiced: I am voiced." in scene.story
    assert "voiced: I live in this machine." in scene.story
    assert scene.heard == "i am voiced i live in this machine"
    assert scene.reports[0].path is ReplyPath.MODEL


def test_the_first_clause_is_heard_before_the_answer_is_complete() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("tell me a story", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    answer = "There was a king. " + "He ruled for a very long time over all of the land. " * 3
    scene = Scene(answers={"tell me a story": answer}, cost_s=0.05).play(script)
    timings = scene.reports[0].timings_ms
    words = len(answer.split())
    assert timings["first_clause"] - timings["first_token"] < words * 50 / 2
    assert set(timings) == {
        "speech_end", "endpoint", "transcript", "first_token", "first_clause", "commit",
        "first_audio", "done",
    }  # fmt: skip
    assert list(timings.values()) == sorted(timings.values())


def test_a_whole_sentence_ends_sooner_than_one_that_may_go_on() -> None:
    def delay_ms(question: str) -> float:
        async def script(scene: Scene) -> None:
            scene.say("okay nabu", pause_ms=500)
            scene.say(question, pause_ms=2000)
            await scene.answered()
            scene.card.hang_up()

        timings = Scene().play(script).reports[0].timings_ms
        return timings["endpoint"] - timings["speech_end"]

    assert delay_ms("what time is it") <= 360
    assert 680 <= delay_ms("what is the time in") <= 760


def test_the_wake_word_interrupts_the_answer_at_once() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("count", pause_ms=1500)
        await scene.until(lambda event: event == PhaseChanged(Phase.SPEAKING))
        await asyncio.sleep(1.0)
        scene.say("okay nabu", pause_ms=500)
        scene.say("what time is it", pause_ms=1000)
        await scene.until(lambda event: isinstance(event, ReplyGrew) and event.clause == "noon")
        await scene.answered()
        scene.card.hang_up()

    answers = {"count": "one two three four five six seven eight nine ten."}
    scene = Scene(answers=answers, barge_in=BargeIn.WAKE, can_hear_itself=True).play(script)
    outcomes = [report.outcome for report in scene.reports]
    assert outcomes == [Outcome.CANCELLED, Outcome.ANSWERED]
    # 1.0 s and the wake word's 0.44 s of counting at 0.22 s a word, and not a word after it.
    assert scene.heard.endswith("noon")
    counted = scene.heard.removesuffix(" noon").split()
    assert (
        counted
        == ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][
            : len(counted)
        ]
    )
    assert 5 <= len(counted) <= 8
    # The conversation keeps what was heard, not what was written.
    cut, whole = scene.responder.conversation.exchanges
    assert cut.is_interrupted
    assert abs(len(cut.heard.split()) - len(counted)) <= 1
    assert (whole.said, whole.heard) == ("what time is it", "noon")


def test_push_to_talk_takes_everything_between_the_key_strokes() -> None:
    async def script(scene: Scene) -> None:
        await asyncio.sleep(0.5)
        scene.assistant.post(KeyPressed())
        await asyncio.sleep(0.1)
        scene.say("what time", pause_ms=1500)
        scene.say("is it", pause_ms=300)
        await asyncio.sleep(3.0)
        scene.assistant.post(KeyReleased())
        await scene.answered()
        scene.card.hang_up()

    scene = Scene(activation=Activation.KEY).play(script)
    assert scene.reports[0].transcript.text == "what time is it"
    assert scene.reports[0].end_reason is EndReason.RELEASED
    assert scene.heard == "noon"


def test_without_hands_it_answers_again_and_again() -> None:
    async def script(scene: Scene) -> None:
        for _ in range(3):
            scene.say("what time is it", pause_ms=1000)
            await scene.answered()
        scene.card.hang_up()

    scene = Scene(activation=Activation.SPEECH).play(script)
    assert [report.turn_id for report in scene.reports] == [1, 2, 3]
    assert scene.heard == "noon noon noon"


def test_nobody_speaks_after_the_wake_word() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu")
        await scene.until(lambda event: event == PhaseChanged(Phase.IDLE))
        scene.card.hang_up()

    scene = Scene().play(script)
    assert scene.story == ["wake: okay nabu", "[listening]", "[idle]"]


def test_a_turn_that_fails_is_no_end() -> None:
    async def script(scene: Scene) -> None:
        scene.stt.broken = True
        for _ in range(2):
            scene.say("okay nabu", pause_ms=500)
            scene.say("what time is it", pause_ms=1000)
            await scene.answered()
        scene.card.hang_up()

    scene = Scene().play(script)
    assert [report.outcome for report in scene.reports] == [Outcome.FAILED, Outcome.ANSWERED]
    assert scene.reports[0].error == "the recogniser broke"
    assert scene.stt.open_sessions == 0


def test_stop_silences_the_answer() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu", pause_ms=500)
        scene.say("count", pause_ms=1500)
        await scene.until(lambda event: event == PhaseChanged(Phase.SPEAKING))
        await asyncio.sleep(0.5)
        scene.assistant.post(StopAsked())
        await asyncio.sleep(1.0)
        scene.card.hang_up()

    scene = Scene(answers={"count": "one two three four five six seven."}).play(script)
    assert scene.story[-2:] == ["turn 1: cancelled", "[idle]"]
    assert scene.heard in ("one two", "one two three")


def test_what_is_not_understood_is_asked_for_again() -> None:
    async def script(scene: Scene) -> None:
        scene.stt.confidence = 0.1
        scene.say("okay nabu", pause_ms=500)
        scene.say("mumble mumble", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scene = Scene().play(script)
    assert scene.reports[0].path is ReplyPath.NONE
    assert scene.heard == "sorry i did not understand that"
    assert not scene.reports[0].was_understood


def test_the_same_scene_is_the_same_every_time() -> None:
    async def script(scene: Scene) -> None:
        scene.say("okay nabu who are you", pause_ms=1500)
        await scene.answered()
        scene.card.hang_up()

    scenes = [Scene(cost_s=0.003).play(script) for _ in range(2)]
    assert scenes[0].story == scenes[1].story
    assert scenes[0].reports[0].timings_ms == scenes[1].reports[0].timings_ms
