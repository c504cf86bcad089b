"""llama.cpp in a conversation: its prompt kept on disk, the window's overflow, the end of turn."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.contract.llm_contract import NEVER, PREFIX, CancelAfter, asked
from tests.contract.test_llm_llama_cpp import NO_CACHE, Models, make, smollm2
from voiced.core.conversation import Conversation
from voiced.core.prompt import EXAMPLES, SYSTEM_PROMPT
from voiced.engines.contracts import BuildContext, LanguageModel
from voiced.engines.llm import llama_cpp
from voiced.engines.llm._end_of_turn import load_calibration
from voiced.engines.llm._prefix_store import PrefixStore
from voiced.errors import ModelError
from voiced.types import Message, Role

START = Conversation.begin(SYSTEM_PROMPT, EXAMPLES)


class TestTheEndOfTurn:
    """Behind the prompt that it was calibrated behind."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Iterator[llama_cpp.LlamaCpp]:
        engine = make(context_tokens=512)
        engine.begin(START.prefix, NEVER)
        yield engine
        engine.close()

    def probability(self, engine: LanguageModel, said: str, talk: Conversation = START) -> float:
        probability = engine.extend(talk.asking(said), NEVER).end_probability
        assert probability is not None
        return probability

    @pytest.mark.parametrize(
        ("whole", "cut_off"),
        [
            ("what time is it", "what is the capital of"),
            ("what is the capital of france", "what is the"),
            ("set a timer for ten minutes", "set a timer for"),
            ("turn off all the lights", "turn on the light in the"),
            ("thank you", "i would like to"),
            ("tell me a joke", "tell me a joke about"),
        ],
    )
    def test_whole_sentences_are_told_from_cut_off_ones(
        self, engine: LanguageModel, whole: str, cut_off: str
    ) -> None:
        talk = START.after("good morning", "Good morning, how can", is_interrupted=True)
        for conversation in (START, talk):
            assert self.probability(engine, whole, conversation) > 0.5
            assert self.probability(engine, cut_off, conversation) < 0.2

    def test_a_recognisers_full_stop_makes_no_sentence_whole(self, engine: LanguageModel) -> None:
        assert self.probability(engine, "Set a timer for.") < 0.2
        assert self.probability(engine, "Set a timer for...") < 0.2
        assert self.probability(engine, "What is the capital of France?") > 0.5

    def test_a_sentence_that_was_read_on_the_way_is_judged_too(self, engine: LanguageModel) -> None:
        """Its last token is in the context already, what is expected behind it is not."""
        alone = self.probability(engine, "what is the capital of")
        self.probability(engine, "what is the capital of france")
        assert self.probability(engine, "what is the capital of") == pytest.approx(alone, abs=0.02)

    def test_looking_changes_no_reply(self, engine: LanguageModel) -> None:
        blind = llama_cpp.load(
            llama_cpp.Options(context_tokens=512),
            BuildContext(models=Models(), cache_dir=NO_CACHE, threads=1),
            None,
        )
        try:
            blind.begin(START.prefix, NEVER)
            # The second is longer than a batch, and its end stands in the second one.
            for question in ("what do bees make", "tell me " + "again and again " * 22 + "a joke"):
                messages = START.asking(question)
                assert blind.extend(messages, NEVER).end_probability is None
                expected = "".join(blind.generate(max_tokens=20))
                assert self.probability(engine, question) > 0
                assert "".join(engine.generate(max_tokens=20)) == expected
        finally:
            blind.close()

    def test_a_model_without_a_calibration_knows_nothing(self, tmp_path: Path) -> None:
        engine = make(model=str(smollm2()), context_tokens=512)
        assert engine.extend(asked("what time is it"), NEVER).end_probability is None
        engine.close()

    def test_a_damaged_calibration_is_said(self, tmp_path: Path) -> None:
        path = tmp_path / "end_of_turn.toml"
        path.write_text('[smollm2-135m]\nbias = "no"\nslope = 1\n', encoding="utf-8")
        with pytest.raises(ModelError, match=r"end_of_turn.toml cannot be read .*install"):
            load_calibration("smollm2-135m", path)


def test_overflow_forgets_exchanges_and_keeps_the_prefix() -> None:
    engine = make(context_tokens=320)
    try:
        prefix_tokens = engine.begin(START.prefix, NEVER).total_tokens
        talk, forgotten = START, 0
        for turn in range(10):
            said = f"question number {turn} is rather long so that the room runs out at some time"
            fitted = talk.fitted(said, engine.count_tokens, engine.context_tokens - 30)
            forgotten += len(talk.exchanges) - len(fitted.exchanges)
            extended = engine.extend(fitted.asking(said), NEVER)
            assert extended.reused_tokens >= prefix_tokens
            heard = " ".join("".join(engine.generate(max_tokens=20)).split()[:4]) or "Well"
            talk = fitted.after(said, heard, is_interrupted=True)
        assert forgotten > 0
    finally:
        engine.close()


class TestThePrefixOnDisk:
    def begun(self, cache_dir: Path, prefix: Sequence[Message] = PREFIX) -> tuple[int, str]:
        """Of a new engine: the tokens it did not have to read, and a reply."""
        engine = make(context_tokens=512, cache_dir=cache_dir)
        try:
            begun = engine.begin(prefix, NEVER)
            question = Message(Role.USER, "what is the capital of france")
            extended = engine.extend([*prefix, question], NEVER)
            assert extended.reused_tokens == begun.total_tokens
            return begun.reused_tokens, "".join(engine.generate(max_tokens=20))
        finally:
            engine.close()

    def test_it_is_restored_and_answers_the_same(self, tmp_path: Path) -> None:
        cache = tmp_path / "made" / "when needed"
        none, expected = self.begun(cache)
        some, restored = self.begun(cache)
        assert (none, restored) == (0, expected)
        assert some > 30
        (file,) = cache.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600

    def test_only_files_that_are_whole_reach_the_library(self, tmp_path: Path) -> None:
        _, expected = self.begun(tmp_path)
        (file,) = tmp_path.iterdir()
        whole = file.read_bytes()
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        for content in (b"", whole[:20], whole[:-1], whole + b"x", bytes(damaged), bytes(5000)):
            file.write_bytes(content)
            assert self.begun(tmp_path) == (0, expected)
            assert file.read_bytes() == whole

    def test_a_state_that_the_library_refuses_is_made_anew(self, tmp_path: Path) -> None:
        _, expected = self.begun(tmp_path)
        (file,) = tmp_path.iterdir()
        whole = file.read_bytes()
        engine = make(context_tokens=512, cache_dir=tmp_path)
        tokens = engine._tokens(asked("a"))
        engine.begin(PREFIX, NEVER)
        for state in (b"", whole[32:-100], whole[32:] + bytes(8)):
            engine._prefixes.save(engine._native.held, state)
            engine.extend([Message(Role.USER, "something else")], NEVER)
            begun = engine.begin(PREFIX, NEVER)
            assert begun.reused_tokens < 10
            assert engine._native.held == tokens[: begun.total_tokens]
            assert file.read_bytes() == whole
        engine.close()
        assert self.begun(tmp_path)[1] == expected

    def test_another_prompt_or_model_has_another_file(self, tmp_path: Path) -> None:
        other = (Message(Role.SYSTEM, "Be brief."), *PREFIX[1:])
        assert self.begun(tmp_path)[0] == 0
        assert self.begun(tmp_path, other)[0] == 0
        assert self.begun(tmp_path)[0] > 30
        model = tmp_path / "other.gguf"
        shutil.copyfile(smollm2(), model)
        engine = make(context_tokens=512, cache_dir=tmp_path, model=str(model))
        assert engine.begin(PREFIX, NEVER).reused_tokens == 0
        engine.close()

    def test_the_files_used_longest_ago_go(self, tmp_path: Path) -> None:
        (tmp_path / "something-else").touch()
        store = PrefixStore(tmp_path, smollm2(), "")
        for number in range(6):
            store.save([number], bytes([number]))
            # Ever longer ago, and the first one used again: that makes it the newest.
            for file in tmp_path.glob("llama-*"):
                os.utime(file, (0, file.stat().st_mtime - 10))
            assert store.load([0]) == b"\x00"
        found = [number for number in range(6) if store.load([number]) == bytes([number])]
        assert found == [0, 4, 5]
        assert len(list(tmp_path.iterdir())) == 4

    def test_a_folder_that_cannot_be_written_is_no_error(self, tmp_path: Path) -> None:
        in_the_way = tmp_path / "file"
        in_the_way.touch()
        assert self.begun(in_the_way)[0] == 0
        assert self.begun(NO_CACHE)[0] == 0

    def test_a_full_disk_is_no_error_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path, target: Path) -> Path:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "replace", refuse)
        assert self.begun(tmp_path)[0] == 0
        assert list(tmp_path.iterdir()) == []

    def test_a_cancelled_beginning_is_not_kept(self, tmp_path: Path) -> None:
        engine = make(context_tokens=512, cache_dir=tmp_path)
        engine.begin(PREFIX, CancelAfter(5))
        assert list(tmp_path.iterdir()) == []
        engine.close()
