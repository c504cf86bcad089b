"""The Hugging Face hub, by way of huggingface_hub: look at a file, and fetch it, resumed.

huggingface_hub gives the addresses, the session (proxies, certificates) and its errors. The loop
that writes is ours: `hf_hub_download` of 2.4 throws an interrupted download away. No account is
used, and nothing is reported to the hub.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from msgspec import Struct

from voiced.errors import ModelError, NetworkError, OutputError

_TIMEOUT_S: Final = 20.0
_PATIENCE: Final = 5
"""Attempts in a row that bring nothing before a download is given up, 12 s by default."""


class Remote(Struct, frozen=True):
    """A file on the hub, at a commit. `sha256` or `git_sha1` is its sum, if the hub says so."""

    url: str
    commit: str
    size: int | None
    sha256: str | None
    git_sha1: str | None

    @property
    def key(self) -> str:
        """Tells contents apart: a partial download continues only what it began."""
        return (self.sha256 or self.git_sha1 or self.commit)[:16]


class Hub:
    """One hub: of `endpoint` ("https://..."), the environment's HF_ENDPOINT, or the public one."""

    def __init__(self, endpoint: str | None = None, retry_delay_s: float = 2.0) -> None:
        self._endpoint = endpoint
        self._retry_delay_s = retry_delay_s

    def look(self, repository: str, revision: str, path: str) -> Remote:
        """What there is to fetch. Raises `ModelError` where nothing is, and `NetworkError`."""
        library = _library()
        url = library.hf_hub_url(repository, path, revision=revision, endpoint=self._endpoint)
        with _translated(f"{repository}/{path}"):
            found = library.get_hf_file_metadata(url, token=False, endpoint=self._endpoint)
        commit, etag = found.commit_hash or "", found.etag or ""
        if not commit:
            raise NetworkError(f"what answers for the hub at {url} is not one; check HF_ENDPOINT")
        return Remote(
            url=library.hf_hub_url(repository, path, revision=commit, endpoint=self._endpoint),
            commit=commit,
            size=found.size,
            # Of a large file the hub's ETag is its SHA-256, of a small one git's own sum.
            sha256=etag if re.fullmatch("[0-9a-f]{64}", etag) else None,
            git_sha1=etag if re.fullmatch("[0-9a-f]{40}", etag) else None,
        )

    def fetch(self, remote: Remote, part: Path, progress: Callable[[int], None]) -> None:
        """Download `remote` to `part`, behind what is there already.

        `progress` is told how many bytes are here. Raises `NetworkError`, and `OutputError` where
        they cannot be written; what was written stays.
        """
        attempts = 0
        while True:
            before = _size(part)
            if remote.size is not None and before > remote.size:
                part.unlink()
                before = 0
            if before == remote.size:
                progress(before)
                return
            error = NetworkError(f"{remote.url} ends before its end; try again later")
            try:
                with _translated(remote.url):
                    self._stream(remote, part, before, progress)
                if remote.size in (None, _size(part)):
                    return
            except NetworkError as failure:
                error = failure
            attempts = 1 if _size(part) > before else attempts + 1
            if attempts >= _PATIENCE:
                raise error
            time.sleep(self._retry_delay_s * (attempts - 1))

    def _stream(
        self, remote: Remote, part: Path, here: int, progress: Callable[[int], None]
    ) -> None:
        library = _library()
        headers = {"Accept-Encoding": "identity"}
        if here:
            headers["Range"] = f"bytes={here}-"
        with library.get_session().stream(
            "GET", remote.url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True
        ) as response:
            library.utils.hf_raise_for_status(response)
            # A server that ignores the range sends all of it from the start.
            continues = response.status_code == 206
            done = here if continues else 0
            progress(done)
            try:
                with part.open("ab" if continues else "wb") as file:
                    # As they come: chunks of a fixed size would lose the last one to a broken line.
                    for chunk in response.iter_bytes():
                        file.write(chunk)
                        done += len(chunk)
                        progress(done)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise OutputError(
                    f"{part} cannot be written: {error.strerror}; make room and pull again"
                ) from error


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """The library's errors as voiced's. Their order matters: they inherit from each other."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(f"the hub wants an account for {what}; fetch it by hand") from error
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.EntryNotFoundError,
    ) as error:
        raise ModelError(f"the hub has no {what}") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        raise NetworkError(
            f"the hub answered {status} for {what}; try again later, what is here is kept"
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise NetworkError("HF_HUB_OFFLINE forbids going online; unset it to pull") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise NetworkError(
            f"the hub cannot be reached for {what} ({reason}); try again, what is here is kept"
        ) from error


def _library() -> ModuleType:
    """huggingface_hub, told to keep to itself."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import huggingface_hub
    import huggingface_hub.utils
    from huggingface_hub import constants

    # It reads the variable when it is first imported, which may have been before.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    return huggingface_hub


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
