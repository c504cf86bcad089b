"""The observers that the configuration asks for: a trace, recordings, figures over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from voiced.config import Settings
from voiced.events import AssistantEvent, Observer
from voiced.observe.metrics_server import MetricsServer
from voiced.observe.recording import Limits, Recorder, Spoken, recordings_folder
from voiced.observe.trace_file import TraceFile

_NOTHING: Final = Settings()


class WantedObservers:
    """An async context manager; `apply` opens what is wanted and closes what no longer is."""

    def __init__(self, metrics_text: Callable[[], str], environ: Mapping[str, str]) -> None:
        self._metrics_text = metrics_text
        self._environ = environ
        self._applied = _NOTHING
        self._open = AsyncExitStack()
        self._observers: list[Observer] = []
        self._recorder: Recorder | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def apply(self, settings: Settings) -> None:
        """Raises `OutputError` or `ConfigError` for what cannot be had; what was open before is closed."""
        before, self._applied = self._applied, settings
        if (settings.debug, settings.metrics) == (before.debug, before.metrics):
            return
        await self._open.aclose()
        self._observers, self._recorder = [], None
        debug = settings.debug
        if debug.trace_file:
            trace = self._open.enter_context(TraceFile(Path(debug.trace_file)))
            self._observers.append(trace.observe)
        if debug.record_turns:
            recorder = Recorder(recordings_folder(self._environ), Limits.of(debug))
            self._recorder = await self._open.enter_async_context(recorder)
            self._observers.append(recorder.observe)
        if settings.metrics.port:
            server = MetricsServer(settings.metrics.port, self._metrics_text)
            await self._open.enter_async_context(server)

    def observe(self, event: AssistantEvent) -> None:
        """Hand `event` on."""
        for observe in self._observers:
            observe(event)

    def tap(self, turn_id: int, utterance: Spoken) -> None:
        """Hand the sound of an utterance to whoever keeps it."""
        if self._recorder is not None:
            self._recorder.tap(turn_id, utterance)
