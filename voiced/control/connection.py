"""One client of the control socket: what it may send, and what it gets.

Reads and writes go to the socket itself, without a transport: what `Outbox` and the line that is being
read hold is all that is buffered.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from voiced.control.allowance import Allowance
from voiced.control.contracts import Remote
from voiced.control.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    REFUSED,
    Identity,
    MalformedError,
    Request,
    RpcError,
    error_line,
    notification_line,
    parse,
    result_line,
)
from voiced.control.lines import LineReader
from voiced.control.methods import Method, method_named
from voiced.control.outbox import Outbox
from voiced.control.wire import event_to_json
from voiced.errors import VoicedError
from voiced.events import AssistantEvent, Heard

_log = logging.getLogger(__name__)

_BURST: Final = 100
_RATE_HZ: Final = 50
"""So many messages at once, and so many a second: more than a volume slider sends."""

_LAST_WORDS_S: Final = 0.3
"""How long a client that must go may take to read why."""

_BLOCKS_PER_LEVEL: Final = 5
"""A level each 100 ms is as often as a display is worth redrawing."""

Start = Callable[[Coroutine[Any, Any, None]], None]
"""Runs something beside the connection, or raises `RpcError` where too much runs already."""


class Connection:
    """A client; `serve` runs until it goes, or must go."""

    def __init__(self, peer: socket.socket, remote: Remote, start: Start) -> None:
        """`peer` is connected and does not block; it is closed at the end of `serve`."""
        loop = asyncio.get_running_loop()
        self._peer = peer
        self._remote = remote
        self._start = start
        self._outbox = Outbox(peer)
        self._must_end: asyncio.Future[None] = loop.create_future()
        self._allowance = Allowance(_BURST, _RATE_HZ)
        self._pending = 0
        self._nothing_pending = asyncio.Event()
        self._nothing_pending.set()
        self._unsubscribe: Callable[[], None] | None = None
        self._holds_key = False
        self._levels: list[Heard] | None = None
        self.active_at_s = loop.time()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for nothing: to end it loses nobody anything."""
        return not self._pending and self._unsubscribe is None and not self._holds_key

    def end(self, error: RpcError | None = None, identity: Identity = None) -> None:
        """It must go; `error` says why, if the client still reads."""
        if self._must_end.done():
            return
        if error is not None:
            self._outbox.put(error_line(identity, error))
        self._must_end.set_result(None)

    async def serve(self) -> None:
        """Answer until the client goes, or breaks a rule."""
        sending = asyncio.create_task(self._outbox.run())
        reading = asyncio.create_task(self._read())
        tasks: set[asyncio.Future[None]] = {sending, reading}
        try:
            await asyncio.wait({*tasks, self._must_end}, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            await self._let_go()
            if not self._outbox.is_full and not sending.done():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._outbox.emptied(), _LAST_WORDS_S)
        finally:
            self.end()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._peer.close()
        # A defect of ours, if any, is raised here.
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _let_go(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._holds_key:
            self._holds_key = False
            try:
                await self._remote.release()
            except VoicedError as error:
                _log.warning("the key of a client that has gone is not released: %s", error)

    async def _read(self) -> None:
        lines = LineReader(self._peer)
        try:
            while (line := await lines.next()) is not None:
                # What has come already is read without waiting: others must have their turn.
                await asyncio.sleep(0)
                self._count_message()
                await self._take(parse(line))
        except MalformedError as error:
            self.end(error, error.identity)
            return
        # It has said all that it will, and may wait for answers.
        await self._let_go()
        await self._nothing_pending.wait()

    async def _take(self, request: Request) -> None:
        try:
            method = method_named(request.method)
            method.check(request.params)
            work = self._do(request, method)
            if method.lasting:
                self._start(work)
        except RpcError as error:
            self._refuse(request, error)
            return
        self._pending += 1
        self._nothing_pending.clear()
        if not method.lasting:
            await work

    def _count_message(self) -> None:
        self.active_at_s = asyncio.get_running_loop().time()
        if self._allowance.spend(self.active_at_s):
            raise MalformedError(INVALID_REQUEST, f"more than {_RATE_HZ} messages a second")

    async def _do(self, request: Request, method: Method) -> None:
        try:
            self._note(request)
            answer = result_line(request.identity, await method.do(self._remote, request.params))
            if request.wants_answer:
                self._put(answer)
        except RpcError as error:
            self._refuse(request, error)
        except VoicedError as error:
            data = {"type": type(error).__name__, "exit_status": error.exit_status}
            self._refuse(request, RpcError(REFUSED, str(error), data))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # The assistant gave it up: it begins anew, with another configuration, or ends.
            self._refuse(request, RpcError(REFUSED, "it was ended before it was done; ask again"))
        except Exception:  # noqa: BLE001
            # Whatever a defect is, it must not cost the daemon its ear, nor others their socket.
            _log.exception("a defect in what %r does", request.method)
            text = f"voiced failed at {request.method!r}: `voiced logs` says more"
            self._refuse(request, RpcError(INTERNAL_ERROR, text, {"exit_status": 70}))
        finally:
            self._pending -= 1
            if not self._pending:
                self._nothing_pending.set()

    def _note(self, request: Request) -> None:
        match request.method:
            case "press":
                self._holds_key = request.params.get("hold", False)
            case "release":
                self._holds_key = False
            case "events":
                self._levels = [] if request.params.get("levels", False) else None
                if self._unsubscribe is None:
                    self._unsubscribe = self._remote.subscribe(self._observe)

    def _observe(self, event: AssistantEvent) -> None:
        if isinstance(event, Heard):
            if self._levels is None:
                return
            self._levels.append(event)
            if len(self._levels) < _BLOCKS_PER_LEVEL:
                return
            event = Heard(
                max(heard.level_dbfs for heard in self._levels),
                max(heard.speech_probability for heard in self._levels),
            )
            self._levels.clear()
        self._put(notification_line("event", event_to_json(event)))

    def _refuse(self, request: Request, error: RpcError) -> None:
        if request.wants_answer:
            self._put(error_line(request.identity, error))

    def _put(self, line: bytes) -> None:
        if self._must_end.done():
            return
        self._outbox.put(line)
        if self._outbox.is_full:
            _log.info("a client of the control socket reads too slowly, and is disconnected")
            self.end()
