"""The microphone and the speaker of an assistant that stays up: both come back, whatever happens to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from voiced.audio.device import DeviceSink, DeviceSource
from voiced.audio.pace import Pace
from voiced.audio.portaudio import PortAudio
from voiced.audio.reconnecting import ReconnectingSink, ReconnectingSource
from voiced.audio.rescan import Rescan, sound_system
from voiced.config import Settings
from voiced.events import MicrophoneState

OnMicrophone = Callable[[MicrophoneState, str], None]
OnSpeaker = Callable[[bool, str], None]


@dataclass(frozen=True, slots=True)
class Sound:
    """Both directions; each is opened again by itself."""

    source: ReconnectingSource
    sink: ReconnectingSink
    pace: Pace = field(default_factory=Pace)
    """At which the microphone hands over what it hears."""


class OpenSound(Protocol):
    """Makes both sides; entering them opens the devices.

    `rate_hz` is what the speaker is best fed at; the callbacks are as those of the two sides.
    """

    def __call__(
        self,
        settings: Settings,
        rate_hz: int,
        on_microphone: OnMicrophone,
        on_speaker: OnSpeaker,
        *,
        is_muted: bool,
    ) -> Sound: ...


class SoundDevices:
    """An `OpenSound`: the devices that the configuration names. One object a process."""

    def __init__(self) -> None:
        self._portaudio = PortAudio(is_loaded_late=True)

    def __call__(
        self,
        settings: Settings,
        rate_hz: int,
        on_microphone: OnMicrophone,
        on_speaker: OnSpeaker,
        *,
        is_muted: bool,
    ) -> Sound:
        audio, portaudio = settings.audio, self._portaudio
        rescan = Rescan(portaudio.look_again, partial(sound_system, os.environ))
        latency_ms, pace = audio.latency_ms, Pace()
        return Sound(
            ReconnectingSource(
                partial(DeviceSource, portaudio, audio.input, latency_ms=latency_ms, pace=pace),
                on_microphone,
                is_muted=is_muted,
                rescan=rescan,
            ),
            ReconnectingSink(
                partial(
                    DeviceSink, portaudio, audio.output, latency_ms=latency_ms, rate_hz=rate_hz
                ),
                rate_hz,
                on_speaker,
                rescan=rescan,
            ),
            pace,
        )
