"""Keys and values that were evaluated once, kept in files: a prompt's cache that survives a restart.

A file is a checksum and the state as llama.cpp gives it. llama.cpp trusts what it is given, so nothing
reaches it that is not, byte for byte, what was written here under the same key. That finds damage, not
an attacker: whoever can write to the user's own cache can also make a checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_NAME: Final = "llama-prefix"
_KEPT_FILES: Final = 3
"""Models and prompts that one may go back and forth between; 3.3 MB each with smollm2-135m."""

_CHECKSUM_BYTES: Final = 32
_SAMPLED_BYTES: Final = 65_536


class PrefixStore:
    """The files of one folder. Whatever goes wrong with them is a debug message, and a miss."""

    def __init__(self, folder: Path, model: Path, circumstances: str) -> None:
        """`circumstances` are all that a state depends on besides the file `model` and the tokens."""
        self._folder = folder
        self._model = model
        self._circumstances = circumstances

    def load(self, tokens: Sequence[int]) -> bytes | None:
        """The state that was saved for `tokens`, None where there is none that is whole."""
        try:
            key = self._key(tokens)
            path = self._path(key)
            with path.open("rb") as file:
                checksum, state = file.read(_CHECKSUM_BYTES), file.read()
            if checksum != _checksum(key, state):
                _log.debug("%s is damaged; the prompt is evaluated anew", path)
                return None
            with contextlib.suppress(OSError):
                os.utime(path)  # The files that were used longest ago go first.
        except OSError as error:
            _log.debug("no prompt is kept: %s", error)
            return None
        return state

    def save(self, tokens: Sequence[int], state: bytes) -> None:
        """Keep `state` for `tokens`: the whole file appears in one step, readable by its owner only."""
        try:
            key = self._key(tokens)
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f"{_NAME}-", suffix=".part", dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_checksum(key, state))
                    file.write(state)
                Path(name).replace(self._path(key))
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._remove_old()
        except OSError as error:
            _log.debug("the prompt is not kept: %s", error)

    def _remove_old(self) -> None:
        # Half-written files of a process that was killed are among them, and go as all do.
        files = sorted(self._folder.glob(f"{_NAME}-*"), key=lambda file: -file.stat().st_mtime_ns)
        for file in files[_KEPT_FILES:]:
            file.unlink(missing_ok=True)

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{_NAME}-{key.hex()[:32]}.state"

    def _key(self, tokens: Sequence[int]) -> bytes:
        # A model of gigabytes is told by its size, its time, and its ends.
        digest = hashlib.blake2b(digest_size=_CHECKSUM_BYTES)
        with self._model.open("rb") as file:
            status = os.fstat(file.fileno())
            digest.update(f"{status.st_size} {status.st_mtime_ns} {self._circumstances}\n".encode())
            digest.update(file.read(_SAMPLED_BYTES))
            file.seek(max(0, status.st_size - _SAMPLED_BYTES))
            digest.update(file.read(_SAMPLED_BYTES))
        digest.update(" ".join(map(str, tokens)).encode())
        return digest.digest()


def _checksum(key: bytes, state: bytes) -> bytes:
    digest = hashlib.blake2b(key, digest_size=_CHECKSUM_BYTES)
    digest.update(state)
    return digest.digest()
