"""`voiced config`: show what holds and why, write a file to start from, check one."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voiced.cli.common import add_command
from voiced.errors import OutputError

if TYPE_CHECKING:
    from voiced.config import Configuration

_EPILOG = """\
examples:
  voiced config show                       every key, its value, and where that comes from
  voiced --set stt.engine=faster_whisper config show
  voiced config show --json | jq '.[] | select(.origin != "default")'
  voiced config init                       a commented file to start from
  voiced config check ./voiced.toml        exit status 78 where something is wrong
  voiced config path                       where the file is looked for

Each source overrules those before it: the built-in defaults, the preset, the file,
environment variables (VOICED_STT_ENGINE sets stt.engine), --set KEY=VALUE.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "config", "show, write and check the configuration", _EPILOG)
    actions = parser.add_subparsers(dest="config_action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="every key with its value, meaning and origin")
    show.add_argument("--json", action="store_true", help="a list of objects")
    init = actions.add_parser("init", help="write a commented file with all defaults")
    init.add_argument("--force", action="store_true", help="replace a file that is there")
    check = actions.add_parser("check", help="say what is wrong with the configuration")
    check.add_argument(
        "file", type=Path, nargs="?", help="check this file alone (default: all sources together)"
    )
    actions.add_parser("path", help="print where the file is looked for")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out `voiced config ACTION`."""
    match args.config_action:
        case "show":
            return _show(_load(args.config, args.overrides), as_json=args.json)
        case "init":
            return _init(args.config, force=args.force)
        case "check":
            return _check(args.file, args)
        case _:
            print(_path(args.config))
            return 0


def _load(
    path: Path | None, overrides: Iterable[str] = (), environ: dict[str, str] | None = None
) -> Configuration:
    from voiced.config import load
    from voiced.engines import registry
    from voiced.models import Catalog

    return load(
        path,
        engines=registry,
        presets=Catalog.load().preset_settings(),
        overrides=list(overrides),
        environ=environ,
        every_engine=True,
    )


def _path(path: Path | None) -> Path:
    from voiced.config import config_path

    return config_path(path, os.environ)


def _show(configuration: Configuration, *, as_json: bool) -> int:
    from voiced.config.describe import to_plain, to_text

    if as_json:
        import json

        print(json.dumps(to_plain(configuration), indent=2, ensure_ascii=False))
        return 0
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in to_text(configuration):
        print(_coloured(line) if is_coloured else line)
    return 0


def _coloured(line: str) -> str:
    """Tables and what is not a default bright, comments dim."""
    dim, bold, plain = "\x1b[2m", "\x1b[1m", "\x1b[0m"
    if line.startswith("["):
        return f"{bold}{line}{plain}"
    if line.startswith("#"):
        return f"{dim}{line}{plain}"
    setting, mark, origin = line.rpartition("  # ")
    weight = "" if origin == "default" else bold
    return f"{weight}{setting}{plain}{dim}{mark}{origin}{plain}" if mark else line


def _check(file: Path | None, args: argparse.Namespace) -> int:
    if file is not None:
        _load(file, environ={})
        print(f"{file}: ok")
        return 0
    configuration = _load(args.config, args.overrides)
    print(f"{configuration.path}: ok" if configuration.path else "no configuration file; ok")
    return 0


def _init(path: Path | None, *, force: bool) -> int:
    from voiced.config import load
    from voiced.config.describe import to_template
    from voiced.engines import registry

    # An empty file stands for none: the template shows defaults, whatever is configured.
    configuration = load(
        Path(os.devnull), engines=registry, presets={}, environ={}, every_engine=True
    )
    target = Path(os.path.realpath(_path(path)))
    _write(target, "\n".join(to_template(configuration)) + "\n", force=force)
    print(f"wrote {target}")
    return 0


def _write(target: Path, text: str, *, force: bool) -> None:
    """Write the whole file or nothing; without `force` only where none is."""
    is_reserved = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not force:
            _reserve(target)
            is_reserved = True
        _replace(target, text)
    except OSError as error:
        if is_reserved:
            with suppress(OSError):
                target.unlink()
        raise OutputError(f"{target}: cannot be written: {error.strerror}") from error


def _reserve(target: Path) -> None:
    """Create the file empty: one that is there, or comes at the same moment, is never lost."""
    try:
        target.open("x").close()
    except FileExistsError:
        raise OutputError(f"{target}: is there already; --force replaces it") from None


def _replace(target: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
