"""An engine is one file: no adapter needs another one.

The layers between the other modules are import-linter's work (`pyproject.toml`); it has no rule that
lets the adapters of one kind share helpers, which are the files with a leading underscore.
"""

from __future__ import annotations

import grimp
import pytest

KINDS = ("llm", "stt", "tts", "vad", "wake")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("voiced", cache_dir=None)


@pytest.mark.parametrize("kind", KINDS)
def test_no_module_of_a_kind_imports_an_adapter_of_it(graph: grimp.ImportGraph, kind: str) -> None:
    modules = graph.find_children(f"voiced.engines.{kind}")
    adapters = {module for module in modules if not module.rpartition(".")[2].startswith("_")}
    assert adapters
    imported = {
        (module, target)
        for module in modules
        for target in graph.find_modules_directly_imported_by(module) & adapters
    }
    assert imported == set()
