"""Times and dates in words: read back by a reader of its own, over every minute and every day."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.errors import ConfigError
from voiced.skills.spoken import spoken_for

ENGLISH = spoken_for("en")
MINUTES = [time(minute // 60, minute % 60) for minute in range(24 * 60)]
NAMES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
    "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
SMALL = {name: value for value, name in enumerate(NAMES)}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third",
    "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth",
    "twenty-ninth", "thirtieth", "thirty-first",
]  # fmt: skip
PARTS = {
    "in the morning": range(60, 12 * 60),
    "in the afternoon": range(12 * 60, 18 * 60),
    "in the evening": range(18 * 60, 22 * 60),
    "at night": [*range(22 * 60, 24 * 60), *range(60)],
}


def number(words: str) -> int:
    tens, _, rest = words.removeprefix("oh ").partition("-")
    if tens in TENS:
        return TENS[tens] + (SMALL[rest] if rest else 0)
    return SMALL[tens]


def shown(words: str) -> int:
    """The minutes that a clock of twelve hours shows, from words without the part of the day."""
    for side, sign in ((" past ", 1), (" to ", -1)):
        if side in words:
            distance, hour = words.split(side)
            away = {"a quarter": 15, "half": 30}.get(distance) or number(distance)
            whole = 0 if hour == "midnight" else number(hour) * 60
            return (whole + sign * away) % 720
    hour, minutes = words.split(" ", 1)
    return (number(hour) * 60 + (0 if minutes == "o'clock" else number(minutes))) % 720


def read(words: str) -> time:
    """The time that `words` say."""
    if words in ("noon", "midnight"):
        return time(12 if words == "noon" else 0)
    if words.endswith(" midnight"):
        minute = shown(words) + (720 if " to " in words else 0)
        return time(minute // 60, minute % 60)
    part = next(part for part in PARTS if words.endswith(f" {part}"))
    face = shown(words.removesuffix(f" {part}"))
    (minute,) = [minute for minute in (face, face + 720) if minute in PARTS[part]]
    return time(minute // 60, minute % 60)


@given(st.sampled_from(MINUTES))
def test_a_time_is_read_back(moment: time) -> None:
    assert read(ENGLISH.clock_time(moment)) == moment


def test_every_minute_of_the_day_sounds_different_and_has_no_digit() -> None:
    spoken = [ENGLISH.clock_time(moment) for moment in MINUTES]
    assert len(set(spoken)) == 1440
    assert not any(character.isdigit() for words in spoken for character in words)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("00:00", "midnight"),
        ("00:10", "ten past midnight"),
        ("00:03", "twelve oh three at night"),
        ("01:00", "one o'clock in the morning"),
        ("07:30", "half past seven in the morning"),
        ("09:05", "five past nine in the morning"),
        ("10:42", "ten forty-two in the morning"),
        ("11:45", "a quarter to twelve in the morning"),
        ("12:00", "noon"),
        ("12:20", "twenty past twelve in the afternoon"),
        ("15:12", "three twelve in the afternoon"),
        ("17:35", "twenty-five to six in the afternoon"),
        ("19:15", "a quarter past seven in the evening"),
        ("22:00", "ten o'clock at night"),
        ("23:55", "five to midnight"),
        ("23:59", "eleven fifty-nine at night"),
    ],
)
def test_says_the_time_as_people_do(moment: str, words: str) -> None:
    assert ENGLISH.clock_time(time.fromisoformat(moment)) == words


def test_seconds_do_not_matter() -> None:
    assert ENGLISH.clock_time(time(7, 30, 59, 999_999)) == "half past seven in the morning"


@given(st.dates())
def test_a_date_is_read_back(day: date) -> None:
    weekday, month_and_day = ENGLISH.calendar_date(day).split(", ")
    month, ordinal = month_and_day.split(" ")
    assert ORDINALS.index(ordinal) + 1 == day.day
    assert (weekday, month) == (ENGLISH.weekday(day), ENGLISH.month(day))
    # The C locale's names, whatever the machine speaks.
    ctime = day.ctime().split()
    assert weekday.startswith(ctime[0])
    assert month.startswith(ctime[1])


def test_a_week_and_a_year_have_their_names() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]
    assert len({ENGLISH.calendar_date(day) for day in days}) == 366
    assert [ENGLISH.weekday(day) for day in days[:7]] == [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]  # fmt: skip
    assert len({ENGLISH.month(day) for day in days}) == 12


@pytest.mark.parametrize(
    ("year", "words"),
    [(2026, "twenty twenty-six"), (2005, "two thousand five"), (1999, "nineteen ninety-nine")],
)
def test_says_the_year(year: int, words: str) -> None:
    assert ENGLISH.year(date(year, 5, 1)) == words


@pytest.mark.parametrize(
    ("length_s", "words", "name"),
    [
        (1, "one second", "one second"),
        (0.2, "one second", "one second"),
        (61, "one minute and one second", "one minute one second"),
        (600, "ten minutes", "ten minute"),
        (7200, "two hours", "two hour"),
        (3725, "one hour, two minutes and five seconds", "one hour two minute five second"),
    ],
)
def test_says_a_length_of_time(length_s: float, words: str, name: str) -> None:
    assert (ENGLISH.duration(length_s), ENGLISH.duration_name(length_s)) == (words, name)


@given(st.integers(1, 1_000_000))
def test_every_length_of_time_sounds_different_and_has_no_digit(length_s: int) -> None:
    words = ENGLISH.duration(length_s)
    assert not any(character.isdigit() for character in words)
    assert words != ENGLISH.duration(length_s + 1)


def test_lists_as_sentences_do() -> None:
    assert [ENGLISH.listed(["a", "b", "c"][:count]) for count in (1, 2, 3)] == [
        "a",
        "a and b",
        "a, b and c",
    ]


def test_names_a_language_that_it_does_not_speak() -> None:
    with pytest.raises(ConfigError, match=r'language "xx".*set language to "en"'):
        spoken_for("xx")
