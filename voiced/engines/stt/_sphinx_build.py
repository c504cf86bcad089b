"""What pocketsphinx needs on disk, made from the sentences that the assistant expects."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voiced.engines.stt._sphinx_cache import cached_folder
from voiced.engines.stt._sphinx_lm import Source, write_arpa
from voiced.engines.stt._sphinx_words import (
    guess_pronunciations,
    read_dictionary,
    write_dictionary,
)
from voiced.errors import ModelError

if TYPE_CHECKING:
    from pocketsphinx import Decoder

DICTIONARY: Final = "words.dict"
_ARPA: Final = "sentences.lm"

_RECIPE: Final = 1
"""Part of the caches' keys: count up when the same input should give other files."""

_SMOOTHING: Final = 3.0
_TRIAL_S: Final = 60
_LOG_BASE: Final = 1.0001
_FIRST_BYTES: Final = 8_000

_EXPECTED_WEIGHT: Final = 8.0
_GENERAL_WEIGHT: Final = 6.5
"""Weights of the language models against the sound. Of the expected sentences' 6.5 to 10 give a word
error rate of 0.11 to 0.12; the general one's own default is best (measured)."""

_GENERAL_WORDS: Final = 20_000
_GENERAL_STATES: Final = 2_000
"""Bounds of the general model: how many of the most frequent words, and how many states at once. They
halve its work, and in noise divide it by three, for a word error rate of 0.19 instead of 0.18."""


@dataclass(frozen=True, slots=True)
class Acoustics:
    """The files of an acoustic model; `general` is a language model of everything, where there is one."""

    folder: Path
    dictionary: Path
    general: Path | None = None


def load_expected(files: Acoustics, sentences: Sequence[str], cache_dir: Path) -> Decoder:
    """A decoder that expects `sentences`, those that come several times more.

    Raises `ModelError` for a damaged model, or without a sentence.
    """
    counts = Counter(sentence for sentence in sentences if sentence.strip())
    if not counts:
        raise ModelError("pocketsphinx was given no sentences to expect: choose another stt.engine")

    def make(folder: Path) -> None:
        vocabulary = {word for sentence in counts for word in sentence.split()}
        known = read_dictionary(files.dictionary, vocabulary)
        known |= guess_pronunciations(vocabulary - known.keys())
        write_dictionary(known, folder / DICTIONARY)
        sayable = {s: float(n) for s, n in counts.items() if known.keys() >= set(s.split())}
        with (folder / _ARPA).open("w", encoding="utf-8") as out:
            write_arpa([(1.0, Source(sayable, _SMOOTHING))], out)
        _try(files, folder / DICTIONARY, folder / _ARPA)

    key = _key(files, sorted(counts.items()))
    folder = cached_folder(cache_dir, "pocketsphinx-expected", key, make)
    return _decoder(files, folder / DICTIONARY, folder / _ARPA, lw=_EXPECTED_WEIGHT)


def load_general(files: Acoustics, cache_dir: Path) -> Decoder | None:
    """A decoder that expects any English; None where the acoustic model comes without.

    Raises `ModelError` for a damaged model.
    """
    general = files.general
    if general is None:
        return None

    def make(folder: Path) -> None:
        _try(files, files.dictionary, general)
        words = _most_frequent(files.dictionary, general)
        write_dictionary(read_dictionary(files.dictionary, words), folder / DICTIONARY)

    key = _key(files, _GENERAL_WORDS)
    folder = cached_folder(cache_dir, "pocketsphinx-general", key, make)
    return _decoder(
        files, folder / DICTIONARY, general, lw=_GENERAL_WEIGHT, maxhmmpf=_GENERAL_STATES
    )


def _most_frequent(dictionary: Path, language_model: Path) -> set[str]:
    import pocketsphinx

    # The model refers to the table of logarithms without keeping it alive.
    logarithms = pocketsphinx.LogMath(_LOG_BASE)
    model = pocketsphinx.NGramModel(pocketsphinx.Config(), logarithms, str(language_model))
    words = {word: model.prob([word]) for word in read_dictionary(dictionary, None)}
    return set(sorted(words, key=lambda word: -words[word])[:_GENERAL_WORDS])


def _key(files: Acoustics, content: object) -> str:
    """Names what is made from `content`; another one where a file of the model was touched."""
    used = [files.dictionary, *files.folder.glob("*"), *([files.general] if files.general else [])]
    try:
        stamps = sorted((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in used)
    except OSError as error:
        raise _model_error(files) from error
    identity = [_RECIPE, version("pocketsphinx"), stamps, content]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def _try(files: Acoustics, dictionary: Path, language_model: Path) -> None:
    """Load it in a process of its own, which a damaged file may end. Raises `ModelError`."""
    command = [sys.executable, "-m", f"{__package__}._sphinx_trial"]
    paths = [str(files.folder), str(dictionary), str(language_model)]
    try:
        subprocess.run([*command, *paths], capture_output=True, check=True, timeout=_TRIAL_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise _model_error(files) from error


def _decoder(files: Acoustics, dictionary: Path, language_model: Path, **options: float) -> Decoder:
    import pocketsphinx

    pocketsphinx.set_loglevel("FATAL")
    try:
        decoder = pocketsphinx.Decoder(
            hmm=str(files.folder),
            dict=str(dictionary),
            lm=str(language_model),
            # The second pass over the words of the first costs 40 ms after the end, and gains nothing.
            fwdflat=False,
            logfn=os.devnull,
            loglevel="FATAL",
            **options,
        )
        # The very first utterance of a decoder is scored a little differently, whatever it is.
        decoder.start_utt()
        decoder.process_raw(bytes(_FIRST_BYTES))
        decoder.end_utt()
    except (RuntimeError, ValueError, OSError) as error:
        raise _model_error(files) from error
    return decoder


def _model_error(files: Acoustics) -> ModelError:
    message = f"the speech model in {files.folder} is missing or damaged"
    return ModelError(f"{message}: reinstall pocketsphinx, or name another acoustic_model")
