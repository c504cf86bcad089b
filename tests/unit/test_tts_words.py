"""Where words end, from the phonemes of Piper and the events of espeak-ng."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.spoken_text import SpokenWord, spoken_words
from voiced.engines.tts._espeak_words import PhonemeBegins, WordBegins, WordClock
from voiced.engines.tts._phoneme_words import joined, word_ends_in_sentences
from voiced.types import AudioChunk, WordEnd

PHONEMES = st.text("abdefiklmnoprstuvzæðɐɛɪʃʊʌθ", min_size=1, max_size=8)


def ends_in(spoken: str, *words: str) -> list[str]:
    """What has been said of one sentence when each of the words is over."""
    (found,) = word_ends_in_sentences([spoken], words)
    assert [word for word, _ in found] == list(range(len(words)))
    return [spoken[:at] for _, at in found]


def test_one_group_a_word() -> None:
    assert ends_in("ðə kˈæt sˈæt.", "ðə", "kˈæt", "sˈæt.") == ["ðə", "ðə kˈæt", "ðə kˈæt sˈæt"]


def test_words_that_run_together() -> None:
    said = ends_in("wˈʌn ʌvðə tˈaʊn.", "wˈʌn", "ʌv", "ðə", "tˈaʊn.")
    assert said == ["wˈʌn", "wˈʌn ʌv", "wˈʌn ʌvðə", "wˈʌn ʌvðə tˈaʊn"]


def test_a_word_that_is_several_groups_beside_words_that_run_together() -> None:
    """Three words and three groups, and yet no group is a word."""
    said = ends_in("ɪnðə twˈɛnti fˈɜːst", "ˈɪn", "ðə", "twˈɛnti fˈɜːst")
    assert said == ["ɪn", "ɪnðə", "ɪnðə twˈɛnti fˈɜːst"]


def test_words_sound_otherwise_in_a_sentence() -> None:
    said = ends_in("ɪɾ ɪz ɐ ɡˈʊd wˈʌn", "ˈɪt", "ˈɪz", "ˈeɪ", "ɡˈʊd", "wˈʌn")
    assert said == ["ɪɾ", "ɪɾ ɪz", "ɪɾ ɪz ɐ", "ɪɾ ɪz ɐ ɡˈʊd", "ɪɾ ɪz ɐ ɡˈʊd wˈʌn"]


def test_a_word_without_a_sound_ends_with_the_one_before_or_not_at_all() -> None:
    assert word_ends_in_sentences(["ɐ bˈi"], ["", "ɐ", "", "bˈi"]) == [[(1, 1), (2, 1), (3, 5)]]


def test_words_belong_to_their_sentences() -> None:
    found = word_ends_in_sentences(["jˈɛs.", "ɪɾɪz."], ["jˈɛs.", "ɪt", "ɪz."])
    assert found == [[(0, 4)], [(1, 2), (2, 4)]]


@given(st.lists(st.lists(PHONEMES, min_size=1, max_size=4), min_size=1, max_size=12))
def test_every_gap_is_found(groups: list[list[str]]) -> None:
    """Words are groups or run together to one; the last of a group ends where the group does."""
    words = [word for group in groups for word in group]
    (found,) = word_ends_in_sentences([" ".join("".join(group) for group in groups)], words)
    ends = dict(found)
    assert list(ends) == list(range(len(words)))
    past = count = 0
    for group in groups:
        past += len("".join(group))
        count += len(group)
        assert ends[count - 1] == past
        past += 1


@given(
    st.lists(st.text(" abˈ.1", max_size=20), max_size=3), st.lists(st.text(" abˈ.1", max_size=6))
)
def test_whatever_the_phonemes_ends_never_fall(sentences: list[str], words: list[str]) -> None:
    found = word_ends_in_sentences(sentences, words)
    assert len(found) == len(sentences)
    flat = [(index, at, word) for index, ends in enumerate(found) for word, at in ends]
    assert flat == sorted(flat)
    assert [word for *_, word in flat] == sorted({word for *_, word in flat})
    for sentence, ends in zip(sentences, found, strict=True):
        assert all(0 < at <= len(sentence) for _, at in ends)


def test_sentences_are_joined_with_a_gap() -> None:
    assert joined(["ab", "c"]) == ["a", "b", " ", "c"]
    assert joined([]) == []


RATE_HZ = 1000
"""A sample a millisecond."""

Event = WordBegins | PhonemeBegins


def chunk(start: int, end: int) -> AudioChunk:
    return AudioChunk(np.zeros(end - start, np.int16), RATE_HZ, start)


def ends_of(chunks: list[AudioChunk]) -> list[tuple[int, int]]:
    return [(end.words, end.end_sample) for chunk in chunks for end in chunk.word_ends]


def test_a_word_ends_where_the_next_begins_or_silence_before_it() -> None:
    clock = WordClock(spoken_words("one two, three"), RATE_HZ)
    heard: list[Event] = [
        WordBegins(0, 0),
        PhonemeBegins(is_pause=False, at_ms=0),
        WordBegins(4, 80),
        PhonemeBegins(is_pause=False, at_ms=80),
    ]
    for event in heard:
        clock.hear(event)
    assert clock.add(chunk(0, 100)) == []
    clock.hear(PhonemeBegins(is_pause=True, at_ms=150))
    clock.hear(PhonemeBegins(is_pause=True, at_ms=180))
    assert clock.add(chunk(100, 200)) == []
    clock.hear(WordBegins(9, 220))
    clock.hear(PhonemeBegins(is_pause=False, at_ms=220))
    complete = clock.add(chunk(200, 300))
    assert [part.end_sample for part in complete] == [100, 200]
    assert [part.word_ends for part in complete] == [(WordEnd(1, 80),), (WordEnd(2, 150),)]
    clock.hear(PhonemeBegins(is_pause=True, at_ms=350))
    left = clock.add(chunk(300, 400)) + clock.finish()
    assert ends_of(left) == [(3, 350)]


def test_silence_inside_a_word_does_not_end_it() -> None:
    clock = WordClock(spoken_words("12,500 men"), RATE_HZ)
    heard: list[Event] = [
        WordBegins(0, 0),
        PhonemeBegins(is_pause=True, at_ms=40),
        WordBegins(3, 60),
        PhonemeBegins(is_pause=False, at_ms=60),
        WordBegins(7, 90),
    ]
    for event in heard:
        clock.hear(event)
    assert ends_of(clock.add(chunk(0, 100)) + clock.finish()) == [(1, 90), (2, 100)]


def test_words_that_run_together_share_the_time_by_letters() -> None:
    clock = WordClock(spoken_words("of the town"), RATE_HZ)
    clock.hear(WordBegins(0, 0))
    clock.hear(WordBegins(7, 50))
    assert ends_of(clock.add(chunk(0, 100)) + clock.finish()) == [(1, 20), (2, 50), (3, 100)]


@st.composite
def speeches(draw: st.DrawFn) -> tuple[tuple[SpokenWord, ...], list[list[Event]]]:
    """A clause, and for each of its chunks of 100 samples what begins in it, in order."""
    letters = draw(st.lists(st.text("ab🙂", min_size=1, max_size=5), max_size=8))
    words = spoken_words(" ".join(["a", *letters]))
    length = sum(len(word.text) + 1 for word in words)
    count = draw(st.integers(1, 6))
    places = sorted(draw(st.lists(st.integers(0, 100 * count - 1), max_size=20)))
    speech: list[list[Event]] = [[] for _ in range(count)]
    for at in places:
        event = draw(
            st.one_of(
                st.builds(WordBegins, st.integers(-1, length + 3), st.just(at)),
                st.builds(PhonemeBegins, st.booleans(), st.just(at)),
            )
        )
        speech[at // 100].append(event)
    return words, speech


@given(speeches())
def test_whatever_the_events_ends_rise_within_their_chunks_and_no_sound_is_lost(
    speech: tuple[tuple[SpokenWord, ...], list[list[Event]]],
) -> None:
    words, pieces = speech
    clock = WordClock(words, RATE_HZ)
    chunks: list[AudioChunk] = []
    for index, events in enumerate(pieces):
        for event in events:
            clock.hear(event)
        chunks += clock.add(chunk(100 * index, 100 * index + 100))
    chunks += clock.finish()
    assert [part.start_sample for part in chunks] == [100 * index for index in range(len(pieces))]
    for part in chunks:
        for end in part.word_ends:
            assert part.start_sample <= end.end_sample <= part.end_sample
    ends = ends_of(chunks)
    for earlier, later in zip([(0, 0), *ends], ends, strict=False):
        assert earlier[0] < later[0]
        assert earlier[1] < later[1]
    assert all(count <= words[-1].words_done for count, _ in ends)
