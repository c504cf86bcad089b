"""What is loaded, from which source, and what is shown of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect as types

from tests.unit.config_engines import Catalog, Plain, Sphinx, Whisper, all_keys, loaded, values_of
from voiced.config import Settings, load_settings
from voiced.config.describe import to_plain, to_template, to_text
from voiced.config.schema import Key, Schema
from voiced.config.sources import Origin
from voiced.config.values import convert
from voiced.core.segmenter import SegmenterSettings
from voiced.errors import ConfigError

EMPTY = Path("/dev/null")


def test_no_two_keys_share_a_variable() -> None:
    variables = [key.variable for key in all_keys()]
    assert len(set(variables)) == len(variables)


def test_the_engine_with_the_longer_name_owns_a_variable(tmp_path: Path) -> None:
    class Long(msgspec.Struct, frozen=True):
        """A `plus_model` of `piper`, which reads like the `model` of `piper_plus`."""

        plus_model: str = ""
        plus_pace: int = 1

    class Short(msgspec.Struct, frozen=True):
        """The other."""

        model: str = ""

    class Both(Catalog):
        def names(self, kind: str) -> list[str]:
            return [*super().names(kind), *(["piper_plus"] if kind == "tts" else [])]

        def options_type(self, kind: str, name: str) -> type[msgspec.Struct]:
            extra: dict[str, type[msgspec.Struct]] = {"piper": Long, "piper_plus": Short}
            return extra.get(name) or super().options_type(kind, name)

    environ = {"VOICED_TTS_PIPER_PLUS_MODEL": "x", "VOICED_TTS_PIPER_PLUS_PACE": "2"}
    found = load_settings(EMPTY, engines=Both(), presets={}, environ=environ)
    assert found.options("tts", "piper_plus") == Short(model="x")
    assert found.options("tts", "piper") == Long(plus_pace=2)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("wake.enabled", "Off", False),
        ("wake.enabled", "1", True),
        ("stt.pocketsphinx.words", "a, b c ,", ("a", "b c")),
        ("stt.pocketsphinx.words", '["a, b", "c"]', ("a, b", "c")),
        ("stt.pocketsphinx.levels_db", "", ()),
        ("stt.pocketsphinx.levels_db", "[1, 2.5]", (1.0, 2.5)),
        ("stt.pocketsphinx.scale", "2", 2.0),
        ("stt.pocketsphinx.name", "true", "true"),
        ("stt.whisper.size", "large", "large"),
        ("threads", " 4 ", 4),
        ("audio.input", "", ""),
    ],
)
def test_text_becomes_the_type_of_its_key(name: str, text: str, expected: object) -> None:
    for given_ in ({"overrides": [f"{name}={text}"]}, {"environ": {_variable(name): text}}):
        assert values_of(loaded(EMPTY, **given_))[name].value == expected


def _variable(name: str) -> str:
    return "VOICED_" + name.replace(".", "_").upper()


def test_each_source_overrules_those_before_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    presets = {
        "pi": {
            "threads": 1,
            "language": "de",
            "llm": {"max_tokens": 11, "engine": "none"},
            "stt": {"engine": "whisper", "whisper": {"size": "large"}},
        }
    }
    file.write_text("preset = 'pi'\nthreads = 2\nlanguage = 'fr'\n\n[llm]\nmax_tokens = 22\n")
    environ = {"VOICED_THREADS": "3", "VOICED_LANGUAGE": "es", "HOME": "/"}
    found = loaded(file, presets=presets, environ=environ, overrides=["threads=4", "threads=5"])
    shown = {
        name: (one.value, one.origin, one.where)
        for name, one in values_of(found).items()
        if one.origin is not Origin.DEFAULT
    }
    assert shown == {
        "preset": ("pi", Origin.FILE, f"{file}:1"),
        "language": ("es", Origin.ENVIRONMENT, "VOICED_LANGUAGE"),
        "threads": (5, Origin.COMMAND_LINE, "--set"),
        "stt.engine": ("whisper", Origin.PRESET, "preset pi"),
        "stt.whisper.size": ("large", Origin.PRESET, "preset pi"),
        "llm.engine": ("none", Origin.PRESET, "preset pi"),
        "llm.max_tokens": (22, Origin.FILE, f"{file}:6"),
    }
    assert found.path == file
    assert found.settings.threads == 5
    assert found.settings.options("stt", "whisper") == Whisper(size="large")  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["file", "variable", "option"])
def test_any_source_may_choose_the_preset(tmp_path: Path, source: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text("preset = 'pi'" if source == "file" else "")
    found = loaded(
        file,
        presets={"embedded": {"threads": 7}, "pi": {"threads": 9}},
        environ={"VOICED_PRESET": "pi"} if source == "variable" else {},
        overrides=["preset=pi"] if source == "option" else [],
    )
    assert found.settings.threads == 9


def test_the_default_preset_holds_too() -> None:
    assert loaded(EMPTY, presets={"embedded": {"threads": 7}}).settings.threads == 7


def test_a_wrong_preset_of_ours_is_told() -> None:
    with pytest.raises(ConfigError, match="preset embedded: unknown key 'threds'"):
        loaded(EMPTY, presets={"embedded": {"threds": 7}})


def test_only_engines_that_somebody_named_are_asked_for_their_options(tmp_path: Path) -> None:
    catalog = Catalog()
    environ = {"VOICED_STT_WHISPER_LOW": "0"}
    found = load_settings(EMPTY, engines=catalog, presets={}, environ=environ)
    assert sorted(catalog.asked) == [
        "llm.llama_cpp",
        "stt.pocketsphinx",
        "stt.whisper",
        "tts.espeak",
        "tts.piper",
        "vad.gated",
        "wake.microwakeword",
    ]
    assert found.options("stt", "pocketsphinx") == Sphinx()
    assert found.options("stt", "whisper") == Whisper(low=0)
    assert found.options("stt", "remote") is None
    assert Settings().options("vad", "gated") is None
    assert found.options("vad", "gated") == Plain()


def test_the_file_is_the_one_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "voiced"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    named = {"VOICED_CONFIG": str(tmp_path / "variable.toml")}

    def threads(path: Path | None, environ: dict[str, str]) -> int:
        found = load_settings(path, engines=Catalog(), presets={}, environ=environ)
        return found.threads

    assert threads(None, {}) == 0
    (folder / "config.toml").write_text("threads = 1")
    (tmp_path / "variable.toml").write_text("threads = 2")
    (tmp_path / "option.toml").write_text("threads = 3")
    assert threads(None, {}) == 1
    assert threads(None, {"VOICED_CONFIG": ""}) == 1
    assert threads(None, named) == 2
    assert threads(tmp_path / "option.toml", named) == 3


def test_a_byte_order_mark_and_foreign_line_ends_are_no_matter(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbfthreads = 1\r\n[stt]\r\nengine = 'whisper'\r\n")
    shown = values_of(loaded(file))
    assert (shown["threads"].value, shown["stt.engine"].where) == (1, f"{file}:3")


def test_the_template_changes_nothing_until_a_key_is_uncommented(tmp_path: Path) -> None:
    defaults = loaded(EMPTY, every_engine=True)
    template = list(to_template(defaults))
    file = tmp_path / "config.toml"
    file.write_text("\n".join(template))
    assert {one.origin for one in values_of(loaded(file)).values()} == {Origin.DEFAULT}

    uncommented = [
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in template
        if not line.endswith(" = ")
    ]
    file.write_text("\n".join(uncommented))
    found = loaded(file, every_engine=True)
    shown = values_of(found)
    assert found.settings == defaults.settings
    unset = {name for name, one in shown.items() if one.origin is Origin.DEFAULT}
    assert unset == {"stt.pocketsphinx.scale", "stt.pocketsphinx.name", "stt.remote.url"}


def test_what_is_shown_of_a_key() -> None:
    found = loaded(EMPTY, environ={"VOICED_STT_WHISPER_SIZE": "large"}, every_engine=True)
    plain = {one["key"]: one for one in to_plain(found)}
    assert list(plain) == [key.name for key in _in_shown_order()]
    assert plain["stt.whisper.size"] == {
        "key": "stt.whisper.size",
        "value": "large",
        "default": "small",
        "expects": 'one of "small", "large"',
        "meaning": "How large.",
        "origin": "environment",
        "where": "VOICED_STT_WHISPER_SIZE",
        "variable": "VOICED_STT_WHISPER_SIZE",
    }
    lines = list(to_text(found))
    at = lines.index("[stt.whisper]")
    assert lines[at + 1 : at + 5] == [
        "# How large.",
        'size = "large"  # VOICED_STT_WHISPER_SIZE; default "small"',
        "# The lower end.",
        "low = 1  # default",
    ]
    assert "#url =  # not set" in lines


def _in_shown_order() -> list[Key]:
    schema = Schema(Catalog())
    schema.add_every_engine()
    return [key for _, keys in schema.ordered() for key in keys]


def test_every_key_of_ours_has_a_meaning_a_default_and_limits() -> None:
    ours = list(Schema(Catalog()).keys.values())
    assert len(ours) > 20
    for key in ours:
        assert key.description.endswith("."), key.name
        assert convert(key, msgspec.to_builtins(key.default)) == key.default, key.name
        if isinstance(key.default, int) and not isinstance(key.default, bool):
            info = types.type_info(key.type)
            assert isinstance(info, types.Metadata)
            assert isinstance(info.type, types.IntType)
            assert None not in (info.type.ge, info.type.le), key.name


def test_our_defaults_are_those_that_were_measured_for_the_segmenter() -> None:
    speech, ends, measured = (Settings().segmenter, Settings().endpointing, SegmenterSettings())
    assert (speech.start_probability, speech.end_probability) == (
        measured.start_probability,
        measured.stop_probability,
    )
    assert speech.min_speech_ms == measured.onset_ms
    assert speech.pre_roll_ms == measured.pre_roll_ms
    assert speech.max_utterance_ms == measured.max_utterance_ms
    assert ends.pause_ms == measured.pause_ms
    assert ends.silence_ms == measured.patience_ms
    assert ends.listen_timeout_ms == measured.no_speech_ms
    # More would never be reached within the window, and nobody would be heard.
    limits = types.type_info(Schema(Catalog()).keys["segmenter.min_speech_ms"].type)
    assert isinstance(limits, types.Metadata)
    assert isinstance(limits.type, types.IntType)
    assert limits.type.le == measured.onset_window_ms


def test_importing_the_configuration_imports_nothing_heavy() -> None:
    code = (
        "import sys, voiced.config;"
        "heavy = 'numpy rich asyncio pydantic platformdirs voiced.engines'.split();"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
