"""Pulling models from a hub: resumed, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.models_hub import FakeHub, Offer, serving
from voiced.errors import ModelError, NetworkError, OutputError
from voiced.models import Catalog, Model, ModelFile, ModelStore, State
from voiced.models.hub import Hub
from voiced.models.pull import Pulled, pull

REPOSITORY = "somebody/whisper"
FIRST = "1" * 40
SECOND = "2" * 40

WEIGHTS = random.Random(0).randbytes(200_000)
VOICE = random.Random(1).randbytes(5000)
CONFIG = b'{"sample_rate": 16000}'


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model(*files: ModelFile, revision: str = FIRST, is_folder: bool = True) -> Model:
    return Model(
        kind="stt",
        description="",
        source=f"hf:{REPOSITORY}@{revision}",
        licence="MIT",
        languages=("en",),
        memory_mb=1,
        files=files,
        is_folder=is_folder,
    )


CATALOG = Catalog(
    {
        "known": model(
            ModelFile("config.json", len(CONFIG), sha256(CONFIG)),
            ModelFile("model.bin", len(WEIGHTS), sha256(WEIGHTS)),
        ),
        "trusted": model(ModelFile("config.json"), ModelFile("model.bin"), revision="main"),
        "voice": model(ModelFile("en/voice.onnx"), ModelFile("en/voice.json"), is_folder=False),
        "other": model(ModelFile("model.bin", 3, sha256(b"abc"))),
        "nowhere": model(ModelFile("missing.bin")),
    }
)


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    with serving() as fake:
        fake.commit(
            REPOSITORY,
            FIRST,
            {
                "config.json": Offer(CONFIG, is_large=False),
                "model.bin": Offer(WEIGHTS),
                "en/voice.onnx": Offer(VOICE),
                "en/voice.json": Offer(CONFIG, is_large=False),
            },
        )
        yield fake


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(CATALOG, tmp_path / "store", tmp_path / "bundled")


def fetch(store: ModelStore, fake: FakeHub, name: str = "known", **options: bool) -> Pulled:
    hub = Hub(fake.endpoint, retry_delay_s=0)
    return pull(store, name, hub, lambda *_: None, **options)


def test_a_model_is_pulled_whole(store: ModelStore, fake: FakeHub) -> None:
    assert store.status("known").state is State.MISSING
    pulled = fetch(store, fake)
    assert (pulled.was_here, pulled.pinned) == (False, ())
    assert store.path("known") == pulled.path == store.root / "known"
    assert (pulled.path / "model.bin").read_bytes() == WEIGHTS
    assert (pulled.path / "config.json").read_bytes() == CONFIG
    assert sorted(path.name for path in pulled.path.iterdir()) == ["config.json", "model.bin"]
    assert store.status("known").state is State.INSTALLED
    assert store.verify("known") == []
    assert list((store.root / ".partial").iterdir()) == []


def test_only_the_files_are_asked_for(store: ModelStore, fake: FakeHub) -> None:
    fetch(store, fake)
    assert {asked.path.split("/")[1] for asked in fake.asked} <= {"somebody", "cdn"}
    for asked in fake.asked:
        assert "authorization" not in asked.headers
        assert "agent/" not in asked.headers["user-agent"]


def test_the_first_file_is_the_model(store: ModelStore, fake: FakeHub) -> None:
    path = fetch(store, fake, "voice").path
    assert path == store.root / "voice" / "voice.onnx"
    assert path.read_bytes() == VOICE
    assert path.with_name("voice.json").read_bytes() == CONFIG


def test_what_is_here_is_not_pulled_again(store: ModelStore, fake: FakeHub) -> None:
    fetch(store, fake)
    fake.asked.clear()
    assert fetch(store, fake).was_here
    assert fake.asked == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, len(WEIGHTS)), max_size=4))
def test_broken_connections_are_resumed(
    fake: FakeHub, tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    store = ModelStore(CATALOG, tmp_path_factory.mktemp("store"), Path("none"))
    fake.cuts = list(cuts)
    fake.asked.clear()
    assert (fetch(store, fake).path / "model.bin").read_bytes() == WEIGHTS
    for asked in fake.downloads():
        # What has arrived once is not asked for again.
        if asked.range is not None:
            assert int(asked.range.removeprefix("bytes=").removesuffix("-")) > 0


def test_a_resumed_download_asks_for_the_rest(store: ModelStore, fake: FakeHub) -> None:
    fake.cuts = [len(CONFIG), 70_000, 50_000]
    fetch(store, fake)
    ranges = [asked.range for asked in fake.downloads() if asked.path.startswith("/cdn/")]
    assert ranges == [None, "bytes=70000-", "bytes=120000-"]


def test_an_interrupted_pull_goes_on_where_it_was(store: ModelStore, fake: FakeHub) -> None:
    def interrupt(file: str, done: int, size: int | None) -> None:
        if file == "model.bin" and done > 0:
            raise KeyboardInterrupt

    fake.cuts = [len(CONFIG), 70_000]
    with pytest.raises(KeyboardInterrupt):
        pull(store, "known", Hub(fake.endpoint), interrupt)
    [part] = store.partial("known").glob("model.bin.*.part")
    here = part.stat().st_size
    assert 0 < here <= 70_000
    assert store.status("known").state is State.INCOMPLETE
    with pytest.raises(ModelError, match=r"is not complete; run: voiced models pull known$"):
        store.path("known")
    fake.asked.clear()
    fake.cuts = []
    seen: list[tuple[str, int]] = []
    hub = Hub(fake.endpoint)
    pull(store, "known", hub, lambda file, done, _size: seen.append((file, done)))
    assert (store.path("known") / "model.bin").read_bytes() == WEIGHTS
    assert [asked.range for asked in fake.downloads() if "cdn" in asked.path] == [f"bytes={here}-"]
    assert [done for file, done in seen if file == "model.bin"] == sorted(
        done for file, done in seen if file == "model.bin"
    )
    assert seen[-1] == ("model.bin", len(WEIGHTS))
    # The small file had arrived, and was checked again instead of fetched again.
    assert not any("config.json" in asked.path for asked in fake.downloads())


def test_a_server_without_ranges_starts_again(store: ModelStore, fake: FakeHub) -> None:
    fake.ignores_ranges = True
    fake.cuts = [len(CONFIG), 70_000]
    assert (fetch(store, fake).path / "model.bin").read_bytes() == WEIGHTS


def test_a_connection_that_always_breaks(store: ModelStore, fake: FakeHub) -> None:
    fake.cuts = [len(CONFIG), 1000] + [0] * 100
    with pytest.raises(NetworkError, match="try again, what is here is kept"):
        fetch(store, fake)
    fake.cuts = []
    fake.asked.clear()
    fetch(store, fake)
    assert "bytes=1000-" in [asked.range for asked in fake.downloads()]


@pytest.mark.parametrize("path", ["config.json", "model.bin"])
def test_damage_on_the_way_is_found(tmp_path: Path, fake: FakeHub, path: str) -> None:
    # Nothing is known of these files but what the hub itself says of them.
    catalog = Catalog({"trusted": CATALOG.models["trusted"]})
    store = ModelStore(catalog, tmp_path, tmp_path)
    offer = fake.offers[REPOSITORY, FIRST, path]
    right, whole = offer.content, offer.sum
    offer.claimed_sum = whole
    offer.content = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(NetworkError, match=f"{path} arrived damaged"):
        fetch(store, fake, "trusted")
    assert not store.status("trusted").state.is_usable
    offer.content = right
    fetch(store, fake, "trusted")
    assert store.verify("trusted") == []


def test_another_file_than_the_catalogues_is_refused_unseen(
    store: ModelStore, fake: FakeHub
) -> None:
    with pytest.raises(ModelError, match=r"another model\.bin than voiced's catalogue knows"):
        fetch(store, fake, "other")
    fake.offers[REPOSITORY, FIRST, "model.bin"] = Offer(b"xyz")
    with pytest.raises(ModelError, match=r"another model\.bin than voiced's catalogue knows"):
        fetch(store, fake, "other")
    assert fake.downloads() == []


def test_the_first_pull_pins(store: ModelStore, fake: FakeHub) -> None:
    assert fetch(store, fake, "trusted").pinned == ("config.json", "model.bin")
    store.remove("trusted")
    assert store.status("trusted").state is State.MISSING
    # The branch moves on; what was pulled once is what is pulled again.
    fake.commit(
        REPOSITORY,
        SECOND,
        {"config.json": Offer(b"{}", is_large=False), "model.bin": Offer(b"new")},
    )
    again = fetch(store, fake, "trusted")
    assert again.pinned == ()
    assert (again.path / "model.bin").read_bytes() == WEIGHTS


def test_a_pinned_file_that_changed_is_refused(store: ModelStore, fake: FakeHub) -> None:
    fetch(store, fake, "trusted")
    store.remove("trusted")
    fake.commit(
        REPOSITORY,
        FIRST,
        {"config.json": Offer(CONFIG, is_large=False), "model.bin": Offer(b"changed")},
    )
    with pytest.raises(ModelError, match=r"voiced models pull --repin trusted$"):
        fetch(store, fake, "trusted")
    pulled = fetch(store, fake, "trusted", repin=True)
    assert pulled.pinned == ("config.json", "model.bin")
    assert (pulled.path / "model.bin").read_bytes() == b"changed"
    assert store.verify("trusted") == []


def test_repin_replaces_what_is_installed(store: ModelStore, fake: FakeHub) -> None:
    fetch(store, fake, "trusted")
    fake.commit(
        REPOSITORY,
        SECOND,
        {"config.json": Offer(b"{}", is_large=False), "model.bin": Offer(b"new")},
    )
    assert fetch(store, fake, "trusted").was_here
    assert (fetch(store, fake, "trusted", repin=True).path / "model.bin").read_bytes() == b"new"


def test_a_damaged_model_is_mended(store: ModelStore, fake: FakeHub) -> None:
    weights = fetch(store, fake).path / "model.bin"
    weights.write_bytes(WEIGHTS[:1000])
    assert store.status("known").state is State.CORRUPT
    with pytest.raises(ModelError, match=r"is damaged; run: voiced models pull known$"):
        store.path("known")
    fake.asked.clear()
    assert not fetch(store, fake).was_here
    assert weights.read_bytes() == WEIGHTS
    # The file that was right is not fetched again.
    assert not any("config.json" in asked.path for asked in fake.downloads())


def test_damage_that_keeps_the_size_is_found_by_verify(store: ModelStore, fake: FakeHub) -> None:
    weights = fetch(store, fake).path / "model.bin"
    weights.write_bytes(b"\0" + WEIGHTS[1:])
    assert store.status("known").state is State.INSTALLED
    assert store.verify("known") == [
        "known: model.bin is not what it should be (its sha256 differs)"
    ]
    assert not fetch(store, fake).was_here
    assert store.verify("known") == []


def test_a_missing_file_is_mended(store: ModelStore, fake: FakeHub) -> None:
    (fetch(store, fake).path / "config.json").unlink()
    assert store.status("known").state is State.INCOMPLETE
    assert store.verify("known") == [
        "known: config.json cannot be read (No such file or directory)"
    ]
    fetch(store, fake)
    assert store.verify("known") == []


def test_no_network(store: ModelStore) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    hub = Hub(f"http://127.0.0.1:{port}", retry_delay_s=0)
    with pytest.raises(NetworkError, match="the hub cannot be reached") as caught:
        pull(store, "known", hub, lambda *_: None)
    assert "\n" not in str(caught.value)


def test_the_hub_is_ill(store: ModelStore, fake: FakeHub) -> None:
    fake.status = 503
    with pytest.raises(NetworkError, match="the hub answered 503"):
        fetch(store, fake)
    assert store.status("known").state is State.MISSING


def test_a_file_that_is_not_there(store: ModelStore, fake: FakeHub) -> None:
    with pytest.raises(ModelError, match=f"the hub has no {REPOSITORY}/missing.bin"):
        fetch(store, fake, "nowhere")


def test_a_repository_that_is_not_there(store: ModelStore, fake: FakeHub) -> None:
    fake.offers.clear()
    with pytest.raises(ModelError, match=f"the hub has no {REPOSITORY}/config.json"):
        fetch(store, fake)


def test_something_else_answers(store: ModelStore, fake: FakeHub) -> None:
    fake.commit(REPOSITORY, "", {"config.json": Offer(b"hello", is_large=False)})
    fake.branches[REPOSITORY, FIRST] = ""
    with pytest.raises(NetworkError, match="check HF_ENDPOINT"):
        fetch(store, fake)


def test_no_room(store: ModelStore, fake: FakeHub) -> None:
    fake.offers[REPOSITORY, FIRST, "en/voice.onnx"].claimed_size = 10**15
    with pytest.raises(OutputError, match="has no room for voice: 1000000034 MB are needed"):
        fetch(store, fake, "voice")
    assert fake.downloads() == []


def test_a_disk_that_fills_up(store: ModelStore, fake: FakeHub) -> None:
    # /dev/full takes no byte: "No space left on device".
    part = store.partial("known") / f"model.bin.{sha256(WEIGHTS)[:16]}.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device; make room and pull again"):
        fetch(store, fake)
    part.unlink()
    fetch(store, fake)
    assert store.verify("known") == []


def test_a_store_that_cannot_be_written(tmp_path: Path, fake: FakeHub) -> None:
    (tmp_path / "file").touch()
    store = ModelStore(CATALOG, tmp_path / "file" / "store", tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(store, fake)


def test_two_pulls_at_once(store: ModelStore, fake: FakeHub) -> None:
    with store.locked(), pytest.raises(ModelError, match="another voiced is pulling"):
        fetch(store, fake)
    fetch(store, fake)


def test_pulls_are_refused_offline(
    store: ModelStore, fake: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NetworkError, match="HF_HUB_OFFLINE"):
        fetch(store, fake)
    assert fake.asked == []
