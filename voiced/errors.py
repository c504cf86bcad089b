"""Every error that voiced raises on purpose. Imports nothing of voiced.

A message is one line that says what is wrong and what to do about it; the command line prints it as it
is and exits with `exit_status` (the numbers of BSD's sysexits where one fits, so that scripts can tell).
"""

from __future__ import annotations

from typing import ClassVar


class VoicedError(Exception):
    """The root: anything else that reaches the command line is a defect in voiced."""

    exit_status: ClassVar[int] = 70


class UsageError(VoicedError):
    """The command line's words do not fit together."""

    exit_status = 2


class InputError(VoicedError):
    """A file that was given cannot be used: not audio, truncated, empty, of an unknown format."""

    exit_status = 65


class InputMissingError(InputError):
    """A file that was named is not there."""

    exit_status = 66


class ModelError(VoicedError):
    """A model is missing or corrupt."""

    exit_status = 69


class DeviceError(VoicedError):
    """A sound device or the sound system is missing, busy, or refuses what was asked of it."""

    exit_status = 71


class EngineError(VoicedError):
    """An engine failed at its work; the turn is lost, the process is not."""

    exit_status = 70


class OutputError(VoicedError):
    """Something could not be written: a full disk, a folder without permission."""

    exit_status = 74


class NetworkError(VoicedError):
    """A download that the user asked for did not work."""

    exit_status = 75


class ConfigError(VoicedError):
    """The configuration is wrong; names the key, the line and the nearest valid key."""

    exit_status = 78


class NotReadyError(VoicedError):
    """What was asked for cannot be done at this moment, and can in another."""

    # EX_TEMPFAIL
    exit_status = 75
