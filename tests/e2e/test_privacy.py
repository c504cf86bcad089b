"""What `voiced run` does behind one's back: nothing. Real processes, with all their native code."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Final

import numpy as np
import pytest

from tests.e2e.conftest import VOICED
from tests.sound.pulse import PulseServer, missing
from tests.support.offline import listening_at, reason_to_skip, sockets_of
from voiced.audio.wavfile import SoundReader
from voiced.types import SAMPLE_RATE_HZ, Samples

QUESTIONS: Final = Path(__file__).parents[2] / "voiced/cli/demo_questions"
WARM_UP: Final = QUESTIONS / "what_time_is_it.wav"
QUESTION: Final = QUESTIONS / "what_is_the_capital_of_france.wav"
SAID: Final = ("capital of france", "the capital of")
"""Of the question, and of any answer to it."""

WAIT_S: Final = 90

OFFLINE: Final = (sys.executable, str(Path(__file__).parents[1] / "support/offline.py"))
"""Under this a process that makes a socket of any other family than Unix's dies."""


class Home:
    """A user's folders, all of them below one that is empty at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        folders = {
            "HOME": folder,
            "TMPDIR": folder / "tmp",
            "XDG_CONFIG_HOME": folder / "config",
            "XDG_DATA_HOME": folder / "data",
            "XDG_STATE_HOME": self.state,
            "XDG_CACHE_HOME": folder / "cache",
            "XDG_RUNTIME_DIR": folder / "run",
        }
        for each in folders.values():
            each.mkdir(mode=0o700, exist_ok=True)
        # Libraries that report home are quiet under continuous integration, and must be so elsewhere.
        quiet = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "DO_NOT_TRACK", "ORT_", "HF_", "VOICED_")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(quiet)}
        self.environment = kept | {name: str(path) for name, path in folders.items()}

    def files(self) -> dict[Path, str]:
        """Every file, with a digest of what is in it."""
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    reason = reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


def run_on(question: Path, home: Home, answers: Path, *options: str) -> None:
    """A conversation on files, from start to end, by a process that must not make sockets."""
    command = [*OFFLINE, VOICED, *options, "run", "--input-wav", question, "--output-wav", answers]
    done = subprocess.run(
        list(map(str, command)),
        env=home.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode} (-31: it made a socket)\n{done.stderr}"
    assert "turn 1 answered" in done.stderr, done.stderr


def test_a_conversation_makes_no_socket_and_leaves_nothing_that_was_said(
    home: Home, tmp_path: Path
) -> None:
    run_on(WARM_UP, home, tmp_path / "warm-up.wav")
    before = home.files()
    assert before, "caches at least are kept"
    assert not any("microsoft" in str(path).lower() for path in before), "no identifiers of others"
    run_on(QUESTION, home, tmp_path / "answers.wav")
    after = home.files()
    changed = [path for path in after if before.get(path) != after[path]]
    traces = [
        *(text.encode(encoding) for text in SAID for encoding in ("utf-8", "utf-16-le")),
        *fingerprints(QUESTION),
        *fingerprints(tmp_path / "answers.wav"),
    ]
    for path in changed:
        data = path.read_bytes()
        assert data[:4] not in (b"RIFF", b"fLaC", b"OggS"), f"{path} is sound"
        assert not [trace for trace in traces if trace in data.lower() or trace in data], path


def fingerprints(sound: Path) -> list[bytes]:
    """Some of its loudest stretches, as they would lie in a file that has them."""
    samples = samples_of(sound)
    length = 16
    levels = np.abs(samples[: len(samples) // length * length].astype(np.int32)).reshape(-1, length)
    loudest = np.argsort(levels.max(axis=1))[-50:]
    return [samples[begin * length : (begin + 1) * length].tobytes() for begin in loudest]


def samples_of(sound: Path) -> Samples:
    reader = SoundReader(sound)
    samples = np.concatenate(list(reader.pieces()))
    reader.close()
    return samples


def test_such_traces_are_found_where_they_are(home: Home, tmp_path: Path) -> None:
    # What the test above looks for is there where somebody asks for it.
    options = ("--set", "debug.record_turns=true", "--set", f"debug.trace_file={tmp_path}/trace")
    run_on(QUESTION, home, tmp_path / "answers.wav", *options)
    wav, about = (
        next(home.state.rglob(pattern)) for pattern in ("*-turn-000001.wav", "*-turn-000001.json")
    )
    recorded = wav.read_bytes()
    assert sum(trace in recorded for trace in fingerprints(QUESTION)) > 10
    for file in (about, tmp_path / "trace"):
        assert SAID[0] in file.read_text().lower()
    for file in (wav, about, tmp_path / "trace"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert wav.parent.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PulseServer]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path / "pulse"
    folder.mkdir()
    with PulseServer(folder) as server:
        yield server


@contextlib.contextmanager
def listening(
    home: Home, server: PulseServer, *options: str, launcher: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """`voiced run` on the devices of `server`, from the moment when it is ready; it must end in peace."""
    log = home.folder.with_name("log")
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*launcher, VOICED, *options, "run"],
            env=home.environment | server.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        wait_for("ready", log, process)
        yield process
        server.speak(np.concatenate([np.zeros(SAMPLE_RATE_HZ * 2, np.int16), samples_of(WARM_UP)]))
        wait_for("turn 1 answered", log, process)
        process.terminate()
        assert process.wait(WAIT_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def wait_for(wanted: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = monotonic() + WAIT_S
    while wanted not in log.read_text():
        assert process.poll() is None, f"{process.returncode} (-31: a socket)\n{log.read_text()}"
        assert monotonic() < deadline_s, log.read_text()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)


def test_on_a_sound_server_it_has_unix_sockets_alone(home: Home, server: PulseServer) -> None:
    with listening(home, server, launcher=OFFLINE) as process:
        assert sockets_of(process.pid) == set()


def test_figures_are_served_on_this_machine_and_nothing_else_is(
    home: Home, server: PulseServer
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with listening(home, server, "--set", f"metrics.port={port}") as process:
        assert listening_at(process.pid) == [("127.0.0.1", port)]
        assert len(sockets_of(process.pid)) == 1
