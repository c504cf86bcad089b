"""One `Session` after another: the engines and devices stay, as far as a new configuration leaves them.

A reload builds what is different beside what works, waits for a moment when nobody speaks, and goes on with
it. Timers, volume, the conversation and the count of turns go on, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from voiced.assistant import Assistant, Tap
from voiced.config import Settings
from voiced.core.conversation import Exchange
from voiced.core.signals import LeaveAsked, SoundBack, SoundGone
from voiced.core.state import Activation
from voiced.errors import NotReadyError, VoicedError
from voiced.events import (
    MicrophoneChanged,
    MicrophoneState,
    Observer,
    SoundLost,
    SpeakerChanged,
    TurnReport,
)
from voiced.pipeline import Circumstances, Parts, Session, load_parts, rehearsed
from voiced.skills.contracts import World
from voiced.sound import OpenSound, Sound
from voiced.types import BLOCK_SAMPLES
from voiced.workshop import Engines, Workshop

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a session is made from."""

    settings: Settings
    workshop: Workshop
    parts: Parts


class Sessions:
    """`run` is a permanent task."""

    def __init__(
        self,
        make_engines: Callable[[Settings], Engines],
        open_sound: OpenSound,
        observe: Observer,
        world: World,
        tap: Tap = lambda _turn_id, _utterance: None,
        *,
        is_muted: bool = False,
        volume_percent: int | None = None,
        exchanges: Sequence[Exchange] = (),
    ) -> None:
        """`volume_percent` where it is another than configured; `exchanges` were said before; `world` is
        what skills find, `tap` as for `Assistant`.
        """
        self._make_engines = make_engines
        self._open_sound = open_sound
        self._observe = observe
        self._world = world
        self._tap = tap
        self._volume_percent = volume_percent
        self._said_before = exchanges
        self._is_muted = is_muted
        self._can_hear = not is_muted
        self._turns_begun = 0
        self._plan: _Plan | None = None
        self._following: _Plan | None = None
        self._sound: Sound | None = None
        self._session: Session | None = None
        self._begun = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    @property
    def session(self) -> Session:
        """The one that runs. Raises `NotReadyError` before the first one, and for a moment between two."""
        if self._session is None:
            raise NotReadyError("voiced is still loading its models; try again in a moment")
        return self._session

    async def begun(self) -> Session:
        """The one that runs, or the next one as soon as it does."""
        while self._session is None:
            self._begun.clear()
            await self._begun.wait()
        return self._session

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What was said so far."""
        if self._plan is None:
            return self._said_before
        return self._plan.parts.responder.conversation.exchanges

    @property
    def is_stalled(self) -> bool:
        """Whether the microphone opens, again and again, and delivers nothing."""
        return self._sound is not None and self._sound.source.is_stalled

    @property
    def threads_lost(self) -> int:
        """How many threads hang for good in engines that were given up."""
        return 0 if self._plan is None else self._plan.workshop.threads_lost

    @property
    def lost_so_far(self) -> SoundLost:
        """What sound was lost since the devices were opened."""
        if self._sound is None:
            return SoundLost()
        overflows = -(-self._sound.source.lost_samples // BLOCK_SAMPLES)
        return SoundLost(overflows, self._sound.sink.underflow_count)

    async def ask(self, text: str) -> TurnReport:
        """Answer a typed question; see `Assistant.ask`. Waits for the first session, if need be."""
        return await self._asked(lambda assistant: assistant.ask(text))

    async def announce(self, text: str, *, rings: bool = False) -> TurnReport:
        """Say `text` as soon as nobody speaks; as `ask`."""
        return await self._asked(lambda assistant: assistant.announce(text, rings=rings))

    async def _asked(self, ask: Callable[[Assistant], Awaitable[TurnReport]]) -> TurnReport:
        while True:
            session = await self.begun()
            try:
                return await ask(session.assistant)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling() or self._session is session:
                    raise
                # Its session has ended before: the next one is asked.

    async def run(self, settings: Settings) -> None:
        """Load, open the devices, and hold sessions until the input ends. Raises `VoicedError`."""
        is_first = True
        if self._is_muted:
            self._observe(MicrophoneChanged(MicrophoneState.MUTED, "it was muted before"))
        try:
            plan = self._plan = await self._first(settings)
            async with AsyncExitStack() as devices:
                while True:
                    self._sound = self._sound or await self._enter(devices, plan)
                    await self._hold(plan, self._sound, follows=not is_first)
                    is_first = False
                    following = self._following
                    if following is None:
                        return
                    if _wants_other_devices(plan.settings, following.settings):
                        self._sound = None
                        await devices.aclose()
                    plan = self._plan = await _succeed(plan, following)
                    self._following = None
        finally:
            for each in (self._following, self._plan):
                if each is not None:
                    await each.workshop.close()

    async def reload(self, settings: Settings) -> None:
        """Go on with `settings` from the next moment on when nobody speaks; returns then.

        Raises `VoicedError` where they cannot be had; nothing has changed then.
        """
        async with self._one_at_a_time:
            session = await self.begun()
            before = None if self._plan is None else self._plan.workshop
            workshop = Workshop(self._make_engines(settings), self._observe, before)
            try:
                parts = await load_parts(workshop, activation_of(settings), self._world)
            except BaseException:
                await workshop.close()
                raise
            self._following = _Plan(settings, workshop, parts)
            session.assistant.post(LeaveAsked())
            while self._session is session or self._session is None:
                self._begun.clear()
                await self._begun.wait()

    async def mute(self) -> None:
        """Close the microphone; returns when it is closed."""
        self._is_muted = True
        if self._sound is not None:
            await self._sound.source.mute()

    async def unmute(self) -> None:
        """Open the microphone again."""
        self._is_muted = False
        if self._sound is not None:
            await self._sound.source.unmute()

    def set_volume(self, percent: int) -> None:
        """Speak that loud from now on."""
        self._volume_percent = percent
        if self._session is not None:
            self._session.player.volume_percent = percent

    async def _first(self, settings: Settings) -> _Plan:
        workshop = Workshop(self._make_engines(settings), self._observe)
        try:
            parts = await load_parts(workshop, activation_of(settings), self._world)
            parts = await rehearsed(settings, parts)
            parts.responder.go_on_from(self._said_before)
            return _Plan(settings, workshop, parts)
        except BaseException:
            await workshop.close()
            raise

    async def _enter(self, devices: AsyncExitStack, plan: _Plan) -> Sound:
        sound = self._open_sound(
            plan.settings,
            plan.parts.voice_rate_hz,
            self._microphone_changed,
            self._speaker_changed,
            is_muted=self._is_muted,
        )
        await devices.enter_async_context(sound.sink)
        await devices.enter_async_context(sound.source)
        return sound

    async def _hold(self, plan: _Plan, sound: Sound, *, follows: bool) -> None:
        session = self._session = Session(
            plan.settings,
            plan.parts,
            activation_of(plan.settings),
            sound.source,
            sound.sink,
            self._observe,
            self._tap,
            Circumstances(
                self._turns_begun,
                self._can_hear,
                follows,
                self._volume_percent,
                has_far_end=True,
                pace=sound.pace,
            ),
        )
        self._begun.set()
        try:
            await session.run()
        finally:
            self._session = None
            self._turns_begun = session.assistant.state.turns_begun

    def _microphone_changed(self, state: MicrophoneState, reason: str) -> None:
        self._can_hear = state is MicrophoneState.OPEN
        self._observe(MicrophoneChanged(state, reason))
        if self._session is None:
            return
        if not self._can_hear:
            self._session.listener.lose_sound()
        self._session.assistant.post(SoundBack() if self._can_hear else SoundGone())

    def _speaker_changed(self, is_there: bool, reason: str) -> None:  # noqa: FBT001  # as the sink calls it
        self._observe(SpeakerChanged(is_there, reason))


def activation_of(settings: Settings) -> Activation:
    """What makes it listen."""
    return Activation.WAKE if settings.wake.enabled else Activation.SPEECH


def _wants_other_devices(before: Settings, after: Settings) -> bool:
    def chosen(settings: Settings) -> tuple[object, ...]:
        audio = settings.audio
        return audio.input, audio.output, audio.latency_ms

    return chosen(before) != chosen(after)


async def _succeed(before: _Plan, after: _Plan) -> _Plan:
    """Nobody speaks: `after` takes over."""
    await after.workshop.take_over()
    try:
        parts = await rehearsed(after.settings, after.parts)
    except VoicedError as error:
        _log.warning("nothing is prepared in advance: %s", error)
        parts = after.parts
    parts.responder.go_on_from(before.parts.responder.conversation.exchanges)
    return replace(after, parts=parts)
