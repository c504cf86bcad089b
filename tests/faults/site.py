"""A house in which things break: the soak's, with devices and engines that fail as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from random import Random
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

from tests.soak.engines import UnevenExecutor
from tests.soak.house import FakeEngines, House
from tests.support.fakes import FakeTts
from voiced.audio.contracts import AudioSink, AudioSource
from voiced.audio.reconnecting import ReconnectingSink, ReconnectingSource
from voiced.config import Settings
from voiced.core.state import Activation
from voiced.ear import Ear
from voiced.engines.contracts import LanguageModel, SpeechToText, TextToSpeech
from voiced.errors import DeviceError, EngineError, ModelError
from voiced.skills.skillset import SkillSet
from voiced.sound import OnMicrophone, OnSpeaker, Sound
from voiced.types import AudioChunk, Samples

T = TypeVar("T")

QUIET_S: Final = 3.0
"""After so long without a block a device counts as gone, as `DeviceStream` has it."""


class Wiring:
    """What is wrong with a device; everything is right at first."""

    def __init__(self) -> None:
        self.is_gone = False
        """It fails, and cannot be opened."""
        self.is_silent = False
        """It can be opened, and delivers or takes nothing."""
        self.hangs = False
        """To open it takes until the sound system has been given up."""
        self.lost_samples = 0


async def _open(wiring: Wiring) -> None:
    if wiring.hangs:
        await asyncio.sleep(5)
        raise DeviceError("the sound system does not answer")
    if wiring.is_gone:
        raise DeviceError("no such device")


class FlakySource:
    """A microphone on a wire."""

    def __init__(self, inner: AudioSource, wiring: Wiring) -> None:
        self._inner = inner
        self._wiring = wiring

    async def __aenter__(self) -> Self:
        await _open(self._wiring)
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc, traceback)

    @property
    def lost_samples(self) -> int:
        return self._wiring.lost_samples

    async def blocks(self) -> AsyncIterator[AudioChunk]:
        silent_s = 0.0
        async for chunk in self._inner.blocks():
            if self._wiring.is_gone:
                raise DeviceError("the microphone was unplugged")
            silent_s = silent_s + 0.02 if self._wiring.is_silent else 0.0
            if silent_s > QUIET_S:
                raise DeviceError("the microphone has stopped delivering")
            if not silent_s:
                yield chunk


class FlakySink:
    """A speaker on a wire."""

    def __init__(self, inner: AudioSink, wiring: Wiring) -> None:
        self._inner = inner
        self._wiring = wiring

    async def __aenter__(self) -> Self:
        await _open(self._wiring)
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc, traceback)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write(self, samples: Samples) -> None:
        self._check()
        await self._inner.write(samples)
        self._check()

    async def drain(self) -> None:
        self._check()
        await self._inner.drain()

    async def lost(self) -> DeviceError:
        while not (self._wiring.is_gone or self._wiring.is_silent):
            await asyncio.sleep(0.02)
        return DeviceError("the speaker was unplugged")

    def _check(self) -> None:
        if self._wiring.is_gone or self._wiring.is_silent:
            raise DeviceError("the speaker was unplugged")


class Trouble:
    """What is wrong with an engine."""

    def __init__(self) -> None:
        self.raises = False
        """The next call raises, once."""
        self.hangs = False
        """The next call never comes back, once."""
        self.cannot_be_built = False


class BreakingExecutor(UnevenExecutor):
    """The thread of an engine with `trouble`."""

    def __init__(self, random: Random, mean_s: float, trouble: Trouble) -> None:
        super().__init__(random, mean_s)
        self._trouble = trouble

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if self._trouble.hangs:
            self._trouble.hangs = False
            return Future()
        if self._trouble.raises:
            self._trouble.raises = False

            def broken(*_: Any, **__: Any) -> T:
                raise EngineError("it broke")

            # As an engine does: the work that was asked for raises it, on the engine's own thread.
            return super().submit(lambda *_, **__: work(broken, *args[1:]), **kwargs)
        return super().submit(work, *args, **kwargs)


class SiteEngines(FakeEngines):
    """Engines of the site."""

    def __init__(self, settings: Settings, site: Site, random: Random) -> None:
        super().__init__(settings, site, random)
        self._site = site

    def executor(self, name: str) -> Executor:
        return BreakingExecutor(self._random, 0.005, self._site.troubles[name])

    def ear(self, activation: Activation) -> Ear:
        return self._built("ear", super().ear(activation))

    def stt(self) -> SpeechToText:
        return self._built("stt", super().stt())

    def llm(self) -> LanguageModel:
        return self._built("llm", super().llm())

    def tts(self) -> TextToSpeech:
        return self._built("tts", super().tts())

    def skills(self) -> SkillSet:
        return self._built("skills", super().skills())

    def stand_in_llm(self) -> LanguageModel:
        return super().llm()

    def stand_in_tts(self) -> TextToSpeech:
        return FakeTts(self._site.codebook)

    def _built(self, name: str, engine: T) -> T:  # type: ignore[override]
        if self._site.troubles[name].cannot_be_built:
            raise ModelError(f"{name}: there is no memory")
        return engine


class Site(House):
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        self.microphone = Wiring()
        self.speaker = Wiring()
        self.reloading: asyncio.Future[None] = asyncio.Future()
        self.troubles = {name: Trouble() for name in ("ear", "stt", "llm", "tts", "skills")}
        super().__init__(Random(1))
        self.settings = settings
        random = Random(2)
        self.sessions._make_engines = lambda wanted: SiteEngines(wanted, self, random)

    def _open_sound(
        self,
        settings: Settings,
        rate_hz: int,
        on_microphone: OnMicrophone,
        on_speaker: OnSpeaker,
        *,
        is_muted: bool,
    ) -> Sound:
        card = self.card
        return Sound(
            ReconnectingSource(
                lambda: FlakySource(card.source, self.microphone), on_microphone, is_muted=is_muted
            ),
            ReconnectingSink(
                lambda: cast("AudioSink", FlakySink(card.sink, self.speaker)), rate_hz, on_speaker
            ),
        )
