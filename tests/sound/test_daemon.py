"""`voiced run` as a service, when the sound server is at its worst."""

from __future__ import annotations

from pathlib import Path

from tests.sound.daemon import running
from tests.sound.pulse import PulseServer
from voiced.audio.portaudio import ANSWER_S


def test_a_sound_server_that_hangs_does_not_keep_it_from_ending(
    pulse_server: PulseServer, tmp_path: Path
) -> None:
    with running(pulse_server, tmp_path / "log") as daemon, pulse_server.frozen():
        # To close a stream takes so long there.
        daemon.stop(within_s=ANSWER_S)
