"""When PortAudio looks again what devices there are: it can do so only while no stream is open.

So the microphone and the speaker have one coordinator. Where one of them is away and the other works,
the other is closed and opened again (a blink) if that may help.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from voiced.audio.devices import NoAnswerError
from voiced.errors import DeviceError

_SETTLED_S: Final = 2.0
"""A card that has just come may be busy for a moment (sound servers try out what it can do), and PortAudio
leaves busy devices out: so it looks once more after that time."""

_AGAIN_S: Final = 300.0
"""A device that was taken by another program when PortAudio looked may be free again. Being deaf for 0.1 s
every five minutes is what looking costs a machine that has no speaker."""


class Side(Protocol):
    """The microphone, or the speaker, as the coordinator sees it."""

    @property
    def is_open(self) -> bool:
        """Whether its stream is open, and has not failed."""

    @property
    def is_busy(self) -> bool:
        """Whether a blink would be heard."""

    async def blink(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        """Close it, have `meanwhile` done, and open it again; raises what that raised."""


@dataclass
class _Outage:
    """The attempts of a side since it worked."""

    since_s: float
    failures: int = 0


class Rescan:
    """Each attempt to open a side goes through here, to be made on a list of devices that is fresh."""

    def __init__(self, look: Callable[[], Awaitable[bool]], read_system: Callable[[], str]) -> None:
        """`look` is `PortAudio.look_again`; `read_system` tells which sound cards there are.

        `look` gives False where a stream is open.
        """
        self._look = look
        self._read_system = read_system
        self.list_in_use = asyncio.Lock()
        """Held while a device is looked up and opened: its number is good for one list only."""
        self._sides: list[Side] = []
        self._outages: dict[Side, _Outage] = {}
        self._system: str | None = None
        self._changed_s = -math.inf
        self._looked_s = -math.inf

    def join(self, side: Side) -> None:
        """`side` can be asked to blink from here on."""
        self._sides.append(side)

    @asynccontextmanager
    async def attempt(self, side: Side) -> AsyncIterator[None]:
        """For `side` to be opened in. Raises `DeviceError` where that cannot succeed now."""
        outage = self._outages.setdefault(side, _Outage(_now_s()))
        try:
            await self._refresh(side, outage)
            async with self.list_in_use:
                yield
        except NoAnswerError:
            # Looking again would hang as well, and the side that works would be closed meanwhile.
            raise
        except DeviceError:
            outage.failures += 1
            raise
        del self._outages[side]

    async def _refresh(self, side: Side, outage: _Outage) -> None:
        system = self._read_system()
        if system != self._system:
            self._system = system
            self._changed_s = _now_s()
        begun_s = _now_s()
        if await self._look_again():
            self._looked_s = begun_s
            return
        other = next((other for other in self._sides if other is not side and other.is_open), None)
        if other is None or not self._may_help(outage):
            return
        if not other.is_busy:
            # Whatever comes of it: a blink is not repeated soon.
            self._looked_s = begun_s
            await other.blink(self._look_again)
        elif self._looked_s < self._changed_s:
            # By its old number another card might be opened.
            raise DeviceError("the sound devices have changed: waiting until nothing is played")

    async def _look_again(self) -> bool:
        async with self.list_in_use:
            return await self._look()

    def _may_help(self, outage: _Outage) -> bool:
        """Whether looking again may find what the last look did not."""
        if not outage.failures:
            return self._looked_s < self._changed_s
        since_s = max(self._changed_s, outage.since_s)
        if self._looked_s < since_s:
            return True
        if self._looked_s < since_s + _SETTLED_S:
            return _now_s() >= since_s + _SETTLED_S
        return _now_s() >= self._looked_s + _AGAIN_S


def sound_system(environ: Mapping[str, str], root: Path = Path("/")) -> str:
    """What there is of sound on this machine (Linux), as a text that is another one when that changes.

    The sound cards; which of their devices may be opened, because a card that comes is listed before
    everybody has been given access to it; and the sockets of sound servers, because PortAudio does not
    list the devices of a server that is not there.
    """
    found: list[str] = []
    with suppress(OSError):
        found.append((root / "proc/asound/cards").read_text(errors="replace"))
    with suppress(OSError):
        devices = sorted((root / "dev/snd").iterdir())
        found += [device.name for device in devices if os.access(device, os.R_OK | os.W_OK)]
    sockets = [root / "run/pulse/native"]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        sockets += [Path(runtime) / "pulse/native", Path(runtime) / "pipewire-0"]
    if (server := environ.get("PULSE_SERVER", "")).startswith("unix:"):
        sockets.append(Path(server.removeprefix("unix:")))
    for socket in sockets:
        with suppress(OSError):
            about = socket.stat()
            found.append(f"{socket} {about.st_ino} {about.st_mtime_ns}")
    return "\n".join(found)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
