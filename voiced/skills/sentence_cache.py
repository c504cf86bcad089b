"""The expected sentences, kept in a file: making them takes a second, reading them milliseconds."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from voiced.skills.names import HouseNames, common_names
from voiced.skills.sentences import expected_sentences

_LIBRARIES: Final = ("hassil", "home-assistant-intents", "unicode-rbnf")


def cached_sentences(
    language: str, cache_dir: Path, names: HouseNames | None = None
) -> Sequence[str]:
    """`expected_sentences(language, names)`, read from `cache_dir` where they have been made before.

    Made anew where the names, the templates, the code or a library have changed, or the file is damaged.
    A folder that cannot be written costs the second each time, and is no error. Raises `ConfigError` for
    a language that skills do not speak.
    """
    names = names or common_names(language)
    file = cache_dir / f"expected-sentences-{language}.txt"
    key = _key(language, names)
    try:
        head, _, body = file.read_text(encoding="utf-8").partition("\n")
        if body and head == f"{key} {_digest(body.encode())}":
            return body.split("\n")
    except (OSError, ValueError):
        pass
    sentences = expected_sentences(language, names)
    _write(file, key, "\n".join(sentences))
    return sentences


def _write(file: Path, key: str, body: str) -> None:
    content = f"{key} {_digest(body.encode())}\n{body}"
    fresh = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(content)
        Path(fresh).replace(file)
    except OSError:
        if fresh is not None:
            Path(fresh).unlink(missing_ok=True)


def _key(language: str, names: HouseNames) -> str:
    """Another one for everything that could give other sentences."""
    folder = Path(__file__).parent
    made_from = sorted([*folder.rglob("*.py"), *(folder / "data" / language).glob("*.toml")])
    identity = [language, repr(names), *(version(library) for library in _LIBRARIES)]
    sums = [_digest(file.read_bytes()) for file in made_from]
    return _digest("\n".join(identity + sums).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
