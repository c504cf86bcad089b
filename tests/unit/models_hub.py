"""A hub on 127.0.0.1 for the tests of models: what huggingface_hub asks for, and its faults."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    range: str | None
    headers: dict[str, str]


@dataclass
class Offer:
    """A file of a repository. A large one is redirected to another address, as the hub does."""

    content: bytes
    is_large: bool = True
    claimed_size: int | None = None
    claimed_sum: str | None = None

    @property
    def sum(self) -> str:
        """The hub's ETag: SHA-256 of a large file, git's sum of a small one."""
        if self.claimed_sum is not None:
            return self.claimed_sum
        if self.is_large:
            return hashlib.sha256(self.content).hexdigest()
        blob = b"blob %d\0" % len(self.content) + self.content
        return hashlib.sha1(blob, usedforsecurity=False).hexdigest()


@dataclass
class FakeHub:
    """What is on it, what was asked of it, and what goes wrong.

    `cuts` are how many bytes the next answers send before their connections break; `status` answers
    every request with an error.
    """

    port: int = 0
    offers: dict[tuple[str, str, str], Offer] = field(default_factory=dict)
    branches: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    status: int | None = None
    ignores_ranges: bool = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def commit(self, repository: str, commit: str, files: dict[str, Offer]) -> None:
        """Add a commit; the branch "main" points to it."""
        for path, offer in files.items():
            self.offers[repository, commit, path] = offer
        self.branches[repository, "main"] = commit

    def downloads(self) -> list[Asked]:
        """The requests for content."""
        return [asked for asked in self.asked if asked.method == "GET"]


@contextmanager
def serving() -> Iterator[FakeHub]:
    """A hub that answers until the end of the block."""
    hub = FakeHub()

    class Handler(_Handler):
        fake = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        hub = self.fake
        headers = {key.lower(): value for key, value in self.headers.items()}
        hub.asked.append(Asked(self.command, self.path, headers.get("range"), headers))
        if hub.status is not None:
            self.send_error(hub.status)
            return
        path = unquote(self.path).removeprefix("/")
        if path.startswith("cdn/"):
            repository, _, rest = path.removeprefix("cdn/").partition("@")
            commit, _, file = rest.partition("/")
            self._send(hub.offers[repository, commit, file], {})
            return
        repository, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        known = {name for name, _, _ in hub.offers}
        commit = hub.branches.get((repository, revision), revision)
        offer = hub.offers.get((repository, commit, file))
        if offer is None:
            missing = "EntryNotFound" if repository in known else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", missing)
            self.send_header("X-Error-Message", "no such thing")
            self.end_headers()
            return
        extra = {"X-Repo-Commit": commit, "ETag": f'"{offer.sum}"'}
        if not offer.is_large:
            self._send(offer, extra)
            return
        self.send_response(302)
        for key, value in extra.items():
            self.send_header(key, value)
        self.send_header("X-Linked-Etag", f'"{offer.sum}"')
        self.send_header("X-Linked-Size", str(offer.claimed_size or len(offer.content)))
        # Another host, as the hub's is: huggingface_hub stops at it when it looks at a file.
        cdn = f"http://localhost:{hub.port}/cdn"
        self.send_header("Location", f"{cdn}/{repository}@{commit}/{file}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, offer: Offer, extra: dict[str, str]) -> None:
        content, wanted = offer.content, self.headers.get("Range")
        start = 0
        if wanted and not self.fake.ignores_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        else:
            self.send_response(200)
        for key, value in extra.items():
            self.send_header(key, value)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            cut = self.fake.cuts.pop(0) if self.fake.cuts else len(body)
            self.wfile.write(body[:cut])
