"""Sound files, without asyncio: any of libsndfile's formats in, 16-bit WAV out."""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import numpy as np

from voiced.audio.resample import FloatSamples, StreamResampler, to_int16
from voiced.errors import InputError, InputMissingError, OutputError
from voiced.types import SAMPLE_RATE_HZ, Samples

_log = logging.getLogger(__name__)

_READ_S: Final = 0.5
"""How much is read at once: about a millisecond of work, and 0.4 MB of the widest usual format."""

_RATES_HZ: Final = range(1_000, 768_001)
"""What is taken for a sample rate; a header with another is damaged."""

_STREAMED_BYTES: Final = 0x7FFF_0000
"""A data size from here on means "unknown": what ffmpeg and sox write into a pipe."""

_DATA_SIZE: Final = re.compile(r"^\s*data : (\d+) \(should be (\d+)\)", re.MULTILINE)
"""What libsndfile notes where a WAV's data is not as long as its header says."""

_WAV_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_WAV_MAX_BYTES: Final = 0xFFFF_FFFF - _WAV_HEADER.size


class SoundReader:
    """A sound file as 16-bit mono samples at 16 kHz, read piece by piece.

    Channels are averaged: nobody can know which one a recording's voice is on. Samples that are not
    numbers become silence, and what is beyond full scale is clipped.
    """

    def __init__(self, path: Path) -> None:
        """Raises `InputMissingError` or `InputError`."""
        import soundfile

        self._path = path
        self._unreadable = soundfile.LibsndfileError
        self._handle = _open_regular(path)
        try:
            self._file = soundfile.SoundFile(self._handle, closefd=False)
        except soundfile.LibsndfileError as error:
            os.close(self._handle)
            reason = f"{path} is not a sound file that can be read ({error.error_string})"
            raise InputError(reason) from error
        try:
            self._check()
        except InputError:
            self.close()
            raise
        self._resampler = StreamResampler(self._file.samplerate, SAMPLE_RATE_HZ, low_delay=False)

    def close(self) -> None:
        """Nothing is called after."""
        self._file.close()
        os.close(self._handle)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self._file.frames / self._file.samplerate)

    def pieces(self) -> Iterator[Samples]:
        """The sound in pieces of about half a second.

        Raises `InputError` where not even one can be read.
        """
        frames = int(self._file.samplerate * _READ_S)
        done = 0
        while True:
            try:
                piece: FloatSamples = self._file.read(frames, dtype="float32", always_2d=True)
            except self._unreadable as error:
                if done == 0:
                    reason = f"{self._path} is damaged ({error.error_string})"
                    raise InputError(reason) from error
                self._warn_truncated(done / self._file.samplerate)
                break
            if len(piece) == 0:
                break
            done += len(piece)
            numbers = np.nan_to_num(piece, nan=0.0, posinf=1.0, neginf=-1.0)
            ready = self._resampler.process_float(numbers.mean(axis=1).clip(-1, 1))
            if len(ready):
                yield to_int16(ready)
        rest = self._resampler.flush()
        if len(rest):
            yield rest

    def _check(self) -> None:
        if self._file.samplerate not in _RATES_HZ:
            rate_hz = self._file.samplerate
            raise InputError(f"{self._path} is damaged: its header says {rate_hz} samples a second")
        if self._file.frames <= 0:
            raise InputError(f"{self._path} holds no sound: it ends after its header")
        size = _DATA_SIZE.search(self._file.extra_info)
        if size and int(size[2]) < int(size[1]) < _STREAMED_BYTES:
            self._warn_truncated(self.seconds)

    def _warn_truncated(self, seconds: float) -> None:
        _log.warning("%s ends early; its first %.1f s are used", self._path, seconds)


def _open_regular(path: Path) -> int:
    """A file descriptor, so that libsndfile goes by what is in the file and not by its name."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise InputMissingError(f"there is no file {path}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot read {path}: {reason}") from error
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    kind = "a folder" if path.is_dir() else "not a regular file"
    raise InputError(f"cannot read {path}: it is {kind}; give a sound file")


def _resolved(path: Path) -> Path:
    """`path` through all links. Raises `OSError` where they go in a circle."""
    target = path.resolve()
    if target.is_symlink():
        # Since Python 3.13 `resolve` no longer raises for it.
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


class WavWriter:
    """A 16-bit WAV file that appears whole or not at all.

    It is written next to its place under another name, and put there by `close`. What is there
    already and no regular file (`/dev/null`) is written directly.
    """

    def __init__(self, path: Path, rate_hz: int, channels: int = 1) -> None:
        """Raises `OutputError` where it cannot be written."""
        self._path = path
        self._rate_hz = rate_hz
        self._channels = channels
        self._bytes = 0
        self._failure: OutputError | None = None
        self._file: IO[bytes] | None = None
        self._part: Path | None = None
        try:
            # Through a link to what it names, which a rename would replace.
            self._target = _resolved(path)
            if self._target.exists() and not self._target.is_file():
                self._file = self._target.open("r+b")
            else:
                part = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.part")
                self._file = part.open("xb")
                self._part = part
            self._file.write(self._header())
        except (OSError, RuntimeError, ValueError) as error:
            raise self._fail(error) from error

    def write(self, samples: Samples) -> None:
        """Append samples: shape (n,), or (n, channels). Raises `OutputError`, and then for ever."""
        file = self._usable()
        data = samples.astype("<i2", copy=False).tobytes()
        if self._bytes + len(data) > _WAV_MAX_BYTES:
            raise self._fail(OSError(0, "a WAV file ends at 4 GiB"))
        try:
            file.write(data)
        except OSError as error:
            raise self._fail(error) from error
        self._bytes += len(data)

    def close(self) -> None:
        """Finish the file and put it in its place. Raises `OutputError`."""
        file = self._usable()
        try:
            file.seek(0)
            file.write(self._header())
            file.close()
            if self._part is not None:
                self._part.replace(self._target)
                self._part = None
        except OSError as error:
            raise self._fail(error) from error
        self._file = None

    def discard(self) -> None:
        """Leave nothing behind. May follow `close` or an error, and then does nothing."""
        if self._file is not None:
            # Its buffer may not fit on the disk; nobody wants it any more.
            with suppress(OSError):
                self._file.close()
            self._file = None
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink()
            self._part = None

    def _usable(self) -> IO[bytes]:
        if self._failure is not None:
            raise self._failure
        if self._file is None:
            raise OutputError(f"{self._path} is closed already")
        return self._file

    def _fail(self, error: OSError | RuntimeError | ValueError) -> OutputError:
        self.discard()
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._failure = OutputError(f"cannot write {self._path}: {reason}")
        return self._failure

    def _header(self) -> bytes:
        frame_bytes = 2 * self._channels
        return _WAV_HEADER.pack(
            *(b"RIFF", self._bytes + _WAV_HEADER.size - 8, b"WAVE"),
            *(b"fmt ", 16, 1, self._channels, self._rate_hz, self._rate_hz * frame_bytes),
            *(frame_bytes, 16, b"data", self._bytes),
        )
