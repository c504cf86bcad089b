"""Which sound device is meant, and how it can be opened; needs no sound library."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voiced.errors import DeviceError

_ALSA_ADDRESS: Final = re.compile(r" \(hw:\d+,\d+\)$")
"""What ends the name of an ALSA device; its numbers change when cards come and go."""


class NoAnswerError(DeviceError):
    """The sound system does not answer: it hangs."""


class Direction(StrEnum):
    """Which way a device carries sound."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Device:
    """One direction of a sound device; `index` is PortAudio's, good until the next `refresh`."""

    index: int
    name: str
    """What the configuration takes: the same after a restart."""
    direction: Direction
    host_api: str
    channels: int
    default_rate_hz: int
    is_default: bool


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a device is opened."""

    rate_hz: int
    channels: int


def without_address(name: str) -> str:
    """The part of a device's name that stays the same when its card gets another number."""
    return _ALSA_ADDRESS.sub("", name)


def choose(devices: Sequence[Device], name: str, direction: Direction) -> Device:
    """The device of `devices` called `name`: exactly, else as a part of its name whatever the case.

    The default where `name` is empty. Where nothing has the ALSA address in `name`, what is called
    like that without it: the card has another number now, or the other one of its make is gone.
    Raises `DeviceError` that names what there is.
    """
    if not devices:
        raise DeviceError(f"no {direction} device: plug one in, or start the sound server")
    if not name:
        default = next((device for device in devices if device.is_default), None)
        if default is None:
            reason = f"no {direction} device is the default: name one of {_list(devices)}"
            raise DeviceError(reason)
        return default
    exact = [device for device in devices if device.name == name]
    partial = [device for device in devices if name.casefold() in device.name.casefold()]
    found = exact or partial
    if not found and without_address(name) != name:
        return choose(devices, without_address(name), direction)
    if not found:
        raise DeviceError(f'no {direction} device is called "{name}": there is {_list(devices)}')
    if len({device.name for device in found}) > 1:
        raise DeviceError(f'"{name}" may be {_list(found)}: give more of the name')
    # The same name under several host interfaces is the same device; the default's comes first.
    return found[0]


def negotiate(
    takes: Callable[[StreamFormat], str | None], rates_hz: Sequence[int], channels: Sequence[int]
) -> StreamFormat:
    """The first rate, with the first number of channels, that a device takes.

    `takes` answers None, or why not. Raises `DeviceError` with every reason that was given.
    """
    reasons: dict[str, None] = {}
    for rate_hz in dict.fromkeys(rates_hz):
        for count in dict.fromkeys(channels):
            reason = takes(StreamFormat(rate_hz, count))
            if reason is None:
                return StreamFormat(rate_hz, count)
            reasons[reason] = None
    raise DeviceError("; ".join(reasons))


def _list(devices: Sequence[Device]) -> str:
    return ", ".join(f'"{name}"' for name in dict.fromkeys(device.name for device in devices))
