"""PortAudio, through sounddevice: what devices there are, and streams on them.

The library is process-wide, knows only the devices that were there when it was initialised, must
not be called by several threads at once, prints to the terminal, and may block for as long as a
sound server does not answer. `PortAudio` is the one object that deals with all five.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

from voiced.audio._stderr import MutedStderr, silence_libasound
from voiced.audio.devices import (
    Device,
    Direction,
    NoAnswerError,
    StreamFormat,
    choose,
    negotiate,
    without_address,
)
from voiced.errors import DeviceError

T = TypeVar("T")

PROBED_RATES_HZ: Final = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)

ANSWER_S: Final = 5.0
"""How long the sound system may take over a call: opening took 15 to 100 ms here, waking up a
wireless headset takes seconds."""

_NO_ANSWER: Final = "the sound system does not answer: restart the sound server, then voiced"


class PortAudio:
    """The sound devices of this machine. One object a process."""

    def __init__(self, answer_s: float = ANSWER_S, *, is_loaded_late: bool = False) -> None:
        """`answer_s` is how long a call may take before the sound system counts as dead.

        Raises `DeviceError` where PortAudio is not installed or does not start. Where it
        `is_loaded_late` the first call does: starting it may hang as any other call.
        """
        self._answer_s = answer_s
        self._one_call = threading.Lock()
        self._muted = MutedStderr()
        self._open_streams = 0
        self._loaded: Any = None if is_loaded_late else _load()

    def devices(self, direction: Direction) -> tuple[Device, ...]:
        """Its devices of one direction, the default first."""
        try:
            apis = self._library.query_hostapis()
            default = self._library.default.device[direction.value]
            listed = self._library.query_devices()
        except self._library.PortAudioError as error:
            raise DeviceError(f"the sound system lists no devices: {error}") from error
        found = [
            (index, about)
            for index, about in enumerate(listed)
            if about[f"max_{direction}_channels"] > 0
        ]
        short_names = [without_address(about["name"]) for _, about in found]
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

    def refresh(self) -> bool:
        """Look again what devices there are, for which PortAudio is ended and started.

        False, and nothing happens, while a stream is open. Raises `DeviceError`.
        """
        with self._alone():
            return self._refresh()

    async def look_again(self) -> bool:
        """As `refresh`, in a thread; raises `DeviceError` also where there is no answer in time."""
        return await self._in_thread(self._refresh, _ignore)

    def _refresh(self) -> bool:
        library = self._library
        if self._open_streams:
            return False
        with suppress(library.PortAudioError):  # the last start may have failed
            library._terminate()  # noqa: SLF001  # there is no public way
        try:
            library._initialize()  # noqa: SLF001
        except library.PortAudioError as error:
            raise DeviceError(f"the sound system does not start: {error}") from error
        return True

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

    @property
    def _library(self) -> Any:
        if self._loaded is None:
            self._loaded = _load()
        return self._loaded

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
            raise NoAnswerError(_NO_ANSWER)
        try:
            with self._muted:
                yield
        finally:
            self._one_call.release()

    async def _in_thread(
        self, work: Callable[[], T], undo: Callable[[T], None], *, is_patient: bool = False
    ) -> T:
        """`work`'s result, from a thread of its own; `undo` takes one that comes too late.

        The caller waits for `answer_s` at most, and as long where it is cancelled: until nothing
        is left of the work, so that a microphone that is no longer wanted is closed then. With
        `is_patient` the thread goes on without it until the work is done: PortAudio calls back into
        a stream as long as it is open, and Python frees one that nobody holds.
        """
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + self._answer_s
        future: Future[T] = Future()
        ended = asyncio.Event()

        def call() -> None:
            try:
                call_alone()
            finally:
                with suppress(RuntimeError):  # it may come after the loop's end
                    loop.call_soon_threadsafe(ended.set)

        def call_alone() -> None:
            try:
                with self._alone(is_patient=is_patient):
                    if future.cancelled() and not is_patient:
                        return
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
            async with asyncio.timeout_at(give_up_s):
                result = await asyncio.wrap_future(future)
        except (TimeoutError, asyncio.CancelledError) as error:
            if not future.cancel() and future.exception() is None:
                # It came in the very moment of giving up.
                late = partial(undo, future.result())
                await asyncio.shield(self._in_thread(late, _ignore, is_patient=True))
            if isinstance(error, asyncio.CancelledError):
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(give_up_s):
                        await ended.wait()
                raise
            self._muted.restore()
            raise NoAnswerError(_NO_ANSWER) from error
        thread.join()
        return result


def _ignore(_: object) -> None:
    pass


def _load() -> Any:
    try:
        library = importlib.import_module("sounddevice")
    except ImportError as error:
        reason = "the Python package sounddevice is missing: install it with pip"
        raise DeviceError(reason) from error
    except OSError as error:
        reason = "PortAudio is missing: install it with `sudo apt install libportaudio2`"
        raise DeviceError(reason) from error
    except Exception as error:  # PortAudioError cannot be named: its module failed to import
        raise DeviceError(f"the sound system does not start: {error}") from error
    silence_libasound()
    return library
