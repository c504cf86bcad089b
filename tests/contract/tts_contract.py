"""What every text-to-speech engine must do, as tests: subclass `TtsContract` and give it an engine.

class TestMine(TtsContract):
    @classmethod
    def make_engine(cls) -> TextToSpeech:
        return mine.build(mine.Options(), BuildContext(...))
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import pytest

from voiced.engines.contracts import TextToSpeech
from voiced.types import AudioChunk, Samples, WordEnd


def speak(engine: TextToSpeech, clause: str) -> list[AudioChunk]:
    """All chunks of `clause`."""
    return list(engine.synthesize(clause))


def joined(chunks: Sequence[AudioChunk]) -> Samples:
    """The sound of all chunks."""
    return np.concatenate([chunk.samples for chunk in chunks])


def seconds(engine: TextToSpeech, clause: str) -> float:
    """How long `clause` takes to be said, its pauses included."""
    return len(joined(speak(engine, clause))) / engine.rate_hz


def word_ends(chunks: Sequence[AudioChunk]) -> list[WordEnd]:
    """Where the words of a clause end, over all of its chunks."""
    return [end for chunk in chunks for end in chunk.word_ends]


def rms(samples: Samples) -> float:
    """The root mean square, in units of a sample."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def silences(sound: Samples, rate_hz: int) -> list[int]:
    """The samples at which silence of at least 100 ms begins: 28 dB below the loudest 10 ms."""
    step = rate_hz // 100
    levels = [rms(sound[start : start + step]) for start in range(0, len(sound) - step, step)]
    is_quiet = [level < 0.04 * max(levels) for level in levels]
    return [
        block * step
        for block in range(1, len(levels) - 9)
        if not is_quiet[block - 1] and all(is_quiet[block : block + 10])
    ]


class TtsContract:
    """The contract of `TextToSpeech`. An engine is made once a class."""

    sentence: ClassVar[str] = "The capital of France is Paris."
    """About two seconds of speech in the engine's language."""

    knows_word_ends: ClassVar[bool] = True
    """Whether the voice says where its words end."""

    @classmethod
    def make_engine(cls) -> TextToSpeech:
        raise AssertionError("a subclass makes its engine")

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Iterator[TextToSpeech]:
        engine = cls.make_engine()
        yield engine
        engine.close()

    def test_rate_is_one_that_speech_is_synthesised_at(self, engine: TextToSpeech) -> None:
        assert engine.rate_hz in (16_000, 22_050, 24_000, 44_100, 48_000)

    def test_chunks_are_mono_int16_at_the_rate_and_follow_each_other(
        self, engine: TextToSpeech
    ) -> None:
        expected_start = 0
        chunks = speak(engine, self.sentence)
        assert chunks
        for chunk in chunks:
            assert chunk.samples.dtype == np.int16
            assert chunk.samples.ndim == 1
            assert len(chunk.samples) > 0
            assert chunk.rate_hz == engine.rate_hz
            assert chunk.start_sample == expected_start
            expected_start = chunk.end_sample

    def test_chunks_do_not_share_memory_that_is_written_again(self, engine: TextToSpeech) -> None:
        kept: list[AudioChunk] = []
        copies: list[Samples] = []
        for chunk in engine.synthesize(self.sentence):
            kept.append(chunk)
            copies.append(chunk.samples.copy())
        speak(engine, self.sentence)
        for chunk, copy in zip(kept, copies, strict=True):
            assert np.array_equal(chunk.samples, copy)

    def test_speech_is_audible_and_not_clipped(self, engine: TextToSpeech) -> None:
        sound = joined(speak(engine, self.sentence))
        assert rms(sound) > 500  # -36 dBFS
        assert np.mean(np.abs(sound.astype(np.int32)) >= 32_767) < 0.001

    def test_it_begins_at_once(self, engine: TextToSpeech) -> None:
        sound = np.abs(joined(speak(engine, self.sentence)).astype(np.int32))
        onset = int(np.argmax(sound > 0.02 * sound.max()))
        assert onset / engine.rate_hz < 0.08

    def test_length_is_that_of_speech(self, engine: TextToSpeech) -> None:
        assert 1.2 < seconds(engine, self.sentence) < 4.5

    def test_more_words_take_longer(self, engine: TextToSpeech) -> None:
        short = seconds(engine, "One.")
        assert 0.2 < short < 2
        assert seconds(engine, "One two three four five six seven eight nine ten.") > 2 * short

    def test_the_same_clause_takes_equally_long_again(self, engine: TextToSpeech) -> None:
        first, *others = (seconds(engine, self.sentence) for _ in range(4))
        for other in others:
            assert other == pytest.approx(first, rel=0.15)

    def test_closing_stops_it_and_the_next_clause_is_whole(self, engine: TextToSpeech) -> None:
        whole = len(speak(engine, self.sentence))
        assert whole > 0
        threads_before = threading.active_count()
        stopped = engine.synthesize(" ".join([self.sentence] * 10))
        first = next(stopped)
        assert first.start_sample == 0
        stopped.close()  # type: ignore[attr-defined]  # engines give generators
        assert next(stopped, None) is None
        assert threading.active_count() == threads_before
        assert seconds(engine, self.sentence) > 1

    def test_a_clause_that_is_never_pulled_costs_nothing_and_harms_nothing(
        self, engine: TextToSpeech
    ) -> None:
        threads_before = threading.active_count()
        never_pulled = engine.synthesize(self.sentence)
        assert threading.active_count() == threads_before
        assert seconds(engine, self.sentence) > 1
        del never_pulled

    @pytest.mark.parametrize(
        "nothing", ["", " ", "\n", "...", "?!", "—", "-", '""', "()", "*", "🙂", "🏳️‍🌈 👍🏽", "\x00"]
    )
    def test_nothing_to_say_is_no_sound(self, engine: TextToSpeech, nothing: str) -> None:
        assert speak(engine, nothing) == []

    @pytest.mark.parametrize(
        "odd",
        [
            "Good morning 🙂",
            "**Bold**, _slanted_ and `code`",
            "https://example.com/a/very/long?path=yes&n=1#top",
            "a\x00b\x07c",
            "broken \ud800 surrogate",
            "[[hello]] <speak>there</speak> &amp; \\n",
            "Ünïcödé, naïve café, Ελληνικά, русский, 今天, العربية, हिन्दी",
            "e\u0301 combining, zero\u200bwidth, right\u202eleft",
            "-3.5 °C, 50 %, €20, 7:30, 1/2, C++",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "!!! what ??? no...",
            "1234567890123456789012345678901234567890",
        ],
    )
    def test_odd_text_is_finite_sound(self, engine: TextToSpeech, odd: str) -> None:
        chunks = speak(engine, odd)
        assert chunks
        assert 0.1 < len(joined(chunks)) / engine.rate_hz < 60

    def test_four_hundred_words_in_one_sentence(self, engine: TextToSpeech) -> None:
        chunks = speak(engine, "word " * 400)
        assert 40 < len(joined(chunks)) / engine.rate_hz < 400
        if self.knows_word_ends:
            assert [end.words for end in word_ends(chunks)] == list(range(1, 401))

    @pytest.mark.parametrize(
        "clause",
        [
            "The capital of France is Paris.",
            "Yes. It is one of the best, I think; is it not?",
            "- It will be **12,500** in the [long run](https://example.com/a). 🙂",
            "https://example.com/a/very/long?path=yes&n=1#top",
            "🙂 hi🙂there\nfriend — and...you",
            "-3.5 °C, 50 %, €20, 7:30, 1/2, C++, etc. at 5 p.m.",
            "e\u0301 combining, zero\u200bwidth, 今天 and Ελληνικά",
            "1234567890123456789012345678901234567890",
            "one",
        ],
    )
    def test_word_ends_rise_within_their_chunks_up_to_the_last_word(
        self, engine: TextToSpeech, clause: str
    ) -> None:
        chunks = speak(engine, clause)
        for chunk in chunks:
            for end in chunk.word_ends:
                assert chunk.start_sample <= end.end_sample <= chunk.end_sample
        ends = word_ends(chunks)
        if not self.knows_word_ends and not ends:
            return
        for earlier, later in zip([WordEnd(0, 0), *ends], ends, strict=False):
            assert earlier.words < later.words
            assert earlier.end_sample < later.end_sample
        assert ends[-1].words == len(clause.split())
        sound = np.flatnonzero(np.abs(joined(chunks).astype(np.int32)) > 100)
        assert 0.5 * sound[-1] < ends[-1].end_sample < sound[-1] + 0.1 * engine.rate_hz

    def test_words_end_where_it_falls_silent(self, engine: TextToSpeech) -> None:
        """Every word of this clause has a pause behind it: the sound itself says when.

        Measured: within 17 ms. Going by letters is wrong by more than 100 ms.
        """
        if not self.knows_word_ends:
            return
        clause = "Oranges, lemons, bananas, melons, marmalade."
        chunks = speak(engine, clause)
        ends = word_ends(chunks)
        assert [end.words for end in ends] == [1, 2, 3, 4, 5]
        for end, silence in zip(ends, silences(joined(chunks), engine.rate_hz), strict=True):
            assert abs(end.end_sample - silence) < 0.05 * engine.rate_hz

    def test_markup_and_pictures_are_not_read_aloud(self, engine: TextToSpeech) -> None:
        plain = seconds(engine, "The answer is Paris.")
        assert seconds(engine, "The answer is **Paris**. 🙂") == pytest.approx(plain, rel=0.15)
