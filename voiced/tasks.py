"""Task groups whose failures read like those of a function call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unwrapped() -> Iterator[None]:
    """Around a task group: raise the first failure of a task instead of the group that holds it.

    The others are what the first one caused: a group's tasks fail together because one did.
    """
    try:
        yield
    except ExceptionGroup as group:
        first: Exception = group
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from group
