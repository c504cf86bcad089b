"""An engine in a process of its own does what it would do here, and fails as it would fail here."""

from __future__ import annotations

import os
import re
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Literal

import numpy as np
import pytest

from tests.support.fragile_engines import BUILD, HANG_S, Models, Options
from voiced.engines.contracts import BuildContext
from voiced.errors import ConfigError, EngineError, ModelError, NetworkError, VoicedError
from voiced.isolation import isolated
from voiced.isolation._proxies import (
    IsolatedLanguageModel,
    IsolatedSpeechToText,
    IsolatedTextToSpeech,
)
from voiced.isolation._wire import Stop
from voiced.types import AudioChunk, Message, Prefill, Role, Transcript, WordEnd

CONTEXT = BuildContext(
    Models(), Path("/cache"), language="de", threads=3, sentences=lambda: ["turn it", "on"]
)
NEVER = threading.Event()


def make_model(name: str = "fine") -> IsolatedLanguageModel:
    return isolated("llm", name, None, CONTEXT, build=BUILD)


def said(text: str) -> list[Message]:
    return [Message(Role.USER, text)]


def sound(samples: int, start_sample: int = 0) -> AudioChunk:
    return AudioChunk(np.ones(samples, np.int16), start_sample=start_sample)


@pytest.fixture(scope="module")
def model() -> Iterator[IsolatedLanguageModel]:
    engine = make_model()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def recogniser() -> Iterator[IsolatedSpeechToText]:
    engine = isolated("stt", "fine", Options(said="options"), CONTEXT, build=BUILD)
    yield engine
    engine.close()


def test_it_is_built_from_what_it_would_be_built_from_here(
    recogniser: IsolatedSpeechToText,
) -> None:
    session = recogniser.open()
    assert session.partial() == "options /models/m de 3 /cache turn it on"
    session.close()


def test_utterances_live_there_and_stay_apart(recogniser: IsolatedSpeechToText) -> None:
    first, second = recogniser.open(), recogniser.open()
    first.feed(sound(100))
    second.feed(sound(7))
    first.feed(sound(200))
    assert first.transcript() == Transcript("300", 0.5, -1.5, 0.25)
    first.close()
    assert second.transcript().text == "7"
    second.close()


def test_what_a_block_of_sound_broke_comes_with_the_next_look(
    recogniser: IsolatedSpeechToText,
) -> None:
    session, other = recogniser.open(), recogniser.open()
    session.feed(AudioChunk(np.zeros(9, np.int16)))
    session.feed(sound(100))
    with pytest.raises(EngineError, match="nothing but silence"):
        session.partial()
    with pytest.raises(EngineError, match="nothing but silence"):
        session.transcript()
    session.close()
    session.close()
    with pytest.raises(EngineError, match="was dropped"):
        session.feed(sound(1))
    assert other.transcript().text == "0"
    other.close()


def test_a_voice_speaks_as_it_would_here() -> None:
    voice: IsolatedTextToSpeech = isolated("tts", "fine", None, CONTEXT, build=BUILD)
    chunks = list(voice.synthesize("two words"))
    assert voice.rate_hz == 8_000
    voice.close()
    assert [(chunk.rate_hz, chunk.start_sample) for chunk in chunks] == [(8_000, 0), (8_000, 10)]
    assert [chunk.word_ends for chunk in chunks] == [(WordEnd(1, 10),), (WordEnd(2, 20),)]
    assert [chunk.samples.tolist() for chunk in chunks] == [[3] * 10, [5] * 10]
    assert chunks[0].samples.dtype == np.int16


class TestIterators:
    def test_items_are_made_when_they_are_asked_for(self, model: IsolatedLanguageModel) -> None:
        model.extend(said("fine"), NEVER)
        assert list(model.generate(max_tokens=3)) == ["0", "1", "2"]

    def test_one_that_is_left_is_closed_there_before_it_makes_another_item(
        self, model: IsolatedLanguageModel
    ) -> None:
        list(model.generate(max_tokens=1))
        pieces = model.generate(max_tokens=1_000_000)
        assert [next(pieces) for _ in range(4)] == ["0", "1", "2", "3"]
        assert model.count_tokens(said("closed after")) == 0
        pieces.close()  # type: ignore[attr-defined]  # engines give generators
        assert model.count_tokens(said("closed after")) == 3
        assert list(pieces) == []

    def test_one_that_fails_has_given_what_came_before(self, model: IsolatedLanguageModel) -> None:
        model.extend(said("engine"), NEVER)
        pieces = model.generate(max_tokens=2)
        assert [next(pieces), next(pieces)] == ["0", "1"]
        with pytest.raises(EngineError, match="it broke"):
            next(pieces)
        assert list(pieces) == []

    def test_one_whose_method_fails_does_so_at_the_first_item(
        self, model: IsolatedLanguageModel
    ) -> None:
        pieces = model.generate(max_tokens="many")  # type: ignore[arg-type]
        with pytest.raises(EngineError, match="llm failed: TypeError: "):
            next(pieces)


class TestCancel:
    def test_what_is_cancelled_before_it_begins_knows_so_at_once(
        self, model: IsolatedLanguageModel
    ) -> None:
        cancelled = threading.Event()
        cancelled.set()
        assert model.extend(said("wait"), cancelled) == Prefill(1, 0)
        assert model.extend(said("fine"), NEVER) == Prefill(0, 0)

    @pytest.mark.parametrize("method", ["begin", "extend"])
    def test_running_work_stops_within_50_ms(
        self, model: IsolatedLanguageModel, method: Literal["begin", "extend"]
    ) -> None:
        def delay_s() -> float:
            cancel = threading.Event()
            set_at = [0.0]

            def set_it() -> None:
                set_at[0] = monotonic()
                cancel.set()

            timer = threading.Timer(0.03, set_it)
            timer.start()
            assert getattr(model, method)(said("wait"), cancel) == Prefill(1, 0)
            delay = monotonic() - set_at[0]
            timer.join()
            return delay

        # The best of some: the machine may be busy with something else.
        assert min(delay_s() for _ in range(5)) < 0.05

    def test_a_wish_that_comes_too_late_stops_nothing_else(
        self, model: IsolatedLanguageModel
    ) -> None:
        # As if it had crossed the answer.
        model._process._send(Stop())
        assert model.extend(said("fine"), NEVER) == Prefill(0, 0)

    def test_an_engine_may_look_at_an_old_wish(self, model: IsolatedLanguageModel) -> None:
        model.extend(said("linger"), NEVER)
        pieces = model.generate(max_tokens=5)
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # engines give generators
        assert model.count_tokens(said("fine")) == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("deed", "error", "message"),
        [
            ("model", ModelError, "the model is missing: pull it"),
            ("engine", EngineError, "it broke"),
            ("config", ConfigError, "there is no such voice"),
            ("odd", EngineError, "1 of 2"),
            ("value", EngineError, "llm failed: ValueError: a \ud800 value"),
            ("import", EngineError, "llm failed: ModuleNotFoundError: no module"),
        ],
    )
    def test_what_it_raises_is_raised_here(
        self, model: IsolatedLanguageModel, deed: str, error: type[VoicedError], message: str
    ) -> None:
        with pytest.raises(VoicedError) as raised:
            model.count_tokens(said(deed))
        assert type(raised.value) is error
        assert str(raised.value) == message
        assert "fragile_engines.py" in raised.value.__notes__[0]
        with pytest.raises(VoicedError, match=re.escape(message)) as raised_while_built:
            make_model(deed)
        assert (type(raised_while_built.value), str(raised_while_built.value)) == (error, message)

    def test_it_goes_on_after_an_error(self, model: IsolatedLanguageModel) -> None:
        with pytest.raises(EngineError):
            model.count_tokens(said("value"))
        assert model.count_tokens(said("fine")) == 1

    def test_an_engine_that_does_not_exist(self) -> None:
        with pytest.raises(ConfigError, match="there is no tts engine 'expeak'; did you mean"):
            isolated("tts", "expeak", None, CONTEXT)


class TestSurroundings:
    def test_it_stays_offline(self, model: IsolatedLanguageModel) -> None:
        with pytest.raises(NetworkError, match="voiced stays offline"):
            model.count_tokens(said("connect"))

    def test_it_reads_no_keys(self, model: IsolatedLanguageModel) -> None:
        assert model.count_tokens(said("read stdin")) == 0

    def test_it_ignores_ctrl_c(self, model: IsolatedLanguageModel) -> None:
        assert model.count_tokens(said("interrupt")) == 1

    def test_it_is_as_nice_as_its_parent(self, model: IsolatedLanguageModel) -> None:
        assert model.count_tokens(said("nice")) == os.nice(0)

    def test_it_has_no_other_descriptors_of_its_parents(self) -> None:
        """Input, output, errors; the socket and the pipe to its parent."""
        ours = os.open("/dev/null", os.O_RDONLY)
        os.set_inheritable(ours, True)
        other = make_model()
        engine = make_model()
        assert engine.count_tokens(said("descriptors")) == 5
        other.close()
        engine.close()
        os.close(ours)

    def test_it_logs_what_its_parent_would_log_and_tells_of_a_crash_without_a_dump(
        self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level("INFO", logger="voiced")
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        engine = make_model()
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
        engine.count_tokens(said("log"))
        assert engine.count_tokens(said("core size")) == 0
        with pytest.raises(EngineError):
            engine.count_tokens(said("read address 0"))
        engine.close()
        lines = capfd.readouterr().err
        assert lines.startswith("INFO voiced.fragile: this is worth knowing\nFatal Python error")
        assert "in string_at" in lines


def test_feeding_does_not_wait(recogniser: IsolatedSpeechToText) -> None:
    """A block that is never decoded holds nobody up until there is something to be known of it."""
    engine: IsolatedSpeechToText = isolated("stt", "fine", None, CONTEXT, build=BUILD)
    session = engine.open()
    began = monotonic()
    session.feed(sound(10, start_sample=1))
    for _ in range(25):
        session.feed(sound(320))
    assert monotonic() - began < HANG_S / 10
    engine.kill()
    with pytest.raises(EngineError):
        session.transcript()
    session.close()
    engine.close()
