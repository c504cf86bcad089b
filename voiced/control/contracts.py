"""What the control socket asks of the assistant that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from voiced.events import Observer, TurnReport


class Remote(Protocol):
    """The running assistant, as seen from outside. Everything is called on the loop's thread.

    What is refused or fails raises `VoicedError`; its message and exit status reach the caller.
    """

    def status(self) -> dict[str, Any]:
        """What it is and does, as JSON takes it; cheap, because displays ask once a second.

        At least: `phase`, `microphone` {`state`, `reason`}, `speaker` {`is_there`, `reason`},
        `volume_percent`, `version`, `pid`, `uptime_s`, `memory_mb`, `engines` {kind: name},
        `engines_failing` {name: reason}, `turns` {outcome: count}, `last_turns` (`wire.turn_to_json`, the
        newest last), `overflows`, `underflows`, `reconnects`.
        """
        ...

    async def listen(self) -> None:
        """Listen, as if the wake word had been said."""
        ...

    async def press(self) -> None:
        """The push-to-talk key goes down. Returns once it listens; when it is down already: nothing."""
        ...

    async def release(self) -> None:
        """The push-to-talk key goes up; when it is up already: nothing."""
        ...

    async def stop(self) -> None:
        """Whatever is said or done now ends."""
        ...

    async def mute(self) -> None:
        """Close the microphone until `unmute`. Returns when it is closed."""
        ...

    async def unmute(self) -> None:
        """Open the microphone again."""
        ...

    async def say(self, text: str) -> None:
        """Speak `text` as soon as nobody speaks. Returns when it has been said."""
        ...

    async def ask(self, text: str) -> TurnReport:
        """Answer a typed question aloud. Returns when that is over."""
        ...

    async def reload(self) -> list[str]:
        """Apply the configuration as it is now; the keys that changed. Raises `ConfigError`."""
        ...

    @property
    def volume_percent(self) -> int:
        """How loud it speaks, as `audio.volume_percent`."""
        ...

    async def set_volume(self, percent: int) -> None:
        """Speak that loud from now on; kept over a restart. 0 to 200."""
        ...

    async def timers(self) -> list[dict[str, Any]]:
        """The timers that run or wait, as JSON takes them."""
        ...

    def metrics(self) -> str:
        """The figures, in Prometheus's text format."""
        ...

    async def shutdown(self) -> None:
        """Begin to end the process. Returns at once."""
        ...

    def subscribe(self, observe: Observer) -> Callable[[], None]:
        """Tell `observe` every event from now on; what is returned ends that."""
        ...
