"""How the process of an isolated engine ends: by itself, by force, with its parent. It always does."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.support.fragile_engines import BUILD, Models
from voiced.engines.contracts import BuildContext
from voiced.errors import EngineError, ModelError
from voiced.isolation import _process, isolated
from voiced.isolation._proxies import IsolatedLanguageModel
from voiced.types import Message, Role

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = BuildContext(Models(), Path("/cache"))
NEVER = threading.Event()
PATIENCE_S = 20
"""For what is to happen at once, on a machine that is busy."""


def make_model(name: str = "fine") -> IsolatedLanguageModel:
    return isolated("llm", name, None, CONTEXT, build=BUILD)


def said(text: str) -> list[Message]:
    return [Message(Role.USER, text)]


@contextmanager
def ends(pid: int) -> Iterator[None]:
    """Wait until the process that now has the number `pid` has ended; fails where it does not."""
    process = os.pidfd_open(pid)
    try:
        yield
        poll = select.poll()
        poll.register(process, select.POLLIN)
        assert poll.poll(PATIENCE_S * 1000), f"process {pid} lives on"
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        os.close(process)


ENDS = [
    ("read address 0", r"crashed \(SIGSEGV\)"),
    ("abort", r"crashed \(SIGABRT\)"),
    ("be killed", r"was killed \(SIGKILL\), as the system does where memory runs out"),
    ("be terminated", r"was ended \(SIGTERM\)"),
    ("exit", r"ended \(exit status 3\)"),
    ("quit", r"ended \(exit status 4\)"),
    ("half a message", r"ended \(exit status 0\)"),
]


@pytest.mark.parametrize(("deed", "how"), ENDS)
def test_the_end_of_the_process_is_an_error_then_and_ever_after(deed: str, how: str) -> None:
    engine = make_model()
    message = f"^the language model's process {how}$"
    with ends(engine.pid), pytest.raises(EngineError, match=message):
        engine.count_tokens(said(deed))
    calls: list[Callable[[], Any]] = [
        lambda: engine.count_tokens(said("fine")),
        lambda: engine.extend(said("fine"), NEVER),
        lambda: next(engine.generate(max_tokens=1)),
    ]
    began = monotonic()
    for call in calls:
        with pytest.raises(EngineError, match=message):
            call()
    engine.close()
    engine.kill()
    assert monotonic() - began < 0.5


@pytest.mark.parametrize("deed", ["nonsense", "a message of nonsense"])
def test_nonsense_is_the_end_of_the_process(deed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_model()
    monkeypatch.setattr(_process, "_END_S", 0.1)
    message = "^the language model's process sent something that is no answer, and was killed$"
    for _ in range(2):
        with pytest.raises(EngineError, match=message):
            engine.count_tokens(said(deed))
    engine.close()


@pytest.mark.parametrize(("deed", "how"), [ENDS[0], ENDS[4]])
def test_a_crash_while_it_is_built(deed: str, how: str) -> None:
    with pytest.raises(EngineError, match=f"^the language model's process {how}$"):
        make_model(deed)


def test_a_crash_in_the_middle_of_an_answer() -> None:
    engine = make_model()
    engine.extend(said("read address 0"), NEVER)
    pieces = engine.generate(max_tokens=2)
    assert [next(pieces), next(pieces)] == ["0", "1"]
    with pytest.raises(EngineError, match="SIGSEGV"):
        next(pieces)
    assert list(pieces) == []
    engine.close()


def test_a_crash_while_nobody_waits_is_told_to_who_comes_next() -> None:
    engine: Any = isolated("stt", "fine", None, CONTEXT, build=BUILD)
    session = engine.open()
    with ends(engine.pid):
        os.kill(engine.pid, signal.SIGSEGV)
    with pytest.raises(EngineError, match=r"^the recogniser's process crashed \(SIGSEGV\)$"):
        session.partial()
    session.close()
    with pytest.raises(EngineError, match="SIGSEGV"):
        engine.open()
    engine.close()


class TestKill:
    def test_it_ends_a_hang_and_who_waits_is_told(self) -> None:
        engine = make_model()
        killer = threading.Timer(0.05, engine.kill)
        killer.start()
        with ends(engine.pid), pytest.raises(EngineError, match="was killed, since it did not"):
            engine.count_tokens(said("hang"))
        killer.join()
        with pytest.raises(EngineError, match="was killed, since it did not"):
            engine.count_tokens(said("fine"))
        engine.close()

    def test_it_ends_one_that_only_waits(self) -> None:
        engine = make_model()
        with ends(engine.pid):
            engine.kill()
            engine.kill()
        engine.close()


class TestClose:
    def test_it_ends_the_process(self, caplog: pytest.LogCaptureFixture) -> None:
        engine = make_model()
        with ends(engine.pid):
            engine.close()
            engine.close()
        with pytest.raises(EngineError, match="the language model is closed"):
            engine.count_tokens(said("fine"))
        assert caplog.messages == []

    def test_one_that_does_not_close_is_killed_within_a_second(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = make_model()
        engine.extend(said("hang"), NEVER)
        began = monotonic()
        with ends(engine.pid):
            engine.close()
        assert 0.5 < monotonic() - began < PATIENCE_S
        assert caplog.messages == [
            "the language model did not close cleanly: its process was busy, and was killed"
        ]

    def test_an_iterator_outlives_it(self) -> None:
        engine = make_model()
        pieces = engine.generate(max_tokens=5)
        next(pieces)
        engine.close()
        with pytest.raises(EngineError, match="the language model is closed"):
            next(pieces)


class InterruptedWait:
    """A `Cancel` at whose second look somebody presses Ctrl-C."""

    looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        if self.looks > 1:
            raise KeyboardInterrupt
        return False


def test_who_interrupts_a_wait_does_not_leave_the_answer_to_the_next() -> None:
    engine = make_model()
    with ends(engine.pid):
        with pytest.raises(KeyboardInterrupt):
            engine.extend(said("wait"), InterruptedWait())
        with pytest.raises(EngineError, match="was killed"):
            engine.count_tokens(said("fine"))
    engine.close()


def test_ctrl_c_while_the_process_starts_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.send_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    engine = make_model()
    assert engine.count_tokens(said("fine")) == 1
    engine.close()


def test_a_process_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_process.sys, "executable", str(tmp_path / "none"))  # type: ignore[attr-defined]
    message = "^the language model gets no process of its own: No such file or directory$"
    with pytest.raises(EngineError, match=message):
        make_model()


def test_started_by_hand_it_says_what_it_is_for() -> None:
    command = [sys.executable, "-m", "voiced.isolation", "0", "1"]
    done = subprocess.run(command, cwd=ROOT, stdin=0, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "engines.isolate" in done.stderr


_PARENT = """
import os, sys, threading
from pathlib import Path
from tests.support.fragile_engines import BUILD, Models
from voiced.engines.contracts import BuildContext
from voiced.isolation import isolated
from voiced.types import Message, Role
engine = isolated("llm", "fine", None, BuildContext(Models(), Path()), build=BUILD)
print(engine.pid, flush=True)
engine.count_tokens([Message(Role.USER, "hang")])
"""


@contextmanager
def parent_of_a_hanging_engine() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that waits for an engine, which hangs with its interpreter locked; and that one's pid."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        try:
            yield parent, int(parent.stdout.readline())
        finally:
            parent.kill()


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_its_parent(ended_by: signal.Signals) -> None:
    with parent_of_a_hanging_engine() as (parent, pid), ends(pid):
        parent.send_signal(ended_by)
        assert parent.wait(PATIENCE_S) == -ended_by


def test_ctrl_c_leaves_nothing_behind() -> None:
    with parent_of_a_hanging_engine() as (parent, pid), ends(pid):
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.wait(PATIENCE_S) == -signal.SIGINT


def test_it_does_not_depend_on_the_thread_that_started_it() -> None:
    made: list[IsolatedLanguageModel] = []
    starter = threading.Thread(target=lambda: made.append(make_model()))
    starter.start()
    starter.join()
    assert made[0].count_tokens(said("fine")) == 1
    made[0].close()


def left_open() -> tuple[int, int]:
    """How many descriptors this process has, and how many children, dead ones included."""
    children = 0
    for process in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            children += process.read_text().rpartition(")")[2].split()[1] == str(os.getpid())
    return len(os.listdir("/proc/self/fd")), children


def test_nothing_is_left_open_after_fifty_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of them end before they have said anything: to start Python takes 0.15 s."""
    before = left_open()
    for deed in ("fine", "fine", "value", "exit", "read address 0", "nonsense"):
        engine = make_model()
        with suppress(EngineError):
            engine.count_tokens(said(deed))
        engine.close()
    with pytest.raises(ModelError):
        make_model("model")
    monkeypatch.setattr(_process.sys, "executable", "/bin/true")  # type: ignore[attr-defined]
    for _ in range(43):
        with pytest.raises(EngineError, match="exit status 0"):
            make_model()
    assert left_open() == before
