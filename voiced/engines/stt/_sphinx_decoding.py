"""One utterance through one or two decoders at once, with cepstra normalised to this microphone.

pocketsphinx subtracts a running cepstral mean from what it hears and takes it along from one utterance
to the next; with the mean of another microphone or voice it understands little. So an utterance whose own
mean turns out to be far from the one it was decoded with is decoded again, once, at its first pause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from voiced.engines.stt._sphinx_trim import Trimmer
from voiced.types import Samples, ms_to_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pocketsphinx import Decoder

Cepstrum = npt.NDArray[np.float64]

FIRST_MEAN: Final = "47,1,1,1,-2,-6,-3,-5,1,3,-1,0,2"
"""The mean to begin with: of recordings of 100 commands, names and numbers, by 24 voices (measured)."""

_WINDOW_FRAMES: Final = 500
_WINDOW_LIMIT_FRAMES: Final = 800
"""How many frames the earlier mean counts for, and after how many it is moved: constants of
pocketsphinx's live normalisation (`CMN_WIN` and `CMN_WIN_HWM` in its cmn.h)."""

_HISTORY_FRAMES: Final = 300
"""How much the earlier mean counts for where an utterance is decoded again."""

_FAR: Final = 3.0
"""The distance of means (root of the mean square) from which decoding again is worth it: it lowers the
word error rate of a first command from 0.15 to 0.11, nearer ones gain nothing (measured)."""

_GOING_ON_SAMPLES: Final = ms_to_samples(300)
"""What has to follow a look, silence left out, to be heard before it is asked for. In a noisy room the
noise after the last word is no silence, and hearing again would take the time of what answers."""

_PAUSE_FRAMES: Final = 10
_MIN_FRAMES: Final = 60
_SPOKEN_FRAMES: Final = 150
"""When an utterance's own mean is looked at: at a pause, if it is not shorter than the second, and while the
person speaks after the third. To decode again takes 0.2 s, for which somebody waits at the end."""

_SCORE_SHIFT: Final = 1024
"""pocketsphinx keeps path scores shifted right by ten bits (`SENSCR_SHIFT`)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a decoder makes of the utterance so far; `score` is the path's natural log-likelihood."""

    text: str
    score: float


class Decoding:
    """One utterance. The decoders hear the same and differ in what they expect.

    A look at the whole (`readings`) ends the utterance in the decoders. What was heard is kept, so that
    they can hear it again when more follows, with the mean that they began with. They keep their estimate
    of steady noise, as from one utterance to the next: without it the word error rate at a signal-to-noise
    ratio of 20 dB is 0.36 instead of 0.28 (measured).
    """

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        self._decoders = tuple(decoders)
        self._before = decoders[0].get_cmn()
        self._mean = self._before
        self._trimmer = Trimmer()
        self._heard: list[bytes] = []
        self._is_adapted = False
        self._looked: list[Reading] | None = None
        self._unseen_samples = 0
        self._start()

    @property
    def frames(self) -> int:
        """How many frames of 10 ms were decoded."""
        return int(self._decoders[0].n_frames())

    def feed(self, samples: Samples) -> None:
        """Decode the next stretch; after a look only once it is clear that speech goes on."""
        kept = self._trimmer.trim(samples)
        if len(kept):
            self._heard.append(kept.tobytes())
            if self._looked is None:
                self._decode(self._heard[-1])
            else:
                self._unseen_samples += len(kept)
        is_pause = self._trimmer.quiet_frames >= _PAUSE_FRAMES and not self._is_adapted
        if self._unseen_samples and (is_pause or self._unseen_samples >= _GOING_ON_SAMPLES):
            self._go_on()
        is_long = self._looked is None and self.frames >= _SPOKEN_FRAMES
        if self._looked is None and not self._is_adapted and (is_pause or is_long):
            self._is_adapted = self._adapt()

    def partial(self) -> list[Reading]:
        """What each decoder makes of it so far; shortly after a look, what it made of it then."""
        return self._looked or [_read(decoder) for decoder in self._decoders]

    def readings(self) -> list[Reading]:
        """What each decoder makes of it, if it ends here."""
        if self._unseen_samples:
            self._go_on()
        if self._looked is None:
            mean = self._mean
            if not self._is_adapted:
                self._adapt()
            for decoder in self._decoders:
                decoder.end_utt()
            self._mean = mean
            self._looked = [_read(decoder) for decoder in self._decoders]
        return self._looked

    def close(self) -> None:
        """End it. Its mean is left to the next utterance, if its whole was looked at."""
        if self._looked is None:
            for decoder in self._decoders:
                decoder.end_utt()
                decoder.set_cmn(self._before)

    def _start(self) -> None:
        for decoder in self._decoders:
            # Also makes the mean count for the same number of frames each time.
            decoder.set_cmn(self._mean)
            decoder.start_utt()

    def _go_on(self) -> None:
        self._looked = None
        self._unseen_samples = 0
        self._hear_again()

    def _hear_again(self) -> None:
        """From the beginning, in the same pieces: the search looks ahead within each."""
        self._start()
        for pcm in self._heard:
            self._decode(pcm)

    def _decode(self, pcm: bytes) -> None:
        for decoder in self._decoders:
            decoder.process_raw(pcm)

    def _adapt(self) -> bool:
        """Decode it again if its own mean is far from the one before; whether it was long enough."""
        frames = self.frames
        if frames < _MIN_FRAMES:
            return False
        before = _parse(self._mean)
        own = _own_mean(before, _parse(self._decoders[0].get_cmn(update=True)), frames)
        if float(np.sqrt(np.mean((own - before) ** 2))) >= _FAR:
            share = frames / (frames + _HISTORY_FRAMES)
            self._mean = _format(share * own + (1 - share) * before)
            for decoder in self._decoders:
                decoder.end_utt()
            self._hear_again()
        return True


def _own_mean(before: Cepstrum, after: Cepstrum, frames: int) -> Cepstrum:
    """The mean of the utterance alone, from the running mean before and after it."""
    weight = 1.0
    room = _WINDOW_LIMIT_FRAMES - _WINDOW_FRAMES + 1
    for _ in range(frames // room):
        weight *= _WINDOW_FRAMES / (_WINDOW_FRAMES + room)
    weight *= _WINDOW_FRAMES / (_WINDOW_FRAMES + frames % room)
    return (after - weight * before) / (1 - weight)


def _parse(mean: str) -> Cepstrum:
    return np.array([float(value) for value in mean.split(",")])


def _format(mean: Cepstrum) -> str:
    return ",".join(f"{value:.4f}" for value in mean)


def _read(decoder: Decoder) -> Reading:
    hypothesis = decoder.hyp()
    if hypothesis is None or not hypothesis.hypstr or hypothesis.best_score <= 0:
        return Reading("", -math.inf)
    return Reading(hypothesis.hypstr, math.log(hypothesis.best_score) * _SCORE_SHIFT)
