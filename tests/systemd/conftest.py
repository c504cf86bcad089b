"""One machine for all tests here; each puts units of its own into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systemd import debian_tree
from tests.systemd.machine import Machine


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A Debian whose systemd runs."""
    reason = debian_tree.missing()
    if reason is not None:
        pytest.skip(reason)
    try:
        tree = debian_tree.debian_tree()
    except debian_tree.NoTreeError as error:
        pytest.skip(str(error))
    with Machine(tree, tmp_path_factory.mktemp("machine")) as machine:
        yield machine
