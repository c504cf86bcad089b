"""What works on this machine: everything is tried for real, nothing is assumed from a version."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import platformdirs

from voiced.audio.devices import Direction, choose
from voiced.audio.portaudio import PortAudio
from voiced.config import NO_ENGINE, Settings
from voiced.errors import ConfigError, DeviceError, VoicedError
from voiced.inference import close
from voiced.workshop import Engines

State = Literal["ok", "warning", "broken"]

_CPUINFO: Final = Path("/proc/cpuinfo")

_INSTRUCTIONS: Final = {
    "AVX2": ("avx2",),
    "FMA": ("fma",),
    "AVX512": ("avx512f",),
    "NEON": ("asimd", "neon"),
    "DOTPROD": ("asimddp",),
}
"""What matters to a quantised model's speed: llama.cpp's name for it, and the kernel's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: whether it works, and what to do where it does not."""

    what: str
    state: State
    detail: str
    remedy: str = ""


def examine(load_settings: Callable[[], Settings]) -> list[Finding]:
    """Try everything that the configuration asks for. Takes some seconds: models are loaded."""
    findings = [Finding("python", "ok", f"{platform.python_version()} on {platform.machine()}")]
    try:
        settings = load_settings()
    except ConfigError as error:
        broken = [Finding("configuration", "broken", line) for line in str(error).splitlines()]
        return [*findings, *broken]
    findings.append(Finding("configuration", "ok", f"preset {settings.preset}"))
    findings.extend(_engines(settings))
    findings.extend(_sound(settings))
    findings.append(_compiled())
    findings.extend(_folders())
    findings.append(_priority())
    return findings


def _engines(settings: Settings) -> Iterator[Finding]:
    engines = Engines(settings)
    yield _loads(f"vad: {settings.vad.engine}", engines.vad)
    if settings.wake.enabled:
        yield _loads(f"wake: {settings.wake.engine}", engines.wake)
    if settings.audio.echo_cancellation:
        yield _loads("echo cancellation", engines.front_end)
    yield _loads(f"stt: {settings.stt.engine}", engines.stt)
    if settings.llm.engine == NO_ENGINE:
        detail = "switched off by the configuration: only skills answer"
        yield Finding("llm: none", "warning", detail, "set llm.engine")
    else:
        yield _loads(f"llm: {settings.llm.engine}", engines.llm)
    yield _loads(f"tts: {settings.tts.engine}", engines.tts)
    yield _loads(f"skills: {settings.language}", engines.skills)


def _loads(what: str, load: Callable[[], object]) -> Finding:
    begun_s = time.perf_counter()
    try:
        close(load())
    except VoicedError as error:
        detail, _, remedy = str(error).partition(": ")
        return Finding(what, "broken", detail, remedy)
    return Finding(what, "ok", f"loads in {time.perf_counter() - begun_s:.1f} s")


def _sound(settings: Settings) -> Iterator[Finding]:
    """No sound is a warning: questions can be typed, and files heard and spoken into."""
    try:
        portaudio = PortAudio()
    except DeviceError as error:
        detail, _, remedy = str(error).partition(": ")
        yield Finding("sound", "warning", detail, remedy)
        return
    for direction, wanted in (
        (Direction.INPUT, settings.audio.input),
        (Direction.OUTPUT, settings.audio.output),
    ):
        what = "microphone" if direction is Direction.INPUT else "speaker"
        try:
            device = choose(portaudio.devices(direction), wanted, direction)
        except DeviceError as error:
            yield Finding(what, "warning", str(error), _no_device_remedy())
        else:
            yield Finding(what, "ok", device.name)


def _no_device_remedy() -> str:
    return (
        "`voiced devices` lists what there is; in a container or over ssh there is often none, "
        "and a user outside the group `audio` sees none"
    )


def _compiled() -> Finding:
    """Whether llama.cpp uses what the processor has: without, it is several times slower."""
    try:
        import llama_cpp
    except (ImportError, OSError) as error:
        return Finding("llama.cpp", "broken", str(error), "compile it with `make setup`")
    compiled = llama_cpp.llama_print_system_info().decode()
    processor = set(_CPUINFO.read_text(encoding="utf-8", errors="replace").lower().split())
    missing = [
        flag
        for flag, names in _INSTRUCTIONS.items()
        if processor.intersection(names) and f"{flag} = 1" not in compiled
    ]
    if missing:
        detail = f"compiled without this processor's {', '.join(missing)}"
        return Finding("llama.cpp", "warning", detail, "compile it here, with `make setup`")
    used = [flag for flag in _INSTRUCTIONS if f"{flag} = 1" in compiled]
    return Finding("llama.cpp", "ok", f"compiled for this processor ({', '.join(used)})")


def _folders() -> Iterator[Finding]:
    for what, folder in (
        ("cache", platformdirs.user_cache_path("voiced")),
        ("models", platformdirs.user_data_path("voiced") / "models"),
    ):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if os.access(existing, os.W_OK | os.X_OK):
            yield Finding(what, "ok", str(folder))
        else:
            remedy = f"make {existing} writable for this user"
            yield Finding(what, "broken", f"{folder} cannot be written", remedy)


def _priority() -> Finding:
    """Whether the audio thread may run ahead of other programs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if soft > 0 or os.geteuid() == 0:
        return Finding("real-time priority", "ok", "allowed")
    return Finding(
        "real-time priority",
        "warning",
        "not allowed: sound may stutter on a busy machine",
        "a line `@audio - rtprio 20` in /etc/security/limits.d/audio.conf, and log in again",
    )
