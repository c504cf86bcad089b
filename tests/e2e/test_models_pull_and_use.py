"""From a hub to words: a Whisper is pulled, and understands a question."""

from __future__ import annotations

from pathlib import Path

from tests.contract.stt_contract import load_spoken, transcribe, words
from tests.unit.models_hub import Offer, serving
from voiced.engines.contracts import BuildContext
from voiced.engines.stt import faster_whisper
from voiced.models import Catalog, Model, ModelFile, ModelStore
from voiced.models.hub import Hub
from voiced.models.pull import pull

MINI = Path(__file__).resolve().parent.parent / "data" / "whisper-mini-synthetic"


def test_a_pulled_whisper_understands(tmp_path: Path) -> None:
    files = sorted(path for path in MINI.iterdir() if path.suffix != ".md")
    model = Model(
        kind="stt",
        description="",
        source="hf:somebody/whisper-mini@main",
        licence="GPL-3.0-or-later",
        languages=("en",),
        memory_mb=100,
        files=tuple(ModelFile(path.name) for path in files),
        is_folder=True,
    )
    store = ModelStore(Catalog({"whisper-mini": model}), tmp_path / "store", tmp_path)
    with serving() as hub:
        content = {path.name: Offer(path.read_bytes(), path.suffix == ".bin") for path in files}
        hub.commit("somebody/whisper-mini", "1" * 40, content)
        # The line breaks twice in the middle of the large file.
        hub.cuts = [10**9, 2_000_000, 1_000_000]
        pull(store, "whisper-mini", Hub(hub.endpoint, retry_delay_s=0), lambda *_: None)
    assert store.verify("whisper-mini") == []

    context = BuildContext(models=store, cache_dir=tmp_path, threads=1)
    engine = faster_whisper.build(faster_whisper.Options(model="whisper-mini"), context)
    heard = transcribe(engine, load_spoken("what time is it", "slt").samples)
    engine.close()
    assert words(heard.text) == words("what time is it")
