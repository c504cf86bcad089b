"""Every scene's story is compared with the one in `stories/`, a file a test.

UPDATE_STORIES=1 in the environment writes them anew: read the difference before you keep it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.scene import Scene

_STORIES = Path(__file__).with_name("stories")


@pytest.fixture(autouse=True)
def stories(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What happened in the scenes of this test, in order."""
    played: list[Scene] = []
    play = Scene.play

    def noted(scene: Scene, script: Any) -> Scene:
        played.append(play(scene, script))
        return scene

    monkeypatch.setattr(Scene, "play", noted)
    yield
    told = "\n\n".join("\n".join(scene.story) for scene in played) + "\n"
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_")
    file = _STORIES / f"{name}.txt"
    if os.environ.get("UPDATE_STORIES"):
        _STORIES.mkdir(exist_ok=True)
        file.write_text(told, encoding="utf-8")
    assert file.is_file(), f"{file.name} is missing: UPDATE_STORIES=1 writes it"
    assert told == file.read_text(encoding="utf-8")
