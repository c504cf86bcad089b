"""The assistant that stays up for months: all that it consists of, started and ended in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from voiced.assistant import Assistant
from voiced.config import Configuration, Settings
from voiced.control.instance import sole_instance
from voiced.control.places import own_socket
from voiced.control.server import ControlServer
from voiced.core.signals import Outcome
from voiced.errors import EngineError
from voiced.events import AssistantEvent, Observer, TurnEnded
from voiced.folders import state_folder
from voiced.held import HeldConfiguration
from voiced.models import ModelStore
from voiced.notify import Notifier, passed_sockets
from voiced.observe.board import Board
from voiced.observe.fan_out import FanOut
from voiced.observe.guard import Guard
from voiced.observe.metrics import Metrics
from voiced.observe.wanted import WantedObservers
from voiced.pulse import Pulse
from voiced.recollection import Recollection, recollection_file
from voiced.remote import RemoteControl, memory_mb
from voiced.sessions import Sessions
from voiced.skills.contracts import World
from voiced.skills.timer_words import timer_words
from voiced.sound import OpenSound, SoundDevices
from voiced.store import Store
from voiced.tasks import unwrapped
from voiced.timekeeper import Ring, Timekeeper
from voiced.timers import TimerBook
from voiced.workshop import Engines

_log = logging.getLogger(__name__)

DATABASE: Final = "voiced.db"
"""The file in the state folder."""

_CONTROL: Final = "control"
"""The control socket's FileDescriptorName= in the socket unit."""


async def run_daemon(
    load: Callable[[], Configuration],
    environ: MutableMapping[str, str],
    observe: Observer = lambda _: None,
    on_ready: Callable[[Assistant], None] = lambda _: None,
    *,
    reloads_on_hangup: bool = True,
    on_end: Callable[[int], None] = lambda _: None,
    open_sound: OpenSound | None = None,
    make_engines: Callable[[Settings], Engines] | None = None,
) -> None:
    """Run until cancelled, or asked to end over the control socket.

    `load` reads the configuration, again for each reload. `observe` is told all events, `on_ready` when the
    models are loaded. `reloads_on_hangup`: SIGHUP means to read the configuration again, as services have it.
    `on_end` is given the exit status when the end begins: what is to be kept is on the disk by then, and what
    follows may hang in a sound server. Raises `VoicedError` for what cannot be had at the start, and for what
    ends a permanent task.
    """
    configuration = load()
    settings = configuration.settings
    notifier = Notifier.from_environment(environ)
    path = _socket_path(settings, environ)
    guard = Guard(settings.metrics.port)
    with guard.on_duty(), _passed(environ) as sockets, sole_instance(path):
        notifier.status("loading the models")
        store = Store.open(state_folder(environ) / DATABASE)
        with closing(store):
            timers = TimerBook(store)
            told = FanOut(observe)
            metrics = Metrics(
                watchdog_age_s=lambda: pulse.age_s, refused_connections=lambda: guard.refused
            )
            recollection = Recollection(recollection_file(environ))

            def recollect(event: AssistantEvent) -> None:
                if isinstance(event, TurnEnded):
                    recollection.keep(sessions.exchanges)

            wanted = WantedObservers(metrics.text, environ)
            sessions = Sessions(
                make_engines or partial(Engines, models=ModelStore()),
                open_sound or SoundDevices(),
                told.observe,
                World(datetime.now, timers=timers),
                wanted.tap,
                is_muted=store.muted,
                volume_percent=store.volume_percent,
                exchanges=recollection.recall(),
            )
            pulse = Pulse(
                notifier,
                told.observe,
                is_stalled=lambda: sessions.is_stalled,
                threads_lost=lambda: sessions.threads_lost,
                lost_so_far=lambda: sessions.lost_so_far,
            )
            board = Board()
            told.observers += [
                board.observe,
                metrics.observe,
                pulse.observe,
                wanted.observe,
                recollect,
            ]
            held = HeldConfiguration(
                configuration, load, sessions, wanted, guard, pulse, notifier, store
            )
            ending = asyncio.Event()
            remote = RemoteControl(
                sessions, store, timers, board, metrics, told, held=held, shut_down=ending.set
            )
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(wanted)
                await wanted.apply(settings)
                if settings.control.enabled:
                    server = ControlServer(remote, path, sockets.get(_CONTROL))
                    await stack.enter_async_context(server)

                def end(status: int) -> None:
                    notifier.stopping()
                    on_end(status)

                if reloads_on_hangup:
                    stack.enter_context(_hangups(held))

                def ready(assistant: Assistant) -> None:
                    pulse.loaded()
                    on_ready(assistant)

                await _live(sessions, held, pulse, timers, ending, ready, end)


async def _live(
    sessions: Sessions,
    held: HeldConfiguration,
    pulse: Pulse,
    timers: TimerBook,
    ending: asyncio.Event,
    on_ready: Callable[[Assistant], None],
    on_end: Callable[[int], None],
) -> None:
    """Run the permanent tasks; a failure of one ends all."""
    disk = ThreadPoolExecutor(1, thread_name_prefix="voiced-timers")
    timekeeper = Timekeeper(timers, partial(_ring, sessions, held), disk)
    try:
        with unwrapped():
            async with asyncio.TaskGroup() as permanent:
                living = permanent.create_task(sessions.run(held.settings), name="sessions")
                others = [
                    permanent.create_task(timekeeper.run(), name="timekeeper"),
                    permanent.create_task(pulse.run(), name="pulse"),
                    permanent.create_task(_say_ready(sessions, on_ready), name="readiness"),
                    permanent.create_task(_end_when_asked(ending, living), name="ending"),
                ]
                try:
                    await asyncio.wait((living,))
                finally:
                    has_failed = any(map(_has_failed, (living, *others)))
                    on_end(EngineError.exit_status if has_failed else 0)
                for task in others:
                    task.cancel()
    finally:
        disk.shutdown(wait=False)


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _ring(sessions: Sessions, held: HeldConfiguration, ring: Ring) -> None:
    words = timer_words(held.settings.language)
    report = await sessions.announce(words.up(ring.timer, ring.late_s), rings=True)
    if report.outcome is Outcome.FAILED:
        raise EngineError(report.error)


async def _say_ready(sessions: Sessions, on_ready: Callable[[Assistant], None]) -> None:
    session = await sessions.begun()
    _log.info("ready: %.0f MB of memory, the models included", memory_mb())
    on_ready(session.assistant)


@contextmanager
def _hangups(held: HeldConfiguration) -> Iterator[None]:
    """SIGHUP asks for a reload."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(held.reload_for_signal(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in reloads:
            task.cancel()


async def _end_when_asked(ending: asyncio.Event, living: asyncio.Task[None]) -> None:
    await ending.wait()
    living.cancel()


def _socket_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    return Path(settings.control.socket or own_socket(environ)).expanduser()


@contextmanager
def _passed(environ: MutableMapping[str, str]) -> Iterator[dict[str, socket.socket]]:
    """The sockets that systemd has opened for this process; closed at the end."""
    sockets = passed_sockets(environ)
    try:
        yield sockets
    finally:
        for each in sockets.values():
            each.close()
