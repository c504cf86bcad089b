"""A private PulseAudio with a virtual microphone and a virtual speaker: the device path without a card.

    with PulseServer(folder) as server:
        server.adopt(monkeypatch)                 # for PortAudio in this process, or:
        subprocess.Popen([...], env={**os.environ, **server.environment})
        with server.listen() as speaker:          # what the speaker plays from here on
            server.speak(samples)                 # into the microphone; waits until it is said
        heard = speaker.samples()

The server has nothing to do with one that may be running on the machine: its socket, state and ALSA
configuration lie in `folder`, and no real sound card is opened or even listed. It works as root and
without D-Bus. `missing()` says what is not installed.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import numpy as np
import pytest

from voiced.types import SAMPLE_RATE_HZ, Samples

MICROPHONE: Final = "voiced_mic"
SPEAKER: Final = "voiced_speaker"

INSTALL: Final = "sudo apt install pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins"

_WAIT_S: Final = 10
"""The longest a step of the harness may take before it counts as broken."""

# Null sinks buffer up to two seconds, and pass a stream's first samples on as late as that; one that
# does not rewind is held to 50 ms, about a sound card's. The server ends with its standard input, so
# that none is left where the tests are killed.
_SCRIPT: Final = """
.fail
load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name={mic} rate={rate} channels=1 norewinds=1
load-module module-remap-source source_name={mic}_source master={mic}.monitor
load-module module-null-sink sink_name={speaker} rate={rate} channels=1 norewinds=1
{echo}
set-default-source {mic}_source
set-default-sink {speaker}
load-module module-cli exit_on_eof=1
"""

_ECHO: Final = (
    "load-module module-loopback source={speaker}.monitor sink={mic} latency_msec=30 adjust_time=0"
)
"""The microphone hears the speaker as loud as it plays."""

_ALSA: Final = """
pcm.!default {{ type pulse server "unix:{socket}" }}
ctl.!default {{ type pulse server "unix:{socket}" }}
"""
"""Only this device and `voiced_virtual` exist for ALSA, and so for PortAudio."""

_ALSA_DEVICE: Final = """
pcm.{name} {{ type pulse server "unix:{socket}" }}
"""


def missing() -> str | None:
    """Why no server can be started here, with the command that helps; None where it can."""
    lacking = [name for name in ("pulseaudio", "pactl", "pacat", "parec") if not shutil.which(name)]
    if not ctypes.util.find_library("portaudio"):
        lacking.append("libportaudio.so.2")
    if not _alsa_plugin():
        lacking.append("libasound_module_pcm_pulse.so")
    return f"{', '.join(lacking)} missing: {INSTALL}" if lacking else None


class PulseServer:
    """See the module. `rate_hz` is that of both virtual devices.

    With `echoes` the microphone hears the speaker, too.
    """

    def __init__(self, folder: Path, rate_hz: int = 48_000, *, echoes: bool = False) -> None:
        # A socket's path holds 107 bytes.
        self._socket = folder / "socket"
        self._folder = folder
        self._rate_hz = rate_hz
        self._echoes = echoes
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start the server, again after `kill`: in the same place."""
        script = self._folder / "server.pa"
        names = {"mic": MICROPHONE, "speaker": SPEAKER}
        echo = _ECHO.format(**names) if self._echoes else ""
        script.write_text(
            _SCRIPT.format(socket=self._socket, rate=self._rate_hz, echo=echo, **names)
        )
        (self._folder / "asound.conf").write_text(_ALSA.format(socket=self._socket))
        self.add_alsa_device("voiced_virtual")
        log = (self._folder / "pulseaudio.log").open("wb")
        command = ["pulseaudio", "-n", "-F", str(script), "--daemonize=no", "--use-pid-file=no"]
        command += ["--exit-idle-time=-1", "--disable-shm=yes", "--realtime=no"]
        command += ["--high-priority=no", "--log-target=stderr"]
        with log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **self._private},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        self._wait_until_it_answers(self._process)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use these devices and no others; merge it into `os.environ`."""
        return {
            "PULSE_SERVER": f"unix:{self._socket}",
            "ALSA_CONFIG_PATH": str(self._folder / "asound.conf"),
        }

    def adopt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let PortAudio in this process use these devices, from its next start or `refresh` on."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    def speak(
        self, samples: Samples, rate_hz: int = SAMPLE_RATE_HZ, *, device: str = MICROPHONE
    ) -> None:
        """Play `samples` into the microphone; returns when they have been."""
        # Half a second ahead: the sound has no gaps however busy the machine is.
        command = ["pacat", "--playback", f"--device={device}", "--latency-msec=500"]
        subprocess.run(
            [*command, *_format(rate_hz)],
            input=samples.astype("<i2").tobytes(),
            env={**os.environ, **self.environment},
            check=True,
            timeout=_WAIT_S + len(samples) / rate_hz,
        )

    @contextlib.contextmanager
    def speaking(self, samples: Samples, rate_hz: int = SAMPLE_RATE_HZ) -> Iterator[None]:
        """As `speak`, meanwhile; leaving waits for its end."""
        thread = threading.Thread(target=self.speak, args=(samples, rate_hz))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    @contextlib.contextmanager
    def listen(
        self, rate_hz: int = SAMPLE_RATE_HZ, *, device: str = SPEAKER
    ) -> Iterator[Recording]:
        """Record what the speaker plays (or the microphone hears), silence included, until left."""
        command = ["parec", f"--device={device}.monitor", "--latency-msec=20"]
        process = subprocess.Popen(
            [*command, *_format(rate_hz)],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        recording = Recording(process.stdout)
        try:
            recording.wait_until_it_runs()
            yield recording
        finally:
            process.terminate()
            process.wait(_WAIT_S)
            recording.close()

    def kill(self) -> None:
        """End the server as a crash does; what is connected to it finds out by itself."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_WAIT_S)
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The server hangs: it holds its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def control(self, *words: str) -> str:
        """Have the server do something; see `pactl --help`. What it answers."""
        answer = subprocess.run(
            ["pactl", *words],
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
            timeout=_WAIT_S,
        )
        return answer.stdout.decode()

    def add_alsa_device(self, name: str) -> None:
        """One more name under which ALSA, and so PortAudio, finds the default devices."""
        with (self._folder / "asound.conf").open("a") as configuration:
            configuration.write(_ALSA_DEVICE.format(name=name, socket=self._socket))

    @contextlib.contextmanager
    def unplugged(self, *devices: str) -> Iterator[None]:
        """Without `devices` (`MICROPHONE`, `SPEAKER`); afterwards they are there again."""
        lines = self.control("list", "short", "modules").splitlines()
        modules = [line.split("\t")[:3] for line in lines]
        modules = [module for module in modules if any(name in module[2] for name in devices)]
        # In reverse order: what stands on another one goes first.
        for number, _, _ in reversed(modules):
            self.control("unload-module", number)
        try:
            yield
        finally:
            for _, name, options in modules:
                self.control("load-module", name, *options.split())

    @property
    def _private(self) -> dict[str, str]:
        home = str(self._folder)
        own = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"), home)
        return {**own, "PULSE_RUNTIME_PATH": home, "PULSE_STATE_PATH": home}

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        # pactl waits for a server that is starting, but not for its socket to appear.
        watch = ["pactl", "info"]
        environment = {**os.environ, **self.environment}
        for _ in range(100):
            answer = subprocess.run(watch, env=environment, capture_output=True, check=False)
            if SPEAKER.encode() in answer.stdout:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
        self.kill()
        log = (self._folder / "pulseaudio.log").read_text(errors="replace")
        message = f"pulseaudio does not start:\n{log}"
        raise RuntimeError(message)


class Recording:
    """What a speaker played; grows while it is being recorded."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._data = bytearray()
        self._runs = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def samples(self) -> Samples:
        """All of it so far."""
        data = bytes(self._data)
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)

    def wait_until_it_runs(self) -> None:
        """Until the first samples have come."""
        if not self._runs.wait(_WAIT_S):
            message = "the speaker's monitor delivers nothing"
            raise RuntimeError(message)

    def close(self) -> None:
        """Take what is left, after the recorder has ended."""
        self._thread.join(_WAIT_S)
        self._stream.close()

    def _read(self) -> None:
        while data := os.read(self._stream.fileno(), 4096):
            self._data += data
            self._runs.set()


def _format(rate_hz: int) -> list[str]:
    return ["--raw", "--format=s16le", f"--rate={rate_hz}", "--channels=1"]


def _alsa_plugin() -> bool:
    """Whether ALSA's PulseAudio plug-in is where ALSA looks for it."""
    places = (Path("/usr/lib"), Path("/usr/lib64"))
    name = "alsa-lib/libasound_module_pcm_pulse.so"
    return any(True for place in places for _ in (*place.glob(name), *place.glob(f"*/{name}")))
