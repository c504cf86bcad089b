"""The virtual sound devices of `pulse.py`, as fixtures; see there for what a server can do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sound.pulse import PulseServer, missing
from voiced.audio.portaudio import PortAudio


@pytest.fixture(scope="session")
def pulse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    """One server for all tests that leave it running."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with PulseServer(tmp_path_factory.mktemp("pulse")) as server:
        yield server


@pytest.fixture
def own_pulse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    """A server for a test that does something to it."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with PulseServer(tmp_path_factory.mktemp("own"), rate_hz=44_100) as server:
        yield server


@pytest.fixture
def echoing_pulse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    """A server whose microphone hears its speaker."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with PulseServer(tmp_path_factory.mktemp("echo"), echoes=True) as server:
        yield server


@pytest.fixture
def portaudio(pulse_server: PulseServer, monkeypatch: pytest.MonkeyPatch) -> PortAudio:
    """PortAudio in this process, with the devices of `pulse_server`."""
    return on(pulse_server, monkeypatch)


@pytest.fixture
def own_portaudio(own_pulse_server: PulseServer, monkeypatch: pytest.MonkeyPatch) -> PortAudio:
    """PortAudio in this process, with the devices of `own_pulse_server`."""
    return on(own_pulse_server, monkeypatch)


def on(server: PulseServer, monkeypatch: pytest.MonkeyPatch) -> PortAudio:
    """PortAudio in this process, with the devices of `server`."""
    server.adopt(monkeypatch)
    portaudio = PortAudio()
    # It may have been initialised before, with the devices of another server or of the machine.
    portaudio.refresh()
    return portaudio
