"""Tells several observers of each event."""

from __future__ import annotations

import logging

from voiced.events import AssistantEvent, Observer

_log = logging.getLogger(__name__)


class FanOut:
    """One that raises (its terminal is gone, it has a defect) is told no more; nobody else notices."""

    def __init__(self, *observers: Observer) -> None:
        self.observers = list(observers)
        """Those that are told; may be changed at any time."""

    def observe(self, event: AssistantEvent) -> None:
        """Tell all."""
        for observe in tuple(self.observers):
            try:
                observe(event)
            except Exception:  # noqa: BLE001  # whatever it is, it is not the assistant's
                self.observers.remove(observe)
                _log.exception("an observer fails, and is told no more")
