"""Engines are found by their names, and nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from voiced.config import ENGINE_KINDS, load_settings
from voiced.config.schema import Schema
from voiced.config.values import convert, expectation
from voiced.engines import registry
from voiced.engines.contracts import BuildContext
from voiced.errors import ConfigError, EngineError, ModelError
from voiced.models import Catalog

HEAVY = (
    "av ctranslate2 espeakng_loader faster_whisper hassil llama_cpp onnxruntime piper pocketsphinx "
    "pymicro_wakeword pyopen_wakeword sounddevice soxr torch webrtcvad"
)


class NoModels:
    """A machine without models."""

    def path(self, model: str) -> Path:
        raise ModelError(f"no model {model}")


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    return BuildContext(models=NoModels(), cache_dir=tmp_path)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs a package whose voice-activity engine `loud` has the given source."""

    def install(source: str) -> None:
        (tmp_path / "loudness_engine.py").write_text(source)
        metadata = tmp_path / "loudness-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: loudness\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(
            "[voiced.engines.vad]\nloud = loudness_engine\ngated = loudness_engine\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "loudness_engine", raising=False)

    yield install
    sys.modules.pop("loudness_engine", None)


def test_engines_are_the_modules_of_their_folders() -> None:
    for kind in ENGINE_KINDS:
        folder = Path(registry.__file__).parent / kind
        modules = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
        assert modules
        assert modules <= set(registry.names(kind))
        assert list(registry.names(kind)) == sorted(registry.names(kind))


def test_the_defaults_are_engines_that_exist() -> None:
    schema = Schema(registry)
    for kind in ENGINE_KINDS:
        assert schema.keys[f"{kind}.engine"].default in registry.names(kind)
    assert schema.keys["tts.fallback"].default in registry.names("tts")


@pytest.mark.parametrize("preset", ["embedded", "pi", "desktop"])
def test_every_preset_sets_keys_that_exist(preset: str) -> None:
    presets = Catalog.load().preset_settings()
    assert preset in presets
    found = load_settings(
        Path("/dev/null"),
        engines=registry,
        presets=presets,
        overrides=[f"preset={preset}"],
        environ={},
    )
    assert found.preset == preset


def test_every_option_of_every_engine_is_documented_and_has_a_valid_default() -> None:
    schema = Schema(registry)
    schema.add_every_engine()
    for _, name, options in schema.engines():
        assert options.__struct_config__.frozen, name
    for key in schema.keys.values():
        assert key.description, key.name
        assert key.description.endswith("."), key.name
        assert "another kind" not in expectation(key), key.name
        if key.default is not None:
            assert convert(key, msgspec.to_builtins(key.default)) == key.default, key.name


def test_options_are_had_without_the_libraries_behind_the_engines() -> None:
    code = (
        "import sys\n"
        "from voiced.engines import registry\n"
        f"for kind in {ENGINE_KINDS}:\n"
        "    for name in registry.names(kind):\n"
        "        registry.options_type(kind, name)\n"
        f"print([m for m in {HEAVY.split()} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gatd", "there is no vad engine 'gatd'; did you mean 'gated'?"),
        ("_models", "there is no vad engine '_models'; there are: gated, silero, webrtc"),
        ("", "there is no vad engine ''; there are: gated, silero, webrtc"),
        ("..errors", "there is no vad engine '..errors'; there are: gated, silero, webrtc"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    name: str, message: str, context: BuildContext
) -> None:
    for use in (
        lambda: registry.options_type("vad", name),
        lambda: registry.build("vad", name, None, context),
    ):
        with pytest.raises(ConfigError) as caught:
            use()
        assert str(caught.value) == message


def test_an_engine_of_another_package(plugin: Any, context: BuildContext) -> None:
    plugin(
        "import msgspec\n"
        "class Options(msgspec.Struct, frozen=True):\n"
        "    gain: int = 3\n"
        "def build(options, context):\n"
        "    return (options.gain, context.language)\n"
    )
    assert "loud" in registry.names("vad")
    assert "loud" not in registry.names("stt")
    options = registry.options_type("vad", "loud")
    assert registry.build("vad", "loud", None, context) == (3, "en")  # type: ignore[comparison-overlap]
    assert registry.build("vad", "loud", options(gain=5), context) == (5, "en")  # type: ignore[comparison-overlap]
    # A name of ours stays ours.
    assert "mode" in registry.options_type("vad", "gated").__struct_fields__


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "the vad engine 'loud' is incomplete: no msgspec struct `Options`"),
        (
            "import msgspec\nclass Options(msgspec.Struct): pass",
            "the vad engine 'loud' is incomplete: no function `build`",
        ),
        (
            "import no_such_library",
            (
                "the vad engine 'loud' needs the Python package 'no_such_library', which is not "
                "installed"
            ),
        ),
        (
            (
                "import msgspec\nclass Options(msgspec.Struct): pass\n"
                "def build(options, context): import no_such_library"
            ),
            (
                "the vad engine 'loud' needs the Python package 'no_such_library', which is not "
                "installed"
            ),
        ),
        (
            "from os import no_such_name",
            "the vad engine 'loud' cannot be loaded: cannot import name 'no_such_name' from 'os' ",
        ),
    ],
)
def test_an_engine_that_cannot_be_loaded_is_one_clear_line(
    plugin: Any, context: BuildContext, source: str, message: str
) -> None:
    plugin(source)
    with pytest.raises(EngineError) as caught:
        registry.build("vad", "loud", None, context)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_errors_of_an_engine_itself_pass_through(plugin: Any, context: BuildContext) -> None:
    plugin(
        "import msgspec\n"
        "from voiced.errors import ModelError\n"
        "class Options(msgspec.Struct): pass\n"
        "def build(options, context):\n"
        "    raise ModelError('no such model')\n"
    )
    with pytest.raises(ModelError, match="no such model"):
        registry.build("vad", "loud", None, context)
