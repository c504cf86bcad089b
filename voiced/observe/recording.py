"""Keeps the sound of utterances where somebody asked for that (`debug.record_turns`), and nothing otherwise.

For each turn that somebody spoke for there is a WAV file with what the recogniser was given, and beside it
a JSON file with what became of it. Both appear whole or not at all, and are for their owner alone.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import wave
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import numpy as np

from voiced.channel import Channel
from voiced.control.wire import turn_to_json
from voiced.errors import OutputError
from voiced.events import AssistantEvent, TurnEnded
from voiced.folders import state_folder
from voiced.types import SAMPLE_RATE_HZ, AudioChunk, SpeechPaused, SpeechResumed, samples_to_ms

if TYPE_CHECKING:
    from voiced.config.settings import DebugSettings

_log = logging.getLogger(__name__)

_Part = AudioChunk | SpeechPaused | SpeechResumed

_STAMP: Final = "%Y%m%dT%H%M%S"
"""In UTC, so that names in order are recordings in order."""

_OPEN_AT_ONCE: Final = 4
"""One has the floor, one is on hold; any more are leftovers of turns that never told of their end."""

_WAITING_AT_ONCE: Final = 8
"""A disk that is slower than the conversation costs recordings, not memory."""


def recordings_folder(environ: Mapping[str, str]) -> Path:
    """Where recordings lie."""
    return state_folder(environ) / "recordings"


class Spoken(Protocol):
    """An utterance: `listener.Utterance`."""

    parts: Channel[_Part]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: the newest of each."""

    turns: int
    megabytes: float
    days: float

    @classmethod
    def of(cls, debug: DebugSettings) -> Self:
        """Those of the configuration."""
        return cls(debug.keep_turns, debug.keep_mb, debug.keep_days)


class Recorder:
    """Records turns; an async context manager, which on leaving waits for what is being written.

    `tap` is told of each utterance, `observe` of all events. Neither waits for the disk.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._now = now
        self._open: dict[int, _Sound] = {}
        self._writing: set[asyncio.Future[None]] = set()
        self._is_failing = False
        self._disk: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        """Raises `OutputError` where the folder cannot be made."""
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="voiced-recording")
        try:
            await asyncio.get_running_loop().run_in_executor(self._disk, self._prepare)
        except OSError as error:
            self._disk.shutdown()
            raise OutputError(
                f"{self._folder} cannot be used for recordings: {error.strerror}"
            ) from error
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.written()
        if self._disk is not None:
            self._disk.shutdown()
            self._disk = None

    def tap(self, turn_id: int, utterance: Spoken) -> None:
        """Keep what `utterance` is made of, as it is received, until the turn ends."""
        sound = _Sound(self._now(), utterance.parts)
        utterance.parts = _Tapped(utterance.parts, sound.keep)
        self._open[turn_id] = sound
        while len(self._open) > _OPEN_AT_ONCE:
            del self._open[min(self._open)]

    def observe(self, event: AssistantEvent) -> None:
        """Write the recording of a turn that ended."""
        if not isinstance(event, TurnEnded):
            return
        sound = self._open.pop(event.report.turn_id, None)
        if sound is None or self._disk is None:
            return
        sound.keep_rest()
        if len(self._writing) >= _WAITING_AT_ONCE:
            self._fail("the disk is too slow")
            return
        name = f"{sound.begun_at.strftime(_STAMP)}-turn-{event.report.turn_id:06}"
        about = turn_to_json(event.report) | sound.about
        writing = asyncio.get_running_loop().run_in_executor(
            self._disk, self._write, name, sound.chunks, about
        )
        self._writing.add(writing)
        writing.add_done_callback(self._settle)

    async def written(self) -> None:
        """Wait until nothing is being written."""
        while self._writing:
            await asyncio.wait(self._writing)

    def _settle(self, writing: asyncio.Future[None]) -> None:
        self._writing.discard(writing)
        error = writing.exception()
        if isinstance(error, OSError):
            self._fail(error.strerror or str(error))
        elif error is not None:
            _log.error("a recording failed by a defect in voiced", exc_info=error)
        else:
            self._is_failing = False

    def _fail(self, reason: str) -> None:
        if not self._is_failing:
            _log.warning("turns are not recorded: %s", reason)
        self._is_failing = True

    # On the disk's thread

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        for part in self._folder.glob(".*.part"):
            part.unlink()
        self._drop_old()

    def _write(self, name: str, chunks: list[AudioChunk], about: dict[str, Any]) -> None:
        wav = io.BytesIO()
        with wave.open(wav, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(SAMPLE_RATE_HZ)
            writer.writeframes(_joined(chunks).astype("<i2").tobytes())
        try:
            self._put(f"{name}.wav", wav.getvalue())
            self._put(f"{name}.json", json.dumps(about, indent=2, ensure_ascii=False).encode())
        finally:
            self._drop_old()

    def _put(self, name: str, data: bytes) -> None:
        part = self._folder / f".{name}.part"
        try:
            with open(part, "xb", opener=_for_its_owner) as file:  # `Path.open` has no opener
                file.write(data)
            part.replace(self._folder / name)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise

    def _drop_old(self) -> None:
        """Remove what is beyond the limits, the oldest first."""
        recordings: dict[str, list[Path]] = {}
        for file in self._folder.glob("*-turn-*"):
            if file.suffix in (".wav", ".json"):
                recordings.setdefault(file.stem, []).append(file)
        oldest = (self._now() - timedelta(days=self._limits.days)).strftime(_STAMP)
        kept_bytes = 0.0
        for position, name in enumerate(sorted(recordings, reverse=True)):
            kept_bytes += sum(file.stat().st_size for file in recordings[name])
            is_kept = (
                position < self._limits.turns
                and kept_bytes <= self._limits.megabytes * 1e6
                and name >= oldest
            )
            if not is_kept:
                for file in recordings[name]:
                    file.unlink(missing_ok=True)


@dataclass
class _Sound:
    """What was received of an utterance."""

    begun_at: datetime
    parts: Channel[_Part]
    chunks: list[AudioChunk] = field(default_factory=list)

    def keep(self, part: _Part) -> None:
        if isinstance(part, AudioChunk):
            self.chunks.append(part)

    def keep_rest(self) -> None:
        """What the recogniser did not come to, where its turn ended before."""
        for part in self.parts.take_all():
            self.keep(part)

    @property
    def about(self) -> dict[str, Any]:
        samples = sum(len(chunk.samples) for chunk in self.chunks)
        return {"begun_at": self.begun_at.isoformat(), "duration_ms": samples_to_ms(samples)}


class _Tapped(Channel[_Part]):
    """A channel whose receiver is overheard."""

    def __init__(self, inner: Channel[_Part], overhear: Callable[[_Part], None]) -> None:
        super().__init__(1)
        self._inner = inner
        self._overhear = overhear

    async def send(self, item: _Part) -> None:
        await self._inner.send(item)

    def send_nowait(self, item: _Part) -> None:
        self._inner.send_nowait(item)

    def close(self) -> None:
        self._inner.close()

    def abandon(self) -> None:
        self._inner.abandon()

    async def __anext__(self) -> _Part:
        item = await anext(self._inner)
        self._overhear(item)
        return item

    def take_all(self) -> list[_Part]:
        items = self._inner.take_all()
        for item in items:
            self._overhear(item)
        return items


def _joined(chunks: list[AudioChunk]) -> np.ndarray[Any, Any]:
    samples = [chunk.samples for chunk in chunks]
    return np.concatenate(samples) if samples else np.zeros(0, np.int16)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
