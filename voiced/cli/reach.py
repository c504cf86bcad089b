"""What the commands that ask the running assistant share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any


def sockets_from(args: argparse.Namespace) -> list[str] | None:
    """The sockets to try: the one that `--config` or `--set` name, or None for the usual ones.

    Raises `ConfigError`.
    """
    if args.config is None and not args.overrides:
        return None
    from voiced.cli.common import settings_from

    named = settings_from(args).control.socket
    return [named] if named else None


def timer_line(timer: Mapping[str, Any]) -> str:
    """A timer for people: "pasta: 4:05 left"."""
    named = f"{timer['name']}: " if timer.get("name") else ""
    paused = ", paused" if timer.get("paused") else ""
    return f"{named}{clock(timer['remaining_s'])} left{paused}"


def clock(duration_s: float) -> str:
    """A stretch of time as a clock shows it: 4:05, 1:00:00."""
    minutes, seconds = divmod(max(0, round(duration_s)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
