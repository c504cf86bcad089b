"""PortAudio, through sounddevice: what devices there are, and streams on them.

The library is process-wide, knows only the devices that were there when it was initialised, must
not be called by several threads at once, prints to the terminal, and may block for as long as a
sound server does not answer. `PortAudio` is the one object that deals with all five.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import importlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

from voiced.audio.devices import Device, Direction, StreamFormat, choose, negotiate
from voiced.errors import DeviceError

T = TypeVar("T")

PROBED_RATES_HZ: Final = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)

ANSWER_S: Final = 5.0
"""How long the sound system may take over a call: opening took 15 to 100 ms here, waking up a
wireless headset takes seconds."""

_NO_ANSWER: Final = "the sound system does not answer: restart the sound server, then voiced"

_ALSA_ADDRESS: Final = re.compile(r" \(hw:\d+,\d+\)$")
"""What ends the name of an ALSA device; its numbers change from start to start."""


class PortAudio:
    """The sound devices of this machine. One object a process."""

    def __init__(self, answer_s: float = ANSWER_S) -> None:
        """`answer_s` is how long a call may take before the sound system counts as dead.

        Raises `DeviceError` where PortAudio is not installed or does not start.
        """
        try:
            self._library: Any = importlib.import_module("sounddevice")
        except ImportError as error:
            reason = "the Python package sounddevice is missing: install it with pip"
            raise DeviceError(reason) from error
        except OSError as error:
            reason = "PortAudio is missing: install it with `sudo apt install libportaudio2`"
            raise DeviceError(reason) from error
        except Exception as error:  # PortAudioError cannot be named: its module failed to import
            raise DeviceError(f"the sound system does not start: {error}") from error
        _silence_libasound()
        self._answer_s = answer_s
        self._one_call = threading.Lock()
        self._muted = _MutedStderr()
        self._open_streams = 0

    def devices(self, direction: Direction) -> tuple[Device, ...]:
        """Its devices of one direction, the default first."""
        apis = self._library.query_hostapis()
        default = self._library.default.device[direction.value]
        found = [
            (index, about)
            for index, about in enumerate(self._library.query_devices())
            if about[f"max_{direction}_channels"] > 0
        ]
        short_names = [_ALSA_ADDRESS.sub("", about["name"]) for _, about in found]
        devices = [
            Device(
                index=index,
                # Two cards of the same make are told apart by their address only.
                name=short if short_names.count(short) == 1 else about["name"],
                direction=direction,
                host_api=apis[about["hostapi"]]["name"],
                channels=about[f"max_{direction}_channels"],
                default_rate_hz=round(about["default_samplerate"]),
                is_default=index == default,
            )
            for (index, about), short in zip(found, short_names, strict=True)
        ]
        return tuple(sorted(devices, key=lambda device: not device.is_default))

    def rates_hz(self, device: Device) -> tuple[int, ...]:
        """Which of `PROBED_RATES_HZ` it takes, in mono or with all of its channels."""
        counts = {1, device.channels}
        with self._alone():
            return tuple(
                rate_hz
                for rate_hz in PROBED_RATES_HZ
                if any(self._refuses(device, StreamFormat(rate_hz, n)) is None for n in counts)
            )

    def refresh(self) -> None:
        """Look again what devices there are; does nothing while a stream is open."""
        with self._alone():
            if self._open_streams == 0:
                self._library._terminate()  # noqa: SLF001  # there is no public way
                self._library._initialize()  # noqa: SLF001

    async def prepare(
        self, name: str, direction: Direction, rates_hz: Sequence[int], channels: int
    ) -> tuple[Device, StreamFormat]:
        """The device called `name` (see `choose`), and the first format that it takes.

        `rates_hz` are tried in this order, then what sound hardware usually takes; at each rate
        `channels`, then two, then all that it has. Raises `DeviceError`.
        """

        def work() -> tuple[Device, StreamFormat]:
            device = choose(self.devices(direction), name, direction)
            if channels > device.channels:
                reason = f'the {direction} device "{device.name}" has {device.channels} channels'
                raise DeviceError(reason)
            rates = (*rates_hz, device.default_rate_hz, 48_000, 44_100, 32_000, 96_000, 8_000)
            counts = [n for n in (channels, 2, device.channels) if channels <= n <= device.channels]
            try:
                found = negotiate(lambda wanted: self._refuses(device, wanted), rates, counts)
            except DeviceError as error:
                reason = f'the {direction} device "{device.name}" cannot be used: {error}'
                raise DeviceError(reason) from error
            return device, found

        return await self._in_thread(work, _ignore)

    async def open(
        self,
        device: Device,
        stream_format: StreamFormat,
        *,
        block_samples: int,
        latency_ms: float,
        callback: Callable[..., None],
        on_finished: Callable[[], None],
    ) -> Any:
        """A running raw 16-bit stream. Both callbacks come from PortAudio's thread.

        Raises `DeviceError` where the device refuses, or the sound system does not answer.
        """
        kind = "RawInputStream" if device.direction is Direction.INPUT else "RawOutputStream"

        def work() -> Any:
            stream = None
            try:
                stream = getattr(self._library, kind)(
                    device=device.index,
                    samplerate=stream_format.rate_hz,
                    channels=stream_format.channels,
                    dtype="int16",
                    blocksize=block_samples,
                    latency=latency_ms / 1000,
                    callback=callback,
                    finished_callback=on_finished,
                )
                self._open_streams += 1
                stream.start()
            except self._library.PortAudioError as error:
                if stream is not None:
                    self._close(stream)
                reason = f'the {device.direction} device "{device.name}" does not open: {error}'
                raise DeviceError(reason) from error
            return stream

        return await self._in_thread(work, self._close)

    async def close(self, stream: Any) -> None:
        """Stop `stream` at once and free it.

        Where the sound system does not answer, that is left to a thread which waits for it.
        """
        try:
            await self._in_thread(partial(self._close, stream), _ignore, is_patient=True)
        except DeviceError:
            # It would wait for the stream once more when the process ends, and that for ever.
            atexit.unregister(self._library._exit_handler)  # noqa: SLF001  # as above

    def _close(self, stream: Any) -> None:
        # A device that has vanished says so once more here.
        with suppress(self._library.PortAudioError):
            stream.abort()
        with suppress(self._library.PortAudioError):
            stream.close()
        self._open_streams -= 1

    def _refuses(self, device: Device, wanted: StreamFormat) -> str | None:
        """None where `device` can be opened like this for 16-bit samples, else the reason."""
        check = getattr(self._library, f"check_{device.direction}_settings")
        try:
            check(device.index, channels=wanted.channels, dtype="int16", samplerate=wanted.rate_hz)
        except self._library.PortAudioError as error:
            return str(error.args[0])
        return None

    @contextmanager
    def _alone(self, *, is_patient: bool = False) -> Iterator[None]:
        if not self._one_call.acquire(timeout=-1 if is_patient else self._answer_s):
            raise DeviceError(_NO_ANSWER)
        try:
            with self._muted:
                yield
        finally:
            self._one_call.release()

    async def _in_thread(
        self, work: Callable[[], T], undo: Callable[[T], None], *, is_patient: bool = False
    ) -> T:
        """`work`'s result, from a thread of its own; `undo` takes one that comes too late.

        The caller waits for `answer_s` at most. With `is_patient` the thread goes on without it
        until the work is done: PortAudio calls back into a stream as long as it is open, and Python
        frees one that nobody holds.
        """
        future: Future[T] = Future()

        def call() -> None:
            try:
                with self._alone(is_patient=is_patient):
                    result = work()
            except Exception as error:  # noqa: BLE001  # raised where it is waited for
                with suppress(InvalidStateError):
                    future.set_exception(error)
                return
            try:
                future.set_result(result)
            except InvalidStateError:
                with self._alone(is_patient=True):
                    undo(result)

        # A daemon: one that hangs in a dead sound server must not keep the process from ending.
        thread = threading.Thread(target=call, name="portaudio", daemon=True)
        thread.start()
        try:
            async with asyncio.timeout(self._answer_s):
                result = await asyncio.wrap_future(future)
        except (TimeoutError, asyncio.CancelledError) as error:
            if not future.cancel() and future.exception() is None:
                # It came in the very moment of giving up.
                late = partial(undo, future.result())
                await asyncio.shield(self._in_thread(late, _ignore, is_patient=True))
            if isinstance(error, asyncio.CancelledError):
                raise
            self._muted.restore()
            raise DeviceError(_NO_ANSWER) from error
        thread.join()
        return result


def _ignore(_: object) -> None:
    pass


def _silence_libasound() -> None:
    """Keep its reports of every late buffer off the terminal; what matters PortAudio reports too.

    Its error handler becomes a function of the C library that does nothing with any arguments: one
    in Python would have to wait for the interpreter, in the thread that must not.
    """
    with suppress(OSError, AttributeError):  # another platform has no ALSA
        nothing = ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p)
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(nothing)


class _MutedStderr:
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
