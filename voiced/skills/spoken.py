"""Numbers, times and dates in words. Numbers come from CLDR's spell-out rules, as hassil's do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Final

from unicode_rbnf import FormatPurpose, RbnfEngine

from voiced.errors import ConfigError
from voiced.skills.contracts import Spoken

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_DISTANCES: Final = {
    5: "five",
    10: "ten",
    15: "a quarter",
    20: "twenty",
    25: "twenty-five",
    30: "half",
}


class English:
    """Says "half past seven in the evening", "three twelve in the afternoon", "March third".

    Not by strftime, whose names follow the machine's locale.
    """

    def __init__(self) -> None:
        self._engine = RbnfEngine.for_language("en")

    def number(self, number: int) -> str:
        return self._engine.format_number(number).text

    def listed(self, items: Sequence[str]) -> str:
        *first, last = items
        return f"{', '.join(first)} and {last}" if first else last

    def duration(self, length_s: float) -> str:
        return self.listed(
            [
                f"{self.number(count)} {unit}" + ("" if count == 1 else "s")
                for count, unit in _counted(length_s)
            ]
        )

    def duration_name(self, length_s: float) -> str:
        return " ".join(f"{self.number(count)} {unit}" for count, unit in _counted(length_s))

    def clock_time(self, moment: time) -> str:
        hour, minute = moment.hour, moment.minute
        part = _part_of_day(hour)
        if minute % 5:
            digits = f"oh {self.number(minute)}" if minute < 10 else self.number(minute)
            return f"{self._hour(hour)} {digits} {part}"
        if minute == 0:
            return {0: "midnight", 12: "noon"}.get(hour, f"{self._hour(hour)} o'clock {part}")
        side, named = ("past", hour) if minute <= 30 else ("to", (hour + 1) % 24)
        distance = _DISTANCES[minute if minute <= 30 else 60 - minute]
        return f"{distance} {side} " + ("midnight" if named == 0 else f"{self._hour(named)} {part}")

    def calendar_date(self, day: date) -> str:
        ordinal = self._engine.format_number(day.day, FormatPurpose.ORDINAL).text
        return f"{self.weekday(day)}, {self.month(day)} {ordinal}"

    def weekday(self, day: date) -> str:
        return _WEEKDAYS[day.weekday()]

    def month(self, day: date) -> str:
        return _MONTHS[day.month - 1]

    def year(self, day: date) -> str:
        return self._engine.format_number(day.year, FormatPurpose.YEAR).text

    def _hour(self, hour: int) -> str:
        return self.number(hour % 12 or 12)


def _counted(length_s: float) -> list[tuple[int, str]]:
    """How many of each unit there are in it, without those of which there are none."""
    minutes, seconds = divmod(max(1, round(length_s)), 60)
    hours, minutes = divmod(minutes, 60)
    counts = ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    return [(count, unit) for count, unit in counts if count]


def _part_of_day(hour: int) -> str:
    """Where speakers of English mostly draw the lines; from one to five "at night" is said as well."""
    if 1 <= hour < 12:
        return "in the morning"
    if 12 <= hour < 18:
        return "in the afternoon"
    return "in the evening" if 18 <= hour < 22 else "at night"


def spoken_for(language: str) -> Spoken:
    """The times and dates of `language`. Raises `ConfigError` for one that is not there yet."""
    if language != "en":
        message = f'voiced cannot say times in the language "{language}" yet'
        raise ConfigError(f'{message}; set language to "en"')
    return English()
