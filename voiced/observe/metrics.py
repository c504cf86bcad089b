"""What happened so far, in figures, for Prometheus.

Counting is plain arithmetic, because it happens beside every block of sound. The format is the business of
the library `prometheus-client`, which is imported with the first `text` (40 ms and 5 MB, measured): who
never asks for figures never pays for it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate, product
from typing import TYPE_CHECKING, Final

from voiced import __version__
from voiced.core.signals import Outcome
from voiced.core.state import Phase
from voiced.events import (
    AssistantEvent,
    EngineFailed,
    EngineRecovered,
    Heard,
    MicrophoneChanged,
    MicrophoneState,
    PhaseChanged,
    SoundLost,
    SpeakerChanged,
    TurnEnded,
    TurnReport,
    Woken,
)
from voiced.observe.false_starts import FalseStarts
from voiced.types import ReplyPath

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `Metrics.text` returns: Prometheus's text format."""

_BOUNDS_S: Final = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Finest where people feel the difference: a pause in talk is 0.2 s, one of a second is long."""

_STAGES: Final = ("waiting", "recognition", "thinking", "voice", "first sound")
"""The spans of `TurnReport.spans`."""

_LATENCIES: Final = {
    "voice_to_voice": ("speech_end", "first_audio"),
    "commit_to_voice": ("commit", "first_audio"),
}

_ENGINES: Final = ("ear", "stt", "llm", "tts", "skills")
_OTHER: Final = "other"
"""For whatever else may fail: a label must not have as many values as there are messages."""

_MICROPHONE: Final = "microphone"
_SPEAKER: Final = "speaker"
_DIRECTIONS: Final = (_MICROPHONE, _SPEAKER)


class Histogram:
    """How often what took how long."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, duration_s: float) -> None:
        self._counts[bisect_left(_BOUNDS_S, duration_s)] += 1
        self.sum_s += duration_s

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds, and how many durations lie below them."""
        bounds = [*map(str, _BOUNDS_S), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))


class Metrics:
    """Counts what it observes; `text` says it."""

    def __init__(
        self,
        *,
        watchdog_age_s: Callable[[], float | None] = lambda: None,
        refused_connections: Callable[[], int] = lambda: 0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`watchdog_age_s` gives how long ago the service manager was told that all is well, None where
        nobody waits for it; `refused_connections` how often something here tried to go online.
        """
        self._watchdog_age_s = watchdog_age_s
        self._refused_connections = refused_connections
        self._clock_s = clock_s
        self._began_s = clock_s()
        self._phase = Phase.IDLE
        self._microphone = MicrophoneState.OPEN
        self._is_speaker_there = True
        self._false_starts = FalseStarts()
        self._turns = Counter(dict.fromkeys(product(Outcome, ReplyPath), 0))
        self._losses = Counter(dict.fromkeys(_DIRECTIONS, 0))
        self._reconnects = Counter(dict.fromkeys(_DIRECTIONS, 0))
        self._failures = Counter(dict.fromkeys((*_ENGINES, _OTHER), 0))
        self._failing: set[str] = set()
        self._stages = {name: Histogram() for name in _STAGES}
        self._latencies = {name: Histogram() for name in _LATENCIES}
        self._blocks = self._wakes = self._overflows = self._underflows = 0

    def observe(self, event: AssistantEvent) -> None:
        """Count one event."""
        if isinstance(event, Heard):
            self._blocks += 1
            return
        self._false_starts.observe(event)
        match event:
            case PhaseChanged(phase):
                self._phase = phase
            case Woken():
                self._wakes += 1
            case TurnEnded(report):
                self._count_turn(report)
            case MicrophoneChanged(state=state):
                before, self._microphone = self._microphone, state
                self._losses[_MICROPHONE] += state is MicrophoneState.AWAY is not before
                is_back = before is MicrophoneState.AWAY and state is MicrophoneState.OPEN
                self._reconnects[_MICROPHONE] += is_back
            case SpeakerChanged(is_there=is_there):
                was_there, self._is_speaker_there = self._is_speaker_there, is_there
                self._losses[_SPEAKER] += was_there and not is_there
                self._reconnects[_SPEAKER] += is_there and not was_there
            case SoundLost(overflows=overflows, underflows=underflows):
                self._overflows += overflows
                self._underflows += underflows
            case EngineFailed(name=name):
                self._failures[_known(name)] += 1
                self._failing.add(_known(name))
            case EngineRecovered(name=name):
                self._failing.discard(_known(name))

    def text(self) -> str:
        """Everything, in Prometheus's text format."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        # Memory, processor time, descriptors and the start, under the names that dashboards know.
        ProcessCollector(registry=registry)
        registry.register(self)
        return generate_latest(registry).decode()

    def collect(self) -> Iterator[Metric]:
        """For the library's registry."""
        yield from self._counters()
        yield from self._histograms()
        yield from self._gauges()

    def _count_turn(self, report: TurnReport) -> None:
        self._turns[report.outcome, report.path] += 1
        for span in report.spans:
            if span.name in self._stages:
                self._stages[span.name].add((span.end_ms - span.begin_ms) / 1000)
        at = report.timings_ms
        for name, (begin, end) in _LATENCIES.items():
            if begin in at and end in at:
                self._latencies[name].add(max(0.0, at[end] - at[begin]) / 1000)

    def _counters(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily

        turns = CounterMetricFamily(
            "voiced_turns", "Turns by how they ended and what answered.", labels=("outcome", "path")
        )
        for (outcome, path), count in self._turns.items():
            turns.add_metric((outcome.value, path.value), count)
        yield turns
        false_starts = {
            "wake": self._false_starts.wakes,
            "interruption": self._false_starts.interruptions,
        }
        for name, help_text, label, counts in (
            ("false_starts", "Beginnings that were for nothing.", "kind", false_starts),
            ("device_losses", "How often a device went away.", "direction", self._losses),
            ("device_reconnects", "How often it came back.", "direction", self._reconnects),
            ("engine_failures", "How often an engine failed.", "engine", self._failures),
        ):
            family = CounterMetricFamily(f"voiced_{name}", help_text, labels=(label,))
            for value, count in counts.items():
                family.add_metric((value,), count)
            yield family
        for name, help_text, count in (
            ("wake_detections", "Wake words that were heard.", self._wakes),
            ("heard_blocks", "Blocks of 20 ms that came in and were heard.", self._blocks),
            ("overflows", "Blocks of the microphone that were lost.", self._overflows),
            ("underflows", "Blocks that the speaker had to do without.", self._underflows),
            ("refused_connections", "Attempts to go online.", self._refused_connections()),
        ):
            yield CounterMetricFamily(f"voiced_{name}", help_text, value=count)

    def _histograms(self) -> Iterator[Metric]:
        from prometheus_client.core import HistogramMetricFamily

        stages = HistogramMetricFamily(
            "voiced_stage_seconds",
            "What the time after the last sound of a question went into; some stages run side by side.",
            labels=("stage",),
        )
        for name, histogram in self._stages.items():
            stages.add_metric((name.replace(" ", "_"),), histogram.buckets, histogram.sum_s)
        yield stages
        for name, help_text in (
            ("voice_to_voice", "From the last sound of a question to the first of the answer."),
            ("commit_to_voice", "From the end of the turn to the first sound of the answer."),
        ):
            family = HistogramMetricFamily(f"voiced_{name}_seconds", help_text)
            histogram = self._latencies[name]
            family.add_metric((), histogram.buckets, histogram.sum_s)
            yield family

    def _gauges(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        for name, help_text, value in (
            ("speaker_is_there", "Whether the speaker can be used.", self._is_speaker_there),
            ("uptime_seconds", "How long it has been running.", self._clock_s() - self._began_s),
        ):
            yield GaugeMetricFamily(f"voiced_{name}", help_text, value=value)
        age_s = self._watchdog_age_s()
        if age_s is not None:
            help_text = "How long ago the service manager was told that all is well."
            yield GaugeMetricFamily("voiced_watchdog_age_seconds", help_text, value=age_s)
        for name, help_text, label, values, on in (
            ("phase", "What it does: 1 at that.", "phase", Phase, {self._phase}),
            ("microphone", "Whether it can hear: 1 at the state.", "state", MicrophoneState,
             {self._microphone}),
            ("engine_failing", "1 while an engine is being built anew.", "engine", self._failures,
             self._failing),
            ("info", "Which voiced this is.", "version", (__version__,), {__version__}),
        ):  # fmt: skip
            family = GaugeMetricFamily(f"voiced_{name}", help_text, labels=(label,))
            for each in values:
                family.add_metric((str(each),), each in on)
            yield family


def _known(engine: str) -> str:
    return engine if engine in _ENGINES else _OTHER
