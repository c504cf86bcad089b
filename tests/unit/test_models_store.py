"""Finding models: bundled, in packages, pulled, and the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiced.errors import ModelError
from voiced.models import Catalog, Model, ModelFile, ModelStore, State, wheels
from voiced.models.pins import FilePin, Pin, read, write


def model(source: str, *paths: str, is_folder: bool = False) -> Model:
    return Model(
        kind="tts",
        description="",
        source=source,
        licence="MIT",
        languages=("en",),
        memory_mb=1,
        files=tuple(ModelFile(path, size=3) for path in paths),
        is_folder=is_folder,
    )


CATALOG = Catalog(
    {
        "ours": model("bundled:voices", "a.onnx", "a.onnx.json"),
        "folder": model("bundled:voices", "a.onnx", is_folder=True),
        "packaged": model("wheel:msgspec", "__init__.py"),
        "elsewhere": model("wheel:no_such_package/models", "x.bin"),
        "pulled": model("hf:some/where@main", "deep/down/x.onnx", "deep/down/x.onnx.json"),
    }
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    bundled = tmp_path / "bundled"
    (bundled / "voices").mkdir(parents=True)
    for name in ("a.onnx", "a.onnx.json"):
        (bundled / "voices" / name).write_bytes(b"abc")
    return ModelStore(CATALOG, tmp_path / "store", bundled)


def test_bundled_files_and_folders(store: ModelStore, tmp_path: Path) -> None:
    assert store.path("ours") == tmp_path / "bundled" / "voices" / "a.onnx"
    assert store.path("folder") == tmp_path / "bundled" / "voices"
    assert store.status("ours").state is State.BUNDLED


def test_a_part_of_voiced_that_is_missing(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "bundled" / "voices" / "a.onnx.json").unlink()
    with pytest.raises(
        ModelError, match="not complete: it is a part of voiced; install that again"
    ):
        store.path("ours")


def test_a_package_that_is_missing(store: ModelStore) -> None:
    assert store.status("elsewhere").state is State.MISSING
    with pytest.raises(ModelError, match="a part of the package no_such_package; install that"):
        store.path("elsewhere")


def test_a_model_that_was_not_pulled(store: ModelStore) -> None:
    assert store.status("pulled").state is State.MISSING
    with pytest.raises(
        ModelError,
        match=r"^the model pulled is not on this machine; run: voiced models pull pulled$",
    ):
        store.path("pulled")
    with pytest.raises(ModelError, match="is not on this machine"):
        store.verify("pulled")


def test_pulled_files_lie_side_by_side(store: ModelStore) -> None:
    folder = store.folder("pulled")
    folder.mkdir(parents=True)
    (folder / "x.onnx").write_bytes(b"abc")
    assert store.status("pulled").state is State.INCOMPLETE
    (folder / "x.onnx.json").write_bytes(b"abc")
    assert store.path("pulled") == folder / "x.onnx"
    (folder / "x.onnx").write_bytes(b"")
    assert store.status("pulled").state is State.CORRUPT


def test_the_users_own_paths(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "my.gguf"
    own.touch()
    assert store.path(str(own)) == own
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.path("~/my.gguf") == own
    monkeypatch.chdir(tmp_path)
    assert store.path("my.gguf") == own
    assert store.path("./my.gguf") == own
    for missing in (str(tmp_path / "no.gguf"), "~/no.gguf", "./no.gguf"):
        with pytest.raises(ModelError, match=r"^there is no model at .*no\.gguf$"):
            store.path(missing)


def test_unknown_names_say_what_was_meant(store: ModelStore) -> None:
    for ask in (store.path, store.status, store.verify, store.remove):
        with pytest.raises(ModelError, match=r"no model 'puled'; did you mean pulled\?"):
            ask("puled")


def test_statuses_are_the_catalogues(store: ModelStore) -> None:
    assert [status.name for status in store.statuses()] == list(CATALOG.models)
    assert [status.size for status in store.statuses()] == [6, 3, 3, 3, 6]


def test_removing(store: ModelStore) -> None:
    folder, partial = store.folder("pulled"), store.partial("pulled")
    for top in (folder, partial):
        top.mkdir(parents=True)
        (top / "x.onnx").write_bytes(b"abc")
    assert store.remove("pulled") == 6
    assert not folder.exists()
    assert not partial.exists()
    with pytest.raises(ModelError, match="pulled is not installed"):
        store.remove("pulled")
    for part in ("ours", "packaged"):
        with pytest.raises(ModelError, match="is a part of voiced and cannot be removed"):
            store.remove(part)


def test_package_folders_are_found_without_importing(tmp_path: Path) -> None:
    assert wheels.folder("no_such_package/models") is None
    inside = wheels.folder("msgspec/inside")
    assert inside is not None
    assert inside.parts[-2:] == ("msgspec", "inside")
    sums = wheels.recorded_sha256("msgspec")
    init = (inside.parent / "__init__.py").resolve()
    assert sums[init] == wheels.sha256(init)


def test_pins_come_back(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    assert read(path) == {}
    pins = {"x": Pin("hf:a/b@main", "1" * 40, {"f": FilePin(3, "0" * 64)})}
    write(path, pins)
    assert read(path) == pins
    assert [file.name for file in tmp_path.iterdir()] == ["pins.json"]


def test_damaged_pins_say_what_to_do(store: ModelStore) -> None:
    store.root.mkdir()
    (store.root / "pins.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(ModelError, match=r"pins\.json is damaged .*; delete it"):
        store.path("pulled")


def test_a_pin_of_another_source_does_not_hold(store: ModelStore) -> None:
    store.root.mkdir()
    pin = Pin("hf:some/where@main", "1" * 40, {"x.onnx": FilePin(3, "0" * 64)})
    write(store.root / "pins.json", {"pulled": pin})
    assert store.pin("pulled", CATALOG.models["pulled"]) == pin
    moved = model("hf:some/where@v2", "x.onnx")
    assert store.pin("pulled", moved) is None
