"""When things happened in a turn, on one time line that starts with the input.

What is heard happens at a sample; what is computed happens at a clock reading. The two meet at the
endpoint, the moment at which the last needed sample had been heard: what was computed after it (or before,
while it was not yet certain) happened by so much clock time later (or earlier). So a file that is read faster
than real time gives the times that the same sound would have given through a microphone, as far as they lie
behind the endpoint, and a microphone gives what a stop-watch would have shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voiced.types import SpeechEnded, samples_to_ms


@dataclass(slots=True)
class Timeline:
    """The marks of one turn, in milliseconds since the start of the input."""

    _heard_ms: dict[str, float] = field(default_factory=dict)
    _clock_s: dict[str, float] = field(default_factory=dict)
    _origin_ms: float = 0.0
    _origin_s: float = 0.0

    def endpoint(self, end: SpeechEnded, clock_s: float) -> None:
        """The utterance ended as `end` says, which was decided at `clock_s`."""
        self._heard_ms["speech_end"] = samples_to_ms(end.speech_end_sample)
        self._heard_ms["endpoint"] = samples_to_ms(end.decided_sample)
        self._origin_ms = self._heard_ms["endpoint"]
        self._origin_s = clock_s

    def begin(self, heard_ms: float, clock_s: float) -> None:
        """At `clock_s` so much had been heard: until the endpoint this is where the two meet."""
        self._origin_ms, self._origin_s = heard_ms, clock_s

    def mark(self, name: str, clock_s: float) -> None:
        """`name` happened at `clock_s`. The first time counts."""
        self._clock_s.setdefault(name, clock_s)

    def mark_all(self, marks_s: Mapping[str, float]) -> None:
        """Several at once: names and clock readings."""
        for name, clock_s in marks_s.items():
            self.mark(name, clock_s)

    def at_ms(self, clock_s: float) -> float:
        """Where a clock reading lies on the line."""
        return round(self._origin_ms + (clock_s - self._origin_s) * 1000, 1)

    @property
    def timings_ms(self) -> dict[str, float]:
        """Every mark, the earliest first."""
        marks = {name: round(ms, 1) for name, ms in self._heard_ms.items()}
        marks |= {name: self.at_ms(clock_s) for name, clock_s in self._clock_s.items()}
        return dict(sorted(marks.items(), key=lambda mark: mark[1]))
