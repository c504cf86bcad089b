"""The process of an isolated engine: builds it, and does what it is asked until the parent is gone."""

from __future__ import annotations

import faulthandler
import fcntl
import importlib
import logging
import os
import resource
import select
import signal
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from voiced.engines.contracts import BuildContext
from voiced.errors import EngineError, VoicedError
from voiced.isolation._wire import ENGINE, Blueprint, Call, Drop, Ended, Failed, Wire
from voiced.observe.guard import Guard, opt_out
from voiced.observe.logs import set_up_logging

_log = logging.getLogger(__name__)


def serve(connection: int, lifeline: int) -> int:
    """Serve the parent at the other end of the descriptor `connection`, and die when `lifeline` closes."""
    _settle(lifeline)
    # A program that the engine starts must not keep the parent from seeing this process end.
    os.set_inheritable(connection, False)  # noqa: FBT003  # the library's
    wire = Wire(Connection(connection))
    blueprint = wire.receive()
    if not isinstance(blueprint, Blueprint):
        return 1
    set_up_logging(0, os.environ)
    logging.getLogger("voiced").setLevel(blueprint.log_level)
    try:
        engine = _build(blueprint)
        properties = {name: getattr(engine, name) for name in blueprint.properties}
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent is told
        wire.send(_failed(blueprint.kind, error))
        return 0
    wire.send(properties)
    _Server(wire, blueprint.kind, engine).run()
    _close(engine)
    return 0


def _settle(lifeline: int) -> None:
    """Get used to being a child."""
    # The parent holds the other end of this pipe, and nobody ever writes into it: what the kernel has to
    # tell of it is that the parent is gone. It tells it with SIGKILL, so that no native call can keep this
    # process alive. PR_SET_PDEATHSIG would do the same, but when the thread ends that started the process.
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    os.set_inheritable(lifeline, False)  # noqa: FBT003  # the library's
    poll = select.poll()
    poll.register(lifeline)
    if poll.poll(0):
        # It was gone before that.
        os._exit(0)
    # Ctrl-C goes to all processes of a terminal; what is to be done about it the parent decides. It
    # started this one with the signal blocked, so that none could come before.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # A crash leaves the lines of Python that led to it, and no dump with what was said in it.
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    opt_out(os.environ)
    Guard().install()


def _build(blueprint: Blueprint) -> Any:
    context = BuildContext(
        models=blueprint.models,
        cache_dir=blueprint.cache_dir,
        language=blueprint.language,
        threads=blueprint.threads,
        sentences=lambda: blueprint.sentences,
    )
    module, _, function = blueprint.build.partition(":")
    build = getattr(importlib.import_module(module), function)
    return build(blueprint.kind, blueprint.name, blueprint.options, context)


class _Server:
    """The engine, and what it returned that stays here."""

    def __init__(self, wire: Wire, kind: str, engine: object) -> None:
        self._wire = wire
        self._kind = kind
        self._kept: dict[int, Any] = {ENGINE: engine}
        self._failures: dict[int, Failed] = {}

    def run(self) -> None:
        """Serve until the parent hangs up."""
        with suppress(EOFError, OSError):
            while True:
                match self._wire.receive():
                    case Call() as call:
                        self._serve(call)
                    case Drop(number):
                        self._drop(number)
                    case _:
                        # A `Stop` whose call has ended.
                        pass

    def _serve(self, call: Call) -> None:
        answer = self._failures.get(call.target) or self._done(call)
        if call.is_answered:
            self._wire.send(answer)
        elif isinstance(answer, Failed):
            self._failures[call.target if call.keep_as is None else call.keep_as] = answer

    def _done(self, call: Call) -> object:
        wish = _Wish(self._wire, is_set=bool(call.is_cancelled))
        args = call.args if call.is_cancelled is None else (*call.args, wish)
        try:
            value = getattr(self._kept[call.target], call.method)(*args, **call.keywords)
        except StopIteration:
            return Ended()
        except Exception as error:  # noqa: BLE001  # whatever it is, the parent is told
            return _failed(self._kind, error)
        finally:
            wish.is_over = True
        if call.keep_as is None:
            return value
        self._kept[call.keep_as] = value
        return None

    def _drop(self, number: int) -> None:
        self._failures.pop(number, None)
        try:
            _close(self._kept.pop(number, None))
        except Exception as error:  # noqa: BLE001  # nobody waits to hear of it
            _log.debug("what was dropped did not close cleanly: %s", error)


class _Wish:
    """The parent's wish that a running call may stop. An engine may ask thousands of times a second."""

    def __init__(self, wire: Wire, *, is_set: bool) -> None:
        self._wire = wire
        self._is_set = is_set
        self.is_over = False

    def is_set(self) -> bool:
        if not self._is_set and not self.is_over and self._wire.has_news():
            # While a call runs there is nothing else that the parent could have said, unless it is gone.
            self._is_set = True
            with suppress(EOFError):
                self._wire.receive()
        return self._is_set


def _close(kept: object) -> None:
    close = getattr(kept, "close", None)
    if close is not None:
        close()


def _failed(kind: str, error: Exception) -> Failed:
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, VoicedError):
        ours = next(of for of in type(error).__mro__ if of.__module__ == VoicedError.__module__)
        return Failed(ours, str(error), trace)
    return Failed(EngineError, f"{kind} failed: {type(error).__name__}: {error}", trace)
