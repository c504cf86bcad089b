"""`voiced models`: list, pull, verify and remove models."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voiced.errors import ModelError, UsageError

if TYPE_CHECKING:
    from voiced.models import ModelStore, Status
    from voiced.models.pull import Progress

_EPILOG = """\
examples:
  voiced models list                      every known model, and what is here of it
  voiced models list --kind tts           voices only
  voiced models pull whisper-base.en      fetch one; interrupted, the same command goes on
  voiced models pull --preset desktop     fetch what a preset needs
  voiced models verify                    read all pulled models and compare their checksums
  voiced models rm whisper-base.en

pull is the only command that goes online, to the Hugging Face hub (HF_ENDPOINT names another).
Every file is checked against the catalogue's checksum. Where it has none, the first pull is
trusted, and pinned.
exit status: 0, or 69 where a model is missing or damaged, 74 where it cannot be written, 75
where the network fails.
"""

_KINDS = ("stt", "llm", "tts", "wake", "vad")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = subparsers.add_parser(
        "models",
        help="list, pull, verify and remove models",
        description="List, pull, verify and remove models.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="models_action", metavar="ACTION", required=True)
    show = actions.add_parser("list", help="every known model, and the presets")
    show.add_argument("--kind", choices=_KINDS, help="only models of this kind")
    show.add_argument("--here", action="store_true", help="only models that can be used now")
    show.add_argument("--json", action="store_true", help="a list of objects")
    pull = actions.add_parser("pull", help="fetch models from the hub")
    pull.add_argument("names", nargs="*", metavar="NAME", help="a name that the list shows")
    pull.add_argument("--preset", metavar="PRESET", help="every model that a preset names")
    pull.add_argument(
        "--repin",
        action="store_true",
        help="forget what was pulled before, trust what is there now",
    )
    verify = actions.add_parser("verify", help="compare checksums of what is here")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: every pulled model")
    remove = actions.add_parser("rm", help="remove pulled models")
    remove.add_argument("names", nargs="+", metavar="NAME", help="a name that the list shows")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out `voiced models ACTION`."""
    from voiced.models import ModelStore

    store = ModelStore()
    match args.models_action:
        case "list":
            return _list(store, kind=args.kind, only_here=args.here, as_json=args.json)
        case "pull":
            return _pull(store, _names_to_pull(store, args), repin=args.repin)
        case "verify":
            return _verify(store, args.names)
        case _:
            for name in args.names:
                freed = store.remove(name)
                print(f"{name}: removed, {_bytes(freed)} freed")
            return 0


def _list(store: ModelStore, *, kind: str | None, only_here: bool, as_json: bool) -> int:
    shown = [
        status
        for status in store.statuses()
        if kind in (None, status.model.kind) and (status.state.is_usable or not only_here)
    ]
    if as_json:
        import json

        print(json.dumps([_plain(status) for status in shown], indent=2, ensure_ascii=False))
        return 0
    rows = [("NAME", "KIND", "STATE", "SIZE", "MEMORY", "LANGUAGES", "LICENCE")]
    for status in shown:
        model = status.model
        rows.append(
            (
                status.name,
                model.kind,
                str(status.state),
                _bytes(status.size),
                f"{model.memory_mb} MB",
                _languages(model.languages),
                model.licence,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    print()
    for name, preset in store.catalog.presets.items():
        print(f"preset {name}: {preset.description}")
        print(f"  {', '.join(store.catalog.models_of(name))}")
    return 0


def _plain(status: Status) -> dict[str, object]:
    model = status.model
    return {
        "name": status.name,
        "kind": model.kind,
        "state": str(status.state),
        "path": str(status.path) if status.path else None,
        "size": status.size,
        "memory_mb": model.memory_mb,
        "languages": list(model.languages),
        "licence": model.licence,
        "source": model.source,
        "description": model.description,
        "supports_tools": model.supports_tools,
    }


def _names_to_pull(store: ModelStore, args: argparse.Namespace) -> list[str]:
    names = list(args.names)
    if args.preset is not None:
        names += store.catalog.models_of(args.preset)
    if not names:
        raise UsageError("name the models to pull, or a preset (--preset); see voiced models list")
    for name in names:
        store.catalog.model(name)
    return list(dict.fromkeys(names))


def _pull(store: ModelStore, names: list[str], *, repin: bool) -> int:
    from voiced.models.hub import Hub
    from voiced.models.pull import pull

    hub = Hub(os.environ.get("HF_ENDPOINT"))
    for name in names:
        with _progress(name) as progress:
            pulled = pull(store, name, hub, progress, repin=repin)
        if pulled.was_here:
            print(f"{name}: is here already, {pulled.path}")
            continue
        print(f"{name}: pulled and checked, {pulled.path}")
        if pulled.pinned:
            files = ", ".join(pulled.pinned)
            print(f"{name}: no checksum was known of {files}: trusted now, and pinned")
    return 0


def _verify(store: ModelStore, names: list[str]) -> int:
    if not names:
        names = [
            s.name
            for s in store.statuses()
            if s.model.origin == "hf" and s.state != "not installed"
        ]
    if not names:
        print("no model has been pulled")
    status = 0
    for name in names:
        problems = store.verify(name)
        for problem in problems:
            print(problem)
        if problems:
            status = ModelError.exit_status
        else:
            print(f"{name}: ok")
    return status


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere, such as in a log, a line every tenth of a file."""
    if not sys.stderr.isatty():
        yield _Lines(name).update
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def update(file: str, done: int, size: int | None) -> None:
            if file not in tasks:
                # What an earlier pull left here must not count as this one's speed.
                tasks[file] = bars.add_task(f"{name} {file}", total=size, completed=done)
            bars.update(tasks[file], completed=done)

        yield update


class _Lines:
    """Progress without a terminal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said: dict[str, int] = {}

    def update(self, file: str, done: int, size: int | None) -> None:
        tenths = 10 * done // size if size else 0
        if self._said.get(file) != tenths:
            self._said[file] = tenths
            print(f"{self._name} {file}: {_bytes(done)} of {_bytes(size)}", file=sys.stderr)


def _bytes(size: int | None) -> str:
    if size is None:
        return "?"
    if size < 1_000_000:
        return f"{size / 1e3:.1f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.2f} GB"


def _languages(languages: tuple[str, ...]) -> str:
    if languages == ("*",):
        return "many"
    return " ".join(languages[:4]) + (" ..." if len(languages) > 4 else "")
