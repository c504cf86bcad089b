"""Speech to text by pocketsphinx, with a language model of what the assistant expects to be told.

It decodes while the person speaks, at a twentieth of real time on one core of a desktop. Its general
language model is useless on home commands; one made from a few thousand expected sentences is not.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from msgspec import Meta, Struct

from voiced.engines.contracts import BuildContext
from voiced.engines.stt import _sphinx_cache, _sphinx_lm, _sphinx_words
from voiced.errors import EngineError, ModelError
from voiced.types import AudioChunk, Transcript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pocketsphinx import Decoder

_RECIPE: Final = 1
"""Part of the cache's key: count up when the same sentences should give another language model."""

_LANGUAGE: Final = "en"
_DICTIONARY: Final = "words.dict"
_ARPA: Final = "words.lm"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[stt.pocketsphinx]`"""

    acoustic_model: Annotated[
        str,
        Meta(
            description="The folder of an acoustic model of your own in Sphinx's format, with its "
            "pronunciations beside it in `words.dict`; empty takes the English one that comes "
            "with pocketsphinx."
        ),
    ] = ""


def build(options: Options, context: BuildContext) -> Pocketsphinx:
    """Load it, and make its language model where the expected sentences have changed.

    Raises `ModelError` for a language without a model, a damaged model, or no expected sentences.
    """
    import pocketsphinx

    if options.acoustic_model:
        acoustic = Path(options.acoustic_model).expanduser()
        dictionary = acoustic / _DICTIONARY
    elif context.language == _LANGUAGE:
        acoustic = Path(pocketsphinx.get_model_path()) / "en-us" / "en-us"
        dictionary = acoustic.parent / "cmudict-en-us.dict"
    else:
        message = f'pocketsphinx has no model of the language "{context.language}"'
        raise ModelError(f"{message}: set stt.pocketsphinx.acoustic_model, or another stt.engine")
    folder = _language_model(context.sentences(), dictionary, context.cache_dir)
    pocketsphinx.set_loglevel("FATAL")
    try:
        decoder = pocketsphinx.Decoder(
            hmm=str(acoustic),
            dict=str(folder / _DICTIONARY),
            lm=str(folder / _ARPA),
            lw=8.0,
            fwdflat=False,
            logfn=os.devnull,
            loglevel="FATAL",
        )
    except (RuntimeError, ValueError, OSError) as error:
        message = f"pocketsphinx cannot load the acoustic model in {acoustic}: {error}"
        raise ModelError(f"{message}; reinstall pocketsphinx or name another folder") from error
    return Pocketsphinx(decoder)


def _language_model(sentences: Sequence[str], dictionary: Path, cache_dir: Path) -> Path:
    """The folder with the dictionary and the language model of `sentences`."""
    counts = Counter(sentence for sentence in sentences if sentence.strip())
    if not counts:
        raise ModelError("pocketsphinx was given no sentences to expect: choose another stt.engine")
    identity = json.dumps(
        [_RECIPE, version("pocketsphinx"), str(dictionary), sorted(counts.items())]
    )
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]

    def make(folder: Path) -> None:
        vocabulary = {word for sentence in counts for word in sentence.split()}
        known = _sphinx_words.read_dictionary(dictionary, vocabulary)
        known |= _sphinx_words.guess_pronunciations(vocabulary - known.keys())
        _sphinx_words.write_dictionary(known, folder / _DICTIONARY)
        pronounceable = {s: float(n) for s, n in counts.items() if known.keys() >= set(s.split())}
        source = _sphinx_lm.Source(pronounceable, smoothing=1.0)
        with (folder / _ARPA).open("w", encoding="utf-8") as out:
            _sphinx_lm.write_arpa([(1.0, source)], out)

    return _sphinx_cache.cached_folder(cache_dir, "pocketsphinx", key, make)


class Pocketsphinx:
    """A `SpeechToText`."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder: Decoder | None = decoder
        self._session: _Session | None = None

    @property
    def is_streaming(self) -> bool:
        return True

    def open(self) -> _Session:
        if self._decoder is None:
            raise EngineError("pocketsphinx is closed: build it again")
        if self._session is not None:
            self._session.close()
        self._session = _Session(self._decoder)
        return self._session

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._decoder = None


class _Session:
    """One utterance; it is decoded as it is fed."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder: Decoder | None = decoder
        self._final: Transcript | None = None
        decoder.start_utt()

    def feed(self, chunk: AudioChunk) -> None:
        if self._decoder is None or self._final is not None:
            raise EngineError("this utterance is over: open another session")
        if len(chunk.samples):
            self._decoder.process_raw(np.ascontiguousarray(chunk.samples).tobytes())

    def transcript(self, *, final: bool) -> Transcript:
        if self._final is not None:
            return self._final
        if self._decoder is None:
            raise EngineError("this utterance was dropped: open another session")
        if not final:
            return self._read(self._decoder, is_final=False)
        self._decoder.end_utt()
        self._final = self._read(self._decoder, is_final=True)
        return self._final

    def close(self) -> None:
        if self._decoder is not None and self._final is None:
            self._decoder.end_utt()
        self._decoder = None

    def _read(self, decoder: Decoder, *, is_final: bool) -> Transcript:
        hypothesis = decoder.hyp()
        if hypothesis is None or not hypothesis.hypstr:
            return Transcript("", confidence=0.0, is_final=is_final)
        confidence = min(1.0, math.exp(min(0.0, hypothesis.prob))) if is_final else 0.5
        return Transcript(hypothesis.hypstr, confidence=confidence, is_final=is_final)
