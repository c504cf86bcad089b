"""Speech with espeak-ng: a hundred languages in 21 MB, a thousand times as fast as real time.

Its voice is a robot's. The library and its data come with the wheel of espeakng-loader; it is called
through its C interface (`speak_lib.h`), in the mode that hands out sound while it is made. Piper
brings an espeak-ng of its own inside an extension module; the symbols of both are local to them, and
neither knows of the other.
"""

from __future__ import annotations

import ctypes
import difflib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Final

import msgspec
import numpy as np

from voiced.core.spoken_text import spoken_words
from voiced.engines.contracts import BuildContext
from voiced.engines.tts._espeak_words import PhonemeBegins, WordBegins, WordClock
from voiced.errors import EngineError, ModelError
from voiced.types import AudioChunk, Samples

_BUFFER_MS: Final = 100
"""How much sound espeak-ng collects before it hands it over."""

_LONGEST_DATA_PATH: Final = 159
"""espeak-ng 1.52 cuts the path of its data off at 160 bytes (measured: 159 works)."""

_VOICE_OF_LANGUAGE: Final = {"en": "en-us", "zh": "cmn", "no": "nb"}
"""Where espeak-ng knows an ISO 639-1 code by another name, or means another country by it."""

# Values of speak_lib.h.
_SYNCHRONOUS: Final = 2
_PHONEME_EVENTS: Final = 1
_DONT_EXIT: Final = 0x8000
_UTF8: Final = 1
_END_PAUSE: Final = 0x1000
_FROM_CHARACTER: Final = 1
_RATE: Final = 1
_VOLUME: Final = 2
_PITCH: Final = 3

_NO_MORE_EVENTS: Final = 0
_WORD: Final = 1
_PHONEME: Final = 7
_PAUSE: Final = b"_"
"""The names of all silent phonemes begin with it (espeak-ng's `phsource/phonemes`)."""


class _Event(ctypes.Structure):
    """`espeak_EVENT`: `text_position` counts characters from 1, `audio_position` milliseconds."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Sound as espeak-ng hands it over, and what begins in it."""

    samples: Samples
    events: list[WordBegins | PhonemeBegins]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[tts.espeak]`."""

    voice: Annotated[
        str,
        msgspec.Meta(
            description='The voice, such as "en-us", "de" or "fr+f3" (f3: a female variant); empty '
            "takes the language's own."
        ),
    ] = ""
    rate_wpm: Annotated[
        int, msgspec.Meta(ge=80, le=450, description="How fast it speaks, in words a minute.")
    ] = 175
    pitch: Annotated[
        int, msgspec.Meta(ge=0, le=99, description="How high it speaks; 50 is the voice's own.")
    ] = 50
    volume: Annotated[
        float,
        msgspec.Meta(ge=0, le=2, description="How loud it speaks; 1 is the voice's own loudness."),
    ] = 1.0


def build(options: Options, context: BuildContext) -> EspeakVoice:
    """Choose a voice. Raises `ModelError` where there is none for the language, or no espeak-ng."""
    voice = options.voice or _VOICE_OF_LANGUAGE.get(context.language, context.language)
    library = _library()
    library.check_voice(voice)
    return EspeakVoice(library, voice, options)


class EspeakVoice:
    """One voice of the process's espeak-ng."""

    def __init__(self, library: _Library, voice: str, options: Options) -> None:
        self._library = library
        self._voice = voice
        self._options = options

    @property
    def rate_hz(self) -> int:
        return self._library.rate_hz

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        """The sound of `clause` in chunks of 100 ms, with the pause that its last mark asks for."""
        words = spoken_words(clause)
        if not words:
            return
        text = " ".join(word.text for word in words)
        clock = WordClock(words, self.rate_hz)
        # espeak-ng pushes, an iterator pulls: the synthesis runs on a thread of its own. The queue
        # has no limit, since a worker that waited for its consumer would keep the library from every
        # other voice; a clause of 400 words is 5 MB, made in 0.1 s.
        pieces: SimpleQueue[_Piece | EngineError | None] = SimpleQueue()
        stop = threading.Event()
        worker = threading.Thread(
            target=self._library.speak,
            args=(text, self._voice, self._options, pieces, stop),
            name="voiced-espeak",
        )
        worker.start()
        try:
            start_sample = 0
            while (piece := pieces.get()) is not None:
                if isinstance(piece, EngineError):
                    raise piece
                for event in piece.events:
                    clock.hear(event)
                yield from clock.add(AudioChunk(piece.samples, self.rate_hz, start_sample))
                start_sample += len(piece.samples)
            yield from clock.finish()
        finally:
            stop.set()
            worker.join()

    def close(self) -> None:
        """Nothing to free: the library (about 2 MB) is the process's, like any that is imported."""


class _Library:
    """The C library, which has one voice, one set of parameters and one callback at a time."""

    def __init__(self, library_path: Path, data_path: Path) -> None:
        data = str(data_path).encode()
        if len(data) > _LONGEST_DATA_PATH:
            message = (
                f"espeak-ng cannot read its data from {data_path}: the path has more than "
                f"{_LONGEST_DATA_PATH} bytes; install voiced in a folder with a shorter path"
            )
            raise ModelError(message)
        try:
            self._native = ctypes.CDLL(str(library_path))
        except OSError as error:
            message = f"espeak-ng does not load ({error}); reinstall espeakng-loader"
            raise ModelError(message) from error
        self._native.espeak_Synth.argtypes = (
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        self._data_path = data_path
        self._lock = threading.Lock()
        self.rate_hz: int = self._native.espeak_Initialize(
            _SYNCHRONOUS, _BUFFER_MS, data, _PHONEME_EVENTS | _DONT_EXIT
        )
        if self.rate_hz <= 0:
            message = f"espeak-ng finds no data in {data_path}; reinstall espeakng-loader"
            raise ModelError(message)

    def check_voice(self, voice: str) -> None:
        """Raise `ModelError` where there is no such voice."""
        with self._lock:
            if self._native.espeak_SetVoiceByName(voice.encode()) == 0:
                return
        known = sorted(path.name.lower() for path in self._data_path.glob("lang/*/*"))
        near = difflib.get_close_matches(voice.lower(), known, n=3, cutoff=0.5)
        meant = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
        message = f'espeak-ng has no voice "{voice}"; {meant}'
        raise ModelError(message)

    def speak(
        self,
        text: str,
        voice: str,
        options: Options,
        pieces: SimpleQueue[_Piece | EngineError | None],
        stop: threading.Event,
    ) -> None:
        """Put the sound of `text` into `pieces` until `stop`; then an error, if any, and None."""

        def take(
            wave: ctypes._Pointer[ctypes.c_int16], count: int, events: ctypes._Pointer[_Event]
        ) -> int:
            if count > 0:
                samples = np.ctypeslib.as_array(wave, (count,)).copy()
                pieces.put(_Piece(samples, _what_begins(events)))
            return int(stop.is_set())

        callback = _Callback(take)
        data = text.encode()
        native = self._native
        try:
            with self._lock:
                # The voice first: choosing one resets the parameters.
                failed = native.espeak_SetVoiceByName(voice.encode())
                native.espeak_SetParameter(_RATE, options.rate_wpm, 0)
                native.espeak_SetParameter(_PITCH, options.pitch, 0)
                native.espeak_SetParameter(_VOLUME, round(100 * options.volume), 0)
                native.espeak_SetSynthCallback(callback)
                failed = failed or native.espeak_Synth(
                    data, len(data) + 1, 0, _FROM_CHARACTER, 0, _UTF8 | _END_PAUSE, None, None
                )
            if failed:
                pieces.put(EngineError(f"espeak-ng cannot speak this (its error {failed})"))
        finally:
            pieces.put(None)


def _what_begins(events: ctypes._Pointer[_Event]) -> list[WordBegins | PhonemeBegins]:
    """The events that tell of words, copied: the library writes over its own."""
    found: list[WordBegins | PhonemeBegins] = []
    index = 0
    while (event := events[index]).type != _NO_MORE_EVENTS:
        if event.type == _WORD:
            found.append(WordBegins(event.text_position - 1, event.audio_position))
        elif event.type == _PHONEME:
            found.append(PhonemeBegins(event.name.startswith(_PAUSE), event.audio_position))
        index += 1
    return found


_LOADING: Final = threading.Lock()


@cache
def _loaded() -> _Library:
    import espeakng_loader

    return _Library(Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path()))


def _library() -> _Library:
    """The process's espeak-ng: initialising it again would pull the data from under its voices."""
    with _LOADING:
        return _loaded()
