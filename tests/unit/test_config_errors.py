"""What is wrong is said in one line: the place, the key, and what was meant."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.config_engines import Catalog, loaded
from voiced.config import load_settings
from voiced.errors import ConfigError

_MS = "a whole number of milliseconds between"


def problems(
    path: Path, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> list[str]:
    """The lines of the error that loading ends with."""
    with pytest.raises(ConfigError) as caught:
        loaded(path, overrides=overrides, environ=environ, presets={"pi": {}, "desktop": {}})
    assert caught.value.exit_status == 78
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("presett = 'pi'", "1: unknown key 'presett': did you mean 'preset'?"),
        ("\n\n[stt]\nenginee = 'x'", "4: unknown key 'stt.enginee': did you mean 'stt.engine'?"),
        ("stt.egnine = 'x'", "1: unknown key 'stt.egnine': did you mean 'stt.engine'?"),
        ("[sttt]\nengine = 'x'", "1: unknown table 'sttt': did you mean 'stt'?"),
        ("[stt.whispr]", "1: unknown table 'stt.whispr': did you mean 'stt.whisper'?"),
        ("silence_ms = 9", "1: unknown key 'silence_ms': did you mean 'endpointing.silence_ms'?"),
        ('"stt.engine" = "x"', "1: unknown key '\"stt.engine\"': did you mean 'stt.engine'?"),
        (
            "[tts]\nqqqqqqqqqqqq = 1",
            "2: unknown key 'tts.qqqqqqqqqqqq' ([tts] has: engine, fallback)",
        ),
        (
            "[stt.pocketsphinx]\nmodle = 1",
            "2: unknown key 'stt.pocketsphinx.modle': did you mean 'stt.pocketsphinx.model'?",
        ),
        (
            "[endpointing]\nsilence_ms = 'fast'",
            f'2: endpointing.silence_ms expects {_MS} 100 and 5000, got the text "fast"',
        ),
        (
            "[endpointing]\n# a remark\nsilence_ms = 99",
            f"3: endpointing.silence_ms expects {_MS} 100 and 5000, got the number 99",
        ),
        ("threads = true", "1: threads expects a whole number between 0 and 256, got true"),
        (
            "threads = 2.0",
            "1: threads expects a whole number between 0 and 256, got the number 2.0",
        ),
        (
            f"threads = {'9' * 40}",
            (
                "1: threads expects a whole number between 0 and 256, "
                "got a number of more than 64 bits"
            ),
        ),
        ("preset = 1979-05-27", "1: preset expects text, got a date or time"),
        ("preset = 07:32:00", "1: preset expects text, got a date or time"),
        ("[preset]\na = 1", "1: preset expects text, got a table"),
        ('language = "English"', '1: language expects text such as "en", got the text "English"'),
        ("stt = 5", "1: 'stt' is a table: write it as [stt]"),
        ("[[stt]]\nengine = 'whisper'", "1: 'stt' is a table: write it as [stt]"),
        ("[wake]\nenabled = 'yes'", '2: wake.enabled expects true or false, got the text "yes"'),
        (
            "[stt.pocketsphinx]\nweight = nan",
            "2: stt.pocketsphinx.weight expects a number between 0.5 and 20, got the number nan",
        ),
        (
            "[stt.pocketsphinx]\nscale = inf",
            "2: stt.pocketsphinx.scale expects a number of at least 0, got the number inf",
        ),
        (
            "[stt.pocketsphinx]\nbeam = 0",
            "2: stt.pocketsphinx.beam expects a whole number of at least 1, got the number 0",
        ),
        (
            "[stt.pocketsphinx]\nmodel = ''",
            '2: stt.pocketsphinx.model expects text of at least 1 characters, got the text ""',
        ),
        (
            "[stt.pocketsphinx]\nnumbers = 'int4'",
            '2: stt.pocketsphinx.numbers expects one of "float32", "int8", got the text "int4"',
        ),
        (
            "[stt.whisper]\nsize = 'tiny'",
            '2: stt.whisper.size expects one of "small", "large", got the text "tiny"',
        ),
        (
            "[stt.pocketsphinx]\nwords = [\n  'a',\n  1,\n]",
            '2: stt.pocketsphinx.words expects a list, each item text, got the list ["a", 1]',
        ),
        (
            "[stt.pocketsphinx]\nlevels_db = 'loud'",
            (
                "2: stt.pocketsphinx.levels_db expects a list, each item a number of decibels, "
                'got the text "loud"'
            ),
        ),
        (
            "[stt.pocketsphinx]\nmodel = [2024-01-01]",
            (
                "2: stt.pocketsphinx.model expects text of at least 1 characters, "
                'got the list ["2024-01-01"]'
            ),
        ),
        (
            f"[audio]\ninput = ['{'x' * 50}']",
            f'2: audio.input expects text, got the list ["{"x" * 34}...]',
        ),
        (
            "preset = 'destkop'",
            "1: unknown preset 'destkop': did you mean 'desktop'? (there are: desktop, pi)",
        ),
        (
            "[stt]\nengine = 'whisperr'",
            (
                "2: stt.engine: unknown engine 'whisperr': did you mean 'whisper'? "
                "(there are: pocketsphinx, whisper, whisper_large, remote)"
            ),
        ),
        (
            "[stt]\nengine = 'none'",
            (
                "2: stt.engine: unknown engine 'none' "
                "(there are: pocketsphinx, whisper, whisper_large, remote)"
            ),
        ),
        (
            "[tts]\nfallback = 'Espaek'",
            (
                "2: tts.fallback: unknown engine 'Espaek': did you mean 'espeak'? "
                "(there are: piper, espeak, none)"
            ),
        ),
        ("[stt.whisper]\nlow = 5", "2: [stt.whisper]: low (5) is more than high (2)"),
        (
            "[segmenter]\nmax_utterance_ms = 1000\n[endpointing]\nsilence_ms = 1500",
            (
                "4: endpointing.silence_ms (1500) is more than segmenter.max_utterance_ms (1000): "
                "no silence could end an utterance"
            ),
        ),
        (
            "[endpointing]\nsilence_ms = 110",
            (
                "2: endpointing.pause_ms (120) is more than endpointing.silence_ms (110): "
                "an utterance would end before it pauses"
            ),
        ),
        (
            "[segmenter]\nend_probability = 0.75",
            (
                "2: segmenter.end_probability (0.75) is more than segmenter.start_probability "
                "(0.6): speech would end where it begins"
            ),
        ),
        ("stt.engine = 'x", '1: not valid TOML: Expected "\'"'),
        ("threads = 1\nthreads = 2", "2: not valid TOML: Cannot overwrite a value"),
        (
            "\n[stt\nengine = 'x'",
            "2: not valid TOML: Expected ']' at the end of a table declaration",
        ),
        ("threads = 1\nthreads", "2: not valid TOML: Expected '=' after a key in a key/value pair"),
        ("a = " + "[" * 9999, " lists or tables are nested too deep"),
    ],
)
def test_a_problem_of_the_file_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("config.toml")
    file.write_text(text)
    assert problems(file) == [f"config.toml:{expected}"]


def test_a_value_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[stt]\nengine = 'remote'")
    assert problems(file) == ["stt.remote.url has no default: set it to use 'remote'"]


def test_all_problems_of_all_sources_are_reported_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("voiced.toml").write_text("thread = 1\n[tts]\nengine = 'pipper'\nfallback = 3\n")
    environ = {"VOICED_THREADS": "many", "VOICED_STT_WHISPER_SICE": "small", "PATH": "/bin"}
    overrides = ["stt.engin=whisper", "stt.engine", "wake.enabled=maybe", "stt=1"]
    assert problems(Path("voiced.toml"), overrides, environ) == [
        "voiced.toml:1: unknown key 'thread': did you mean 'threads'?",
        "voiced.toml:4: tts.fallback expects text, got the number 3",
        "unknown variable 'VOICED_STT_WHISPER_SICE': did you mean 'VOICED_STT_WHISPER_SIZE'?",
        'VOICED_THREADS: threads expects a whole number between 0 and 256, got the text "many"',
        "--set: unknown key 'stt.engin': did you mean 'stt.engine'?",
        "--set stt.engine: write KEY=VALUE",
        '--set: wake.enabled expects true or false, got the text "maybe"',
        "--set: 'stt' is a table: name one of its keys, such as 'stt.engine'",
        (
            "voiced.toml:3: tts.engine: unknown engine 'pipper': did you mean 'piper'? "
            "(there are: piper, espeak)"
        ),
    ]


def test_a_contradiction_names_the_place_that_overruled(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[endpointing]\nsilence_ms = 500\n")
    assert problems(file, environ={"VOICED_ENDPOINTING_PAUSE_MS": "700"}) == [
        (
            "VOICED_ENDPOINTING_PAUSE_MS: endpointing.pause_ms (700) is more than "
            "endpointing.silence_ms (500): an utterance would end before it pauses"
        )
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert problems(missing) == [f"{missing}: no such file; `voiced config init` writes one"]
    assert problems(tmp_path) == [f"{tmp_path}: is a folder; name the file in it"]
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# fine\n# caf\xe9\n")
    assert problems(latin) == [f"{latin}:2: is not UTF-8 text; save it in that encoding"]
    endless = Path("/dev/zero")
    assert problems(endless) == ["/dev/zero: too large for a configuration (256 KiB)"]
    under_file = latin / "config.toml"
    assert problems(under_file) == [f"{under_file}: cannot be read: Not a directory"]


def test_a_file_that_cannot_be_looked_at_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("x" * 300)))
    with pytest.raises(ConfigError, match=r"config\.toml: cannot be read: File name too long"):
        load_settings(engines=Catalog(), presets={}, environ={})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "voiced").mkdir()
    (tmp_path / "voiced" / "config.toml").symlink_to("gone.toml")
    with pytest.raises(ConfigError, match=r"config\.toml: no such file"):
        load_settings(engines=Catalog(), presets={}, environ={})


def test_a_wrong_file_is_told_in_a_screenful(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("".join(f"entry{number} = 1\n" for number in range(9000)))
    told = problems(file)
    assert told[0] == f"{file}:1: unknown key 'entry0'"
    assert told[19:] == [f"{file}:20: unknown key 'entry19'", "... and 8980 more"]


def test_a_variable_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    torn = os.fsdecode(b"caf\xe9")
    assert problems(file, environ={"VOICED_AUDIO_INPUT": torn}) == [
        'VOICED_AUDIO_INPUT: audio.input expects text, got the text "caf\\U0000dce9"'
    ]
