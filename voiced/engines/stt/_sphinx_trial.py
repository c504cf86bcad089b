"""Loads a decoder and lets it hear a moment of noise: `_sphinx_trial FOLDER DICTIONARY MODEL`.

Run as a process of its own: pocketsphinx ends the process that loads a damaged file, or crashes it.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pocketsphinx


def main() -> int:
    """Returns 0; raises, exits or crashes where the files are damaged."""
    folder, dictionary, language_model = sys.argv[1:]
    decoder = pocketsphinx.Decoder(
        hmm=folder, dict=dictionary, lm=language_model, fwdflat=False, logfn=os.devnull
    )
    noise = np.random.default_rng(0).normal(0, 1000, 4000).astype(np.int16)
    decoder.start_utt()
    decoder.process_raw(noise.tobytes())
    decoder.end_utt()
    return 0


if __name__ == "__main__":
    sys.exit(main())
