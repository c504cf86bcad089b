"""When things happened in a turn, on one time line that starts with the input.

What is heard happens at a sample; what is computed happens at a clock reading. The two meet at the
endpoint, the moment at which the last needed sample had been heard: from there on, clock time is added to
the sample's. So a file that is read faster than real time gives the times that the same sound would have
given through a microphone, and a microphone gives what a stop-watch would have shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voiced.types import SpeechEnded, samples_to_ms


@dataclass(slots=True)
class Timeline:
    """The marks of one turn, in milliseconds since the start of the input."""

    timings_ms: dict[str, float] = field(default_factory=dict)
    _endpoint_clock_s: float = 0.0

    def endpoint(self, end: SpeechEnded, clock_s: float) -> None:
        """The utterance ended as `end` says, which was decided at `clock_s`."""
        self.timings_ms["speech_end"] = round(samples_to_ms(end.speech_end_sample), 1)
        self.timings_ms["endpoint"] = round(samples_to_ms(end.decided_sample), 1)
        self._endpoint_clock_s = clock_s

    def start(self, clock_s: float) -> None:
        """There is no sound to hear (a typed question): the time line begins at `clock_s`."""
        self._endpoint_clock_s = clock_s

    def mark(self, name: str, clock_s: float) -> None:
        """`name` happened at `clock_s`. The first time counts."""
        if name not in self.timings_ms:
            since_ms = max(0.0, clock_s - self._endpoint_clock_s) * 1000
            self.timings_ms[name] = round(self.timings_ms.get("endpoint", 0.0) + since_ms, 1)
