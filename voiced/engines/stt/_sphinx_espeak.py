"""Prints how espeak-ng pronounces each word of standard input, a line each, as IPA joined by "_".

Run as a process of its own: espeak-ng keeps its voice in global variables, which a speaking engine of
the same process may be using.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

import espeakng_loader

_SYNCHRONOUS: Final = 2
_IPA: Final = 0x02
_SEPARATOR: Final = ord("_") << 8
_VOICE: Final = b"en-us"


def main() -> int:
    """Returns 1 where espeak-ng has no such voice, or no data."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    if library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0) < 0:
        return 1
    if library.espeak_SetVoiceByName(_VOICE) != 0:
        return 1
    phonemes = library.espeak_TextToPhonemes
    phonemes.restype = ctypes.c_char_p
    phonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    for line in sys.stdin.buffer:
        text = ctypes.c_char_p(line.strip())
        spoken = phonemes(ctypes.byref(text), 1, _IPA | _SEPARATOR)
        sys.stdout.buffer.write((spoken or b"") + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
