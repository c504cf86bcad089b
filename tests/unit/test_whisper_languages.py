"""Models of many languages: which one is decoded in. The model here is random."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ctranslate2.specs
import numpy as np
import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from voiced.engines.contracts import BuildContext
from voiced.engines.stt import faster_whisper
from voiced.engines.stt.faster_whisper import FasterWhisper, Options
from voiced.errors import ModelError
from voiced.types import SAMPLE_RATE_HZ, AudioChunk

WIDTH = 8
SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{code}|>" for code in _LANGUAGE_CODES[:-1]),
    *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"),
    *("<|nospeech|>", "<|notimestamps|>"),
    *(f"<|{step * 0.02:.2f}|>" for step in range(1501)),
]
TOKENS = [*(f"w{index}" for index in range(50)), "", *SPECIAL]
"""CTranslate2 takes a model for multilingual where the empty token is in its vocabulary."""


def _fill(spec: Any, rng: np.random.Generator) -> None:
    def weights(*shape: int) -> np.ndarray[Any, Any]:
        return rng.standard_normal(shape).astype(np.float32)

    def linear(layer: Any, rows: int, columns: int) -> None:
        layer.weight, layer.bias = weights(rows, columns), weights(rows)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def attention(layer: Any, *rows: int) -> None:
        for projection, count in zip(layer.linear, rows, strict=True):
            linear(projection, count, WIDTH)
        norm(layer.layer_norm)

    def feed_forward(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.linear_1, WIDTH, 4 * WIDTH)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(WIDTH, 80, 3), weights(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = weights(WIDTH, WIDTH, 3), weights(WIDTH)
    encoder.position_encodings.encodings = weights(1500, WIDTH)
    decoder.embeddings.weight = weights(len(TOKENS), WIDTH)
    decoder.position_encodings.encodings = weights(448, WIDTH)
    decoder.projection.weight = decoder.embeddings.weight
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in encoder.layer:
        attention(layer.self_attention, 3 * WIDTH, WIDTH)
        feed_forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.self_attention, 3 * WIDTH, WIDTH)
        attention(layer.attention, WIDTH, 2 * WIDTH, WIDTH)
        feed_forward(layer.ffn)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper-random")
    spec = ctranslate2.specs.WhisperSpec(1, 1, 1, 1)
    _fill(spec, np.random.default_rng(0))
    spec.register_vocabulary(TOKENS)
    spec.config.suppress_ids_begin = [TOKENS.index("<|endoftext|>")]
    spec.config.lang_ids = [TOKENS.index(f"<|{code}|>") for code in _LANGUAGE_CODES[:-1]]
    spec.validate()
    spec.save(str(folder))
    ids = {token: index for index, token in enumerate(TOKENS)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


class Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, model: str) -> Path:
        return self.folder


def build(folder: Path, configured: str, own: str = "") -> FasterWhisper:
    context = BuildContext(models=Folder(folder), cache_dir=folder, language=configured, threads=1)
    return faster_whisper.build(Options(language=own), context)


def noise(seconds: int) -> AudioChunk:
    rng = np.random.default_rng(1)
    return AudioChunk(rng.integers(-3000, 3000, seconds * SAMPLE_RATE_HZ, dtype=np.int16))


class Spied:
    """An engine, the languages that it decodes in, and how often it asks for one."""

    def __init__(self, engine: FasterWhisper, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = engine
        self.prompts: list[list[str]] = []
        self.detections = 0
        model = engine._model
        assert model is not None
        generate, native = model.generate_with_fallback, model.model

        def spied_generate(encoded: Any, prompt: list[int], *rest: Any) -> Any:
            self.prompts.append([TOKENS[token] for token in prompt])
            return generate(encoded, prompt, *rest)

        detect = native.detect_language

        def spied_detect(encoded: Any) -> Any:
            self.detections += 1
            return detect(encoded)

        spied_native = SimpleNamespace(
            encode=native.encode,
            generate=native.generate,
            device=native.device,
            is_multilingual=native.is_multilingual,
            detect_language=spied_detect,
        )
        monkeypatch.setattr(model, "generate_with_fallback", spied_generate)
        monkeypatch.setattr(model, "model", spied_native)


@pytest.mark.parametrize(
    ("configured", "own", "expected"), [("de", "", "de"), ("en", "", "en"), ("de", "fr", "fr")]
)
def test_the_language_is_in_the_prompt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, configured: str, own: str, expected: str
) -> None:
    engine = build(folder, configured, own)
    with monkeypatch.context() as patched:
        spied = Spied(engine, patched)
        session = engine.open()
        session.feed(noise(1))
        session.transcript()
        session.close()
    engine.close()
    prompt = ["<|startoftranscript|>", f"<|{expected}|>", "<|transcribe|>", "<|notimestamps|>"]
    assert spied.prompts
    assert all(used == prompt for used in spied.prompts)
    assert spied.detections == 0


def test_auto_asks_once_an_utterance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = build(folder, "en", "auto")
    with monkeypatch.context() as patched:
        spied = Spied(engine, patched)
        for asked in (1, 2):
            session = engine.open()
            session.feed(noise(31))
            session.transcript()
            session.feed(noise(1))
            session.transcript()
            session.close()
            assert spied.detections == asked
    engine.close()
    assert len(spied.prompts) >= 6
    assert all(prompt[1].strip("<|>") in _LANGUAGE_CODES for prompt in spied.prompts)


def test_an_unknown_language(folder: Path) -> None:
    with pytest.raises(ModelError, match='does not know the language "xx"'):
        build(folder, "xx")
