"""The configuration that holds, and how another one takes its place while the assistant runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from voiced.config import Configuration, Settings
from voiced.errors import VoicedError
from voiced.notify import Notifier
from voiced.observe.guard import Guard
from voiced.observe.wanted import WantedObservers
from voiced.pulse import Pulse
from voiced.sessions import Sessions
from voiced.store import Store

_log = logging.getLogger(__name__)

_ABSENT: Final = object()

_READ_ONCE: Final = "control."
"""How keys begin that are read when the process starts."""


class HeldConfiguration:
    """All of a new one is taken, or nothing of it."""

    def __init__(
        self,
        configuration: Configuration,
        load: Callable[[], Configuration],
        sessions: Sessions,
        wanted: WantedObservers,
        guard: Guard,
        pulse: Pulse,
        notifier: Notifier,
        store: Store,
    ) -> None:
        """`load` reads it as it is now; raises `ConfigError`."""
        self._configuration = configuration
        self._load = load
        self._sessions = sessions
        self._wanted = wanted
        self._guard = guard
        self._pulse = pulse
        self._notifier = notifier
        self._store = store
        self._one_at_a_time = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """As they hold."""
        return self._configuration.settings

    async def reload(self) -> list[str]:
        """Take the configuration as it is now; the keys that changed.

        Raises `VoicedError` where it cannot be taken: the one before holds then.
        """
        async with self._one_at_a_time:
            after = self._load()
            changed = _changed(self._configuration, after)
            if not changed:
                return []
            self._notifier.reloading()
            try:
                await self._take(after.settings)
            except VoicedError:
                await self._watch(self.settings)
                raise
            finally:
                self._pulse.again()
            self._configuration = after
            if "audio.volume_percent" in changed:
                volume_percent = after.settings.audio.volume_percent
                await asyncio.to_thread(self._store.set_volume, volume_percent)
                self._sessions.set_volume(volume_percent)
            if late := [key for key in changed if key.startswith(_READ_ONCE)]:
                _log.warning("%s: changed from the next start on", ", ".join(late))
            return changed

    async def reload_for_signal(self) -> None:
        """As `reload`; what came of it is in the log."""
        try:
            changed = await self.reload()
        except VoicedError as error:
            _log.error(
                "the configuration is not taken, and the one before holds: %s", error
            )  # no traceback of the user's slips
        else:
            _log.info("changed: %s", ", ".join(changed) or "nothing")

    async def _take(self, settings: Settings) -> None:
        await self._watch(settings)
        await self._sessions.reload(settings)

    async def _watch(self, settings: Settings) -> None:
        self._guard.metrics_port = settings.metrics.port
        await self._wanted.apply(settings)


def _changed(before: Configuration, after: Configuration) -> list[str]:
    held = _values(before)
    return [name for name, value in _values(after).items() if held.get(name, _ABSENT) != value]


def _values(configuration: Configuration) -> dict[str, object]:
    sections = configuration.sections
    return {value.key.name: value.value for section in sections for value in section.values}
