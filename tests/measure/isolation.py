"""What it costs to keep an engine in a process of its own.

    python -m tests.measure.isolation

Times are medians; those with the engine here and there are taken in turns. Memory is what only the engine's
process has (private pages, files that nobody else has mapped included) after one turn; for an engine that is
not isolated, what it adds to a process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, Literal, cast

from tests.contract.stt_contract import feed, load_spoken
from tests.support import fragile_engines
from voiced.core.conversation import Conversation
from voiced.core.prompt import EXAMPLES
from voiced.engines import registry
from voiced.engines.contracts import BuildContext
from voiced.isolation import isolated
from voiced.models import ModelStore
from voiced.skills.sentence_cache import cached_sentences
from voiced.types import SAMPLE_RATE_HZ, Message, Role

Kind = Literal["stt", "llm", "tts"]

_ENGINES: Final[tuple[tuple[Kind, str], ...]] = (
    ("stt", "pocketsphinx"),
    ("llm", "llama_cpp"),
    ("tts", "piper"),
    ("tts", "espeak"),
)
_STARTS: Final = 5
_CALLS: Final = 1_000
_TURNS: Final = 60
_NEVER: Final = threading.Event()
_PREFIX: Final = Conversation.begin("Reply with one short sentence.", EXAMPLES).prefix
_QUESTIONS: Final = ("what is the capital of france", "why is the sky blue", "who was mozart")


def private_mb(pid: int) -> float:
    """What would be free if that process ended."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def medians_ms(times: int, *works: Callable[[], object]) -> list[float]:
    """How long each takes, done in turns."""
    taken_ms: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for taken, work in zip(taken_ms, works, strict=True):
            began = perf_counter()
            work()
            taken.append((perf_counter() - began) * 1000)
    return [median(taken) for taken in taken_ms]


def turn(kind: Kind, engine: Any) -> tuple[str, Callable[[], object]]:
    """What a turn asks of an engine, as far as somebody waits for it."""
    if kind == "llm":
        engine.begin(_PREFIX, _NEVER)
        questions = cycle(_QUESTIONS)

        def first_token() -> None:
            engine.extend([*_PREFIX, Message(Role.USER, next(questions))], _NEVER)
            next(engine.generate(max_tokens=30))

        return "first token", first_token
    if kind == "tts":
        return "first sound", lambda: next(engine.synthesize("It is a quarter past seven."))
    sound = load_spoken("what time is it", "slt").samples

    def transcript() -> None:
        session = engine.open()
        feed(session, sound)
        session.transcript()
        session.close()

    return f"transcript of {len(sound) / SAMPLE_RATE_HZ:.1f} s", transcript


def added_mb(kind: Kind, name: str, context: BuildContext) -> float:
    """What an engine adds to this process, which has none yet."""
    context.sentences()
    before = private_mb(os.getpid())
    engine = registry.build(kind, name, None, context)
    turn(kind, engine)[1]()
    return private_mb(os.getpid()) - before


def print_engine(kind: Kind, name: str, context: BuildContext) -> None:
    """A line for the engine here and there."""

    def build_here() -> Any:
        return registry.build(kind, name, None, context)

    def build_there() -> Any:
        return isolated(kind, name, None, context)

    # Caches are filled, libraries are imported.
    build_here().close()
    starts = medians_ms(_STARTS, lambda: build_here().close(), lambda: build_there().close())
    here, there = build_here(), build_there()
    (what, turn_here), (_, turn_there) = turn(kind, here), turn(kind, there)
    turns = medians_ms(_TURNS, turn_here, turn_there)
    command = [sys.executable, "-m", __spec__.name, kind, name, str(context.cache_dir)]
    memory_here = float(subprocess.run(command, capture_output=True, check=True).stdout)
    print(
        f"{kind} {name:13} start and close {starts[0]:4.0f} -> {starts[1]:4.0f} ms, "
        f"{memory_here:5.1f} -> {private_mb(there.pid):5.1f} MB, "
        f"{what} {turns[0]:6.2f} -> {turns[1]:6.2f} ms"
    )
    here.close()
    there.close()


def print_calls() -> None:
    """What a call takes that does nothing."""
    context = BuildContext(fragile_engines.Models(), Path())
    model = isolated("llm", "fine", None, context, build=fragile_engines.BUILD)
    said = [Message(Role.USER, "fine")]
    calls = medians_ms(_CALLS, lambda: model.count_tokens(said), lambda: model.extend(said, _NEVER))
    pieces = model.generate(max_tokens=_CALLS)
    item = medians_ms(_CALLS, lambda: next(pieces))
    model.close()
    print(
        f"a call {calls[0]:.3f} ms, one that can be cancelled {calls[1]:.3f} ms, an item {item[0]:.3f} ms"
    )


def main() -> None:
    if len(sys.argv) == 1:
        folder = TemporaryDirectory(prefix="voiced-isolation-")
    kind, name, cache_dir = sys.argv[1:] or ("", "", folder.name)
    context = BuildContext(
        ModelStore(), Path(cache_dir), sentences=lambda: cached_sentences("en", Path(cache_dir))
    )
    if kind:
        print(added_mb(cast("Kind", kind), name, context))
        return
    with folder:
        print_calls()
        for each in _ENGINES:
            print_engine(*each, context)


if __name__ == "__main__":
    main()
