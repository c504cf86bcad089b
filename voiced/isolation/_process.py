"""The parent's side: starts the process of an engine, asks it, and learns how it ended."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from multiprocessing.connection import Pipe
from typing import Any, Final

from voiced.engines.contracts import Cancel
from voiced.errors import EngineError
from voiced.isolation._wire import ENGINE, Blueprint, Call, Drop, Ended, Failed, Stop, Wire

_log = logging.getLogger(__name__)

_LOOK_EVERY_MS: Final = 10
"""How often a `Cancel` is looked at while an answer is waited for."""

_END_S: Final = 0.8
"""How long a process may take to end by itself: less than whoever closes an engine waits for that."""

_CRASHES: Final = (
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGABRT,
    signal.SIGTRAP,
    signal.SIGSYS,
)


class EngineProcess:
    """An engine that is built and used in a process of its own. Used from one thread, but for `kill`.

    What asks it raises what the engine raises, and `EngineError` once the process has ended.
    """

    def __init__(self, who: str, blueprint: Blueprint) -> None:
        """Start it, and wait until the engine is built. `who` is what errors call it ("the voice")."""
        self._who = who
        self._numbers = count(ENGINE + 1)
        self._is_killed = False
        self._end = ""
        with ExitStack() as on_failure:
            ours, theirs = Pipe()
            lifeline, self._lifeline = Pipe(duplex=False)
            on_failure.callback(ours.close)
            on_failure.callback(self._lifeline.close)
            with theirs, lifeline:
                self._popen = _start(who, theirs.fileno(), lifeline.fileno())
            self._wire = Wire(ours)
            on_failure.callback(self.close)
            self._send(blueprint)
            self.properties: dict[str, Any] = self._answer(None)
            on_failure.pop_all()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def ask(self, target: int, method: str, *args: object, cancel: Cancel | None = None) -> Any:
        """What the method returns, or `Ended` from an iterator; `cancel`, if any, is its last argument."""
        is_cancelled = None if cancel is None else cancel.is_set()
        self._send(Call(target, method, args, is_cancelled=is_cancelled))
        return self._answer(cancel)

    def tell(self, target: int, method: str, *args: object) -> None:
        """Have it done without waiting for it; what it raises, the next `ask` of `target` raises."""
        self._send(Call(target, method, args, is_answered=False))

    def keep(self, method: str) -> int:
        """Have what the engine's method returns stay there; its number, until `drop`."""
        number = next(self._numbers)
        self._send(Call(ENGINE, method, keep_as=number))
        self._answer(None)
        return number

    def drop(self, number: int) -> None:
        """Close what stayed there. Does nothing where the process has ended."""
        with suppress(EngineError):
            self._send(Drop(number))

    def items(self, method: str, *args: object, **keywords: object) -> Iterator[Any]:
        """What the iterator that the engine's method returns gives, each made when it is asked for."""
        number = next(self._numbers)
        self._send(Call(ENGINE, method, args, keywords, keep_as=number, is_answered=False))
        try:
            while not isinstance(item := self.ask(number, "__next__"), Ended):
                yield item
        finally:
            self.drop(number)

    def kill(self) -> None:
        """End the process at once, from any thread; whoever waits for its answer gets an `EngineError`.

        `close` is wanted all the same.
        """
        self._is_killed = True
        self._popen.kill()

    def close(self) -> None:
        """Let the engine close, and end the process, by force where that takes long. May be called twice."""
        if not self._end:
            self._end = f"{self._who} is closed"
            how = self._hang_up("was busy, and was killed")
            if self._popen.returncode != 0 and not self._is_killed:
                _log.warning("%s did not close cleanly: its process %s", self._who, how)

    def _send(self, message: object) -> None:
        if self._end:
            raise EngineError(self._end)
        try:
            self._wire.send(message)
        except OSError as error:
            raise self._ended() from error

    def _answer(self, cancel: Cancel | None) -> Any:
        try:
            while cancel is not None and not self._wire.has_news(_LOOK_EVERY_MS):
                if cancel.is_set():
                    self._send(Stop())
                    cancel = None
            answer = self._wire.receive()
        except EOFError as error:
            raise self._ended() from error
        except BaseException:
            # Who interrupts the wait (Ctrl-C) leaves an answer behind; the next call must not take it for
            # its own.
            self.kill()
            raise
        if isinstance(answer, Failed):
            failure = answer.error(answer.message)
            failure.add_note(f"In the process of {self._who}:\n{answer.trace}")
            raise failure
        return answer

    def _ended(self) -> EngineError:
        how = self._hang_up("sent something that is no answer, and was killed")
        self._end = f"{self._who}'s process {how}"
        return EngineError(self._end)

    def _hang_up(self, otherwise: str) -> str:
        """Wait for the end of the process, and bring it about where it does not come; how it ended."""
        self._wire.close()
        ended = otherwise
        try:
            self._popen.wait(_END_S)
            ended = how_it_ended(self._popen.returncode)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(_END_S)
        self._lifeline.close()
        return "was killed, since it did not answer" if self._is_killed else ended


def how_it_ended(status: int) -> str:
    """`status`, as `Popen.returncode` has it, in words that follow "the process"."""
    if status >= 0:
        return f"ended (exit status {status})"
    try:
        ended_by = signal.Signals(-status)
    except ValueError:
        return f"was ended (signal {-status})"
    if ended_by is signal.SIGKILL:
        return "was killed (SIGKILL), as the system does where memory runs out"
    return f"{'crashed' if ended_by in _CRASHES else 'was ended'} ({ended_by.name})"


def _start(who: str, connection: int, lifeline: int) -> subprocess.Popen[bytes]:
    """Start the process with its ends of the pair of sockets and of the pipe, and no other descriptors."""
    command = [sys.executable, "-P", "-m", "voiced.isolation", str(connection), str(lifeline)]
    # It finds modules where this process does.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    # What is blocked is inherited: until the child ignores Ctrl-C, none may reach it.
    blocked_before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env=environment, pass_fds=(connection, lifeline)
        )
    except OSError as error:
        raise EngineError(f"{who} gets no process of its own: {error.strerror}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)
