"""Pronunciations: the dictionary's, and espeak-ng's in CMU's phones."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pocketsphinx
import pytest

from voiced.engines.stt import _sphinx_words
from voiced.engines.stt._sphinx_words import (
    guess_pronunciations,
    read_dictionary,
    to_arpabet,
    write_dictionary,
)
from voiced.errors import ModelError

CMUDICT = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"

SAMPLE = [
    "basement",
    "bathroom",
    "bedroom",
    "blinds",
    "brightness",
    "camera",
    "curtain",
    "degrees",
    "dehumidifier",
    "dishwasher",
    "freezer",
    "garage",
    "hallway",
    "humidifier",
    "jonathan",
    "kitchen",
    "laundry",
    "melissa",
    "microwave",
    "nursery",
    "office",
    "outlet",
    "patio",
    "playlist",
    "pumpkin",
    "radiator",
    "robert",
    "sofa",
    "spaghetti",
    "sprinkler",
    "television",
    "thermostat",
    "thunderstorm",
    "umbrella",
    "vacuum",
    "veranda",
    "window",
    "yogurt",
]


def distance(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for i, phone in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, second in enumerate(other, start=1):
            cheapest = min(row[j] + 1, row[j - 1] + 1, diagonal + (phone != second))
            diagonal, row[j] = row[j], cheapest
    return row[-1]


def test_every_pronunciation_of_a_word_is_read() -> None:
    found = read_dictionary(CMUDICT, {"either", "kitchen", "ecobee"})
    assert found["kitchen"] == ["K IH CH AH N"]
    assert len(found["either"]) == 2
    assert "ecobee" not in found


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    words = read_dictionary(CMUDICT, {"either", "kitchen", "the"})
    write_dictionary(words, tmp_path / "some.dict")
    assert read_dictionary(tmp_path / "some.dict", None) == words


def test_a_missing_dictionary_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.dict"):
        read_dictionary(tmp_path / "missing.dict", {"a"})


def test_a_dictionary_of_bytes_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "bad.dict").write_bytes(b"\xff\xfe\x00kitchen")
    with pytest.raises(ModelError, match=r"bad\.dict"):
        read_dictionary(tmp_path / "bad.dict", {"kitchen"})


def test_espeak_pronounces_words_much_as_the_dictionary_does() -> None:
    known = read_dictionary(CMUDICT, set(SAMPLE))
    guessed = guess_pronunciations(SAMPLE)
    wrong = total = 0
    for word in SAMPLE:
        guess = guessed[word][0].split()
        nearest = min((phones.split() for phones in known[word]), key=lambda p: distance(p, guess))
        wrong += distance(nearest, guess)
        total += len(nearest)
    # 0.10 of the phones of 2,000 words drawn from the whole dictionary.
    assert wrong / total < 0.12


def test_names_that_the_dictionary_lacks() -> None:
    assert guess_pronunciations(["ecobee", "roomba"]) == {
        "ecobee": ["EH K OW B IY"],
        "roomba": ["R UW M B AH"],
    }


def test_every_phone_is_one_of_the_acoustic_model() -> None:
    allowed = {
        phone
        for all_ in read_dictionary(CMUDICT, None).values()
        for p in all_
        for phone in p.split()
    }
    used = {phone for phones in _sphinx_words._ARPABET.values() for phone in phones.split()}
    assert used <= allowed


@pytest.mark.parametrize(
    ("ipa", "arpabet"),
    [
        ("ˈɛ_k_oʊ_b_ˌiː", "EH K OW B IY"),
        ("w_ˈɔː_ɾ_ɚ", "W AO T ER"),
        ("f_ˈaɪɚ", "F AY ER"),
        ("b_ˈʌ_ʔ_n̩", "B AH T AH N"),
        ("", ""),
        ("ǃ_a", ""),
    ],
)
def test_ipa_becomes_arpabet(ipa: str, arpabet: str) -> None:
    assert to_arpabet(ipa) == arpabet


def test_a_word_without_sounds_is_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert guess_pronunciations(["-", "hue"]) == {"hue": ["HH Y UW"]}
    assert "'-'" in caplog.text


def test_without_espeak_nothing_is_guessed_and_the_names_are_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with caplog.at_level(logging.WARNING):
        assert guess_pronunciations(["hue"]) == {}
    assert "hue" in caplog.text
