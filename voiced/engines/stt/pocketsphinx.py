"""Speech to text by pocketsphinx, with a language model of what the assistant expects to be told.

It decodes while the person speaks, twice side by side: with a language model of a few thousand expected
sentences, and, for open questions, with the general one that comes with pocketsphinx. The first
understands commands, the second questions; the likelihoods of their paths say which was said.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from msgspec import Meta, Struct

from voiced.engines.contracts import BuildContext
from voiced.engines.stt import _sphinx_build as build_files
from voiced.engines.stt import _sphinx_choice as choice
from voiced.engines.stt._sphinx_decoding import FIRST_MEAN, Decoding, Reading
from voiced.errors import EngineError, ModelError
from voiced.types import AudioChunk, Transcript

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_LANGUAGE: Final = "en"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[stt.pocketsphinx]`."""

    open_questions: Annotated[
        bool,
        Meta(
            description="Whether to listen for any English beside the expected sentences: takes "
            "three times the work, and 120 MB more memory."
        ),
    ] = True
    acoustic_model: Annotated[
        str,
        Meta(
            description="The folder of an acoustic model of your own in Sphinx's format, with its "
            "pronunciations in it as `words.dict`; empty takes the English one that comes with "
            "pocketsphinx. Open questions need the latter."
        ),
    ] = ""


def build(options: Options, context: BuildContext) -> Pocketsphinx:
    """Load it, and make its language model where the expected sentences have changed.

    Raises `ModelError` for a language without a model, a damaged model, or no expected sentences.
    """
    files = _files(options, context.language)
    decoders = [build_files.load_expected(files, context.sentences(), context.cache_dir)]
    if options.open_questions:
        general = build_files.load_general(files, context.cache_dir)
        decoders += [general] if general is not None else []
    return Pocketsphinx(decoders)


def _files(options: Options, language: str) -> build_files.Acoustics:
    import pocketsphinx

    if options.acoustic_model:
        folder = Path(options.acoustic_model).expanduser()
        return build_files.Acoustics(folder, folder / build_files.DICTIONARY)
    if language == _LANGUAGE:
        models = Path(pocketsphinx.get_model_path()) / "en-us"
        return build_files.Acoustics(
            models / "en-us", models / "cmudict-en-us.dict", models / "en-us.lm.bin"
        )
    message = f'pocketsphinx has no model of the language "{language}"'
    raise ModelError(f"{message}: set stt.pocketsphinx.acoustic_model, or another stt.engine")


class Pocketsphinx:
    """A `SpeechToText`."""

    def __init__(self, decoders: list[Decoder]) -> None:
        """Take over `decoders`: of the expected sentences and, if wanted, of any."""
        self._decoders = decoders
        self._session: _Session | None = None
        for decoder in decoders:
            decoder.set_cmn(FIRST_MEAN)

    def open(self) -> _Session:
        if not self._decoders:
            raise EngineError("pocketsphinx is closed: build it again")
        if self._session is not None:
            self._session.close()
        self._session = _Session(Decoding(self._decoders))
        return self._session

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._decoders = []


class _Session:
    """One utterance; it is decoded as it is fed."""

    def __init__(self, decoding: Decoding) -> None:
        self._decoding: Decoding | None = decoding

    def feed(self, chunk: AudioChunk) -> None:
        self._open().feed(np.asarray(chunk.samples))

    def partial(self) -> str:
        decoding = self._open()
        return _choose(decoding.partial(), decoding.frames).text

    def transcript(self) -> Transcript:
        decoding = self._open()
        readings = decoding.readings()
        return _choose(readings, decoding.frames)

    def close(self) -> None:
        if self._decoding is not None:
            self._decoding.close()
        self._decoding = None

    def _open(self) -> Decoding:
        if self._decoding is None:
            raise EngineError("this utterance was dropped: open another session")
        return self._decoding


def _choose(readings: list[Reading], frames: int) -> Transcript:
    expected, general = readings[0], readings[1] if len(readings) > 1 else None
    return Transcript(*choice.choose(expected, general, frames))
