"""What libasound and PortAudio print from C, kept off the terminal."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import suppress


def silence_libasound() -> None:
    """Keep its reports of every late buffer off the terminal; what matters PortAudio reports too.

    Its error handler becomes a function of the C library that does nothing with any arguments: one
    in Python would have to wait for the interpreter, in the thread that must not.
    """
    with suppress(OSError, AttributeError):  # another platform has no ALSA
        nothing = ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p)
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(nothing)


class MutedStderr:
    """Keeps what libasound and PortAudio print to the standard error output from the terminal.

    For the whole process, while it is entered: they print from C, dozens of lines for a device that
    is merely asked what it can do.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._saved: int | None = None

    def __enter__(self) -> None:
        with self._lock, suppress(OSError):
            self._saved = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """End it early, from any thread: the call that is muted may hang."""
        with self._lock:
            if self._saved is not None:
                os.dup2(self._saved, 2)
                os.close(self._saved)
                self._saved = None
