"""What can be asked over the control socket, and what each method takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from voiced import __version__
from voiced.control.contracts import Remote
from voiced.control.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from voiced.control.wire import turn_to_json
from voiced.core.state import Phase
from voiced.events import MicrophoneState

_MOST_TEXT: Final = 4_000
"""Characters that are said or asked at once: some four minutes of speech."""


@dataclass(frozen=True, slots=True)
class Method:
    """`takes` names its parameters and their types, those in `optional` may be left out.

    What is `lasting` waits for somebody: a person, a device, an engine. It runs beside what the same
    connection asks after it; all else is done in order.
    """

    summary: str
    do: Callable[[Remote, dict[str, Any]], Awaitable[Any]]
    takes: dict[str, type] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    lasting: bool = False

    def check(self, params: dict[str, Any]) -> None:
        """Raises `RpcError` where they are not what it takes."""
        for name, value in params.items():
            wanted = self.takes.get(name)
            if wanted is None:
                known = ", ".join(self.takes) or "none"
                raise RpcError(INVALID_PARAMS, f"unknown parameter {name!r}; it takes: {known}")
            # A bool is an int to isinstance.
            if type(value) is not wanted:
                raise RpcError(INVALID_PARAMS, f"{name} must be {_IN_JSON[wanted]}")
        for name in self.takes:
            if name not in params and name not in self.optional:
                raise RpcError(INVALID_PARAMS, f"{name} is missing")


_IN_JSON: Final[dict[type, str]] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
}


def method_named(name: str) -> Method:
    """Raises `RpcError` where there is none."""
    method = METHODS.get(name)
    if method is None:
        known = ", ".join(METHODS)
        raise RpcError(METHOD_NOT_FOUND, f"unknown method {name[:40]!r}; there are: {known}")
    return method


async def full_status(remote: Remote) -> dict[str, Any]:
    """What `status` answers: the assistant's own, and its timers."""
    return {**remote.status(), "timers": await remote.timers()}


async def _status(remote: Remote, _: dict[str, Any]) -> dict[str, Any]:
    return await full_status(remote)


async def _listen(remote: Remote, _: dict[str, Any]) -> None:
    await remote.listen()


async def _press(remote: Remote, _: dict[str, Any]) -> None:
    await remote.press()


async def _release(remote: Remote, _: dict[str, Any]) -> None:
    await remote.release()


async def _toggle(remote: Remote, _: dict[str, Any]) -> dict[str, bool]:
    was_listening = remote.status()["phase"] == Phase.LISTENING
    await (remote.release() if was_listening else remote.press())
    return {"pressed": not was_listening}


async def _stop(remote: Remote, _: dict[str, Any]) -> None:
    await remote.stop()


async def _mute(remote: Remote, _: dict[str, Any]) -> None:
    await remote.mute()


async def _unmute(remote: Remote, _: dict[str, Any]) -> None:
    await remote.unmute()


async def _toggle_mute(remote: Remote, _: dict[str, Any]) -> dict[str, bool]:
    was_muted = remote.status()["microphone"]["state"] == MicrophoneState.MUTED
    await (remote.unmute() if was_muted else remote.mute())
    return {"muted": not was_muted}


async def _say(remote: Remote, params: dict[str, Any]) -> None:
    await remote.say(_text(params))


async def _ask(remote: Remote, params: dict[str, Any]) -> dict[str, Any]:
    return turn_to_json(await remote.ask(_text(params)))


def _text(params: dict[str, Any]) -> str:
    text = " ".join(params["text"].split())
    if not text:
        raise RpcError(INVALID_PARAMS, "text is empty")
    if len(text) > _MOST_TEXT:
        raise RpcError(
            INVALID_PARAMS, f"text has {len(text)} characters; {_MOST_TEXT} are taken at once"
        )
    return text


async def _reload(remote: Remote, _: dict[str, Any]) -> dict[str, list[str]]:
    return {"changed": await remote.reload()}


async def _volume(remote: Remote, params: dict[str, Any]) -> dict[str, int]:
    if "percent" in params:
        if not 0 <= params["percent"] <= 200:
            raise RpcError(INVALID_PARAMS, "percent must be from 0 to 200")
        await remote.set_volume(params["percent"])
    return {"percent": remote.volume_percent}


async def _timers(remote: Remote, _: dict[str, Any]) -> list[dict[str, Any]]:
    return await remote.timers()


async def _metrics(remote: Remote, _: dict[str, Any]) -> str:
    return remote.metrics()


async def _shutdown(remote: Remote, _: dict[str, Any]) -> None:
    await remote.shutdown()


async def _methods(_: Remote, __: dict[str, Any]) -> dict[str, Any]:
    about = {
        name: {
            "summary": method.summary,
            "takes": {each: _IN_JSON[kind] for each, kind in method.takes.items()},
            "optional": list(method.optional),
        }
        for name, method in METHODS.items()
    }
    return {"version": __version__, "methods": about}


METHODS: Final[dict[str, Method]] = {
    "status": Method("what it does, and how it is", _status),
    "events": Method(
        "what happens from now on, until the connection ends; `levels` for the microphone's, too",
        # The connection subscribes itself; this is what it answers.
        _status,
        {"levels": bool},
        ("levels",),
    ),
    "listen": Method("listen, as after the wake word", _listen),
    "press": Method(
        "the push-to-talk key goes down; with `hold`, up again when the connection ends",
        _press,
        {"hold": bool},
        ("hold",),
    ),
    "release": Method("the push-to-talk key goes up", _release),
    "toggle": Method("the key goes up while it listens, down otherwise", _toggle),
    "stop": Method("be quiet; whatever goes on ends", _stop),
    "mute": Method("close the microphone", _mute, lasting=True),
    "unmute": Method("open the microphone", _unmute, lasting=True),
    "toggle_mute": Method("close or open the microphone", _toggle_mute, lasting=True),
    "say": Method("say a text; answered once it is said", _say, {"text": str}, lasting=True),
    "ask": Method("answer a question; answered as `turn-ended`", _ask, {"text": str}, lasting=True),
    "reload": Method("apply the changed configuration", _reload, lasting=True),
    "volume": Method("how loud it speaks; sets it, too", _volume, {"percent": int}, ("percent",)),
    "timers": Method("the timers", _timers),
    "metrics": Method("figures, as Prometheus reads them", _metrics),
    "shutdown": Method("end the assistant", _shutdown, lasting=True),
    "methods": Method("this list", _methods),
}
