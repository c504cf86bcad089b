"""Speech with Piper: neural voices in ONNX, many times as fast as real time on one core.

`piper.PiperVoice` turns text into phonemes (with an espeak-ng of its own) and runs the network, one
sentence at a time; the session is built here, since Piper's own loader takes every core and lets
its threads spin between two sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt

from voiced.core.spoken_text import SpokenWord, spoken_words
from voiced.engines.contracts import BuildContext
from voiced.engines.tts._phoneme_words import joined, word_ends_in_sentences
from voiced.errors import EngineError, ModelError
from voiced.types import AudioChunk, Samples, WordEnd, ms_to_samples

if TYPE_CHECKING:
    import piper
    from piper.config import PiperConfig

_PHONEME_TYPES: Final = ("espeak", "text")
"""The ways to phonemes that piper-tts can go without further packages or downloads."""

_INPUTS: Final = frozenset({"input", "input_lengths", "scales"})

_SILENCE: Final = 0.01
"""The part of a sentence's peak below which its beginning is silence: -40 dB. Measured on the
bundled voices: they begin with 130 to 230 ms at -50 to -70 dB, and the softest onset, the "f" of
"fifteen", passes -40 dB within 10 ms."""

_WORDS_REMEMBERED: Final = 2000
"""Words whose phonemes are kept: one costs 0.1 ms to ask for, and answers repeat them."""

_LEAD_MS: Final = 20
"""What stays of the silence before a clause: the softest onsets begin below the threshold."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[tts.piper]`."""

    voice: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            description="The voice: a name that `voiced models list` shows, or the path of a .onnx "
            "file of your own with its .onnx.json beside it.",
        ),
    ] = "en_US-flite_rms-low"
    speaker: Annotated[
        str,
        msgspec.Meta(
            description="Who speaks, where a voice has several speakers: a name or a number; empty "
            "takes the voice's first."
        ),
    ] = ""
    length_scale: Annotated[
        Annotated[float, msgspec.Meta(ge=0.3, le=4)] | None,
        msgspec.Meta(
            description="How slowly it speaks (0.3 to 4): 2 takes twice as long. Unset takes the "
            "voice's own pace."
        ),
    ] = None
    noise_scale: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=2)] | None,
        msgspec.Meta(
            description="How much the sound varies (0 to 2). Unset takes what suits the voice."
        ),
    ] = None
    noise_w: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=2)] | None,
        msgspec.Meta(
            description="How much the rhythm varies (0 to 2). Unset takes what suits the voice."
        ),
    ] = None
    volume: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=1, description="How loud it speaks; 1 lets its peaks reach full scale."
        ),
    ] = 0.8


def build(options: Options, context: BuildContext) -> PiperEngine:
    """Load a voice and let it speak once, unheard: the first sentence costs five times the others.

    Raises `ModelError` where the voice is missing, corrupt, not Piper's, or lacks the speaker.
    """
    model = _model_file(context.models.path(options.voice))
    config = _read_config(model)
    speaker_id = _speaker_id(options.speaker, config, model)
    voice = _load(model, config, context.threads)
    engine = PiperEngine(voice, options, speaker_id)
    try:
        for _ in engine.synthesize("a"):
            pass
    except EngineError as error:
        message = f"the voice {model} does not speak: {error}"
        raise ModelError(message) from error
    return engine


class PiperEngine:
    """One voice."""

    def __init__(self, voice: piper.PiperVoice, options: Options, speaker_id: int | None) -> None:
        from piper.config import SynthesisConfig

        self._voice = voice
        self._synthesis = SynthesisConfig(
            speaker_id=speaker_id,
            length_scale=options.length_scale,
            noise_scale=options.noise_scale,
            noise_w_scale=options.noise_w,
            volume=options.volume,
        )
        self._phonemes = lru_cache(_WORDS_REMEMBERED)(self._phonemize)

    @property
    def rate_hz(self) -> int:
        return self._voice.config.sample_rate

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        """The sound of `clause`, one sentence a chunk, with the ends of words where the voice has them.

        Voices begin with silence (0.13 to 0.23 s in ours), which a person would wait through. It is
        played after the clause instead, so that the pauses between clauses stay as they were.
        """
        words = spoken_words(clause)
        if not words:
            return
        start_sample = 0
        pause_samples = 0
        for samples, ends in self._sentences(words):
            if start_sample == 0:
                pause_samples = self._lead_samples(samples)
            skipped = pause_samples if start_sample == 0 else 0
            sound = samples[skipped:]
            if len(sound) > 0:
                moved = _moved(ends, start_sample - skipped, start_sample, len(sound))
                yield AudioChunk(sound, self.rate_hz, start_sample, moved)
                start_sample += len(sound)
        if pause_samples > 0:
            yield AudioChunk(np.zeros(pause_samples, np.int16), self.rate_hz, start_sample)

    def close(self) -> None:
        """Free the network and its threads; the phonemiser is the process's."""
        del self._voice, self._phonemes

    def _sentences(self, words: Sequence[SpokenWord]) -> Iterator[tuple[Samples, list[WordEnd]]]:
        """The samples of each sentence, and the words that end in them."""
        text = " ".join(word.text for word in words)
        try:
            sentences = self._voice.synthesize(text, self._synthesis, include_alignments=True)
            word_ends: list[list[tuple[int, int]]] | None = None
            for index, sentence in enumerate(sentences):
                samples_said = self._samples_said(sentence)
                if samples_said is None:
                    yield sentence.audio_int16_array, []
                    continue
                if word_ends is None:
                    word_ends = self._word_ends(text, words)
                ends = [WordEnd(done, int(samples_said[at])) for done, at in word_ends[index]]
                yield sentence.audio_int16_array, ends
        except Exception as error:  # onnxruntime's errors share no other base
            message = f"Piper cannot speak this: {_first_line(error)}"
            raise EngineError(message) from error

    def _word_ends(self, text: str, words: Sequence[SpokenWord]) -> list[list[tuple[int, int]]]:
        """For each sentence: so many words of the clause are said after so many of its phonemes."""
        sentences = [phonemes for phonemes in self._voice.phonemize(text) if phonemes]
        found = word_ends_in_sentences(sentences, [self._phonemes(word.text) for word in words])
        return [[(words[index].words_done, at) for index, at in ends] for ends in found]

    def _phonemize(self, word: str) -> list[str]:
        return joined(self._voice.phonemize(word))

    def _samples_said(self, sentence: piper.AudioChunk) -> npt.NDArray[np.int64] | None:
        """How many samples have passed after 0, 1, 2 ... phonemes, where the voice tells."""
        from piper.const import BOS, PAD

        samples = sentence.phoneme_id_samples
        if samples is None or len(samples) != len(sentence.phoneme_ids):
            return None
        ids = self._voice.config.phoneme_id_map
        pad = len(ids[PAD])
        counts = [len(ids[phoneme]) + pad if phoneme in ids else 0 for phoneme in sentence.phonemes]
        passed = np.cumsum([len(ids[BOS]) + pad, *counts])
        said: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(samples)])[passed]
        return said

    def _lead_samples(self, samples: Samples) -> int:
        loud = np.abs(samples.astype(np.float32))
        onset = int(np.argmax(loud >= max(1.0, _SILENCE * float(loud.max(initial=0)))))
        return max(0, onset - ms_to_samples(_LEAD_MS, self.rate_hz))


def _moved(ends: Sequence[WordEnd], by: int, start: int, length: int) -> tuple[WordEnd, ...]:
    """`ends` moved by `by` samples, kept within `length` samples from `start`, and rising."""
    said: dict[int, int] = {}
    for end in ends:
        if end.words > max(said.values(), default=0):
            said[min(max(end.end_sample + by, start), start + length)] = end.words
    return tuple(WordEnd(words, sample) for sample, words in said.items())


def _model_file(path: Path) -> Path:
    if path.is_dir():
        models = sorted(path.glob("*.onnx"))
        if len(models) != 1:
            message = f"{path} holds {len(models)} voices (.onnx); name the file of one"
            raise ModelError(message)
        return models[0]
    if not path.is_file():
        message = f"there is no voice at {path}; `voiced models list` shows what can be had"
        raise ModelError(message)
    return path


def _read_config(model: Path) -> PiperConfig:
    from piper.config import PiperConfig

    path = Path(f"{model}.json")
    try:
        config = PiperConfig.from_dict(json.loads(path.read_bytes()))
        is_usable = config.sample_rate > 0 and len(config.phoneme_id_map) > 0
    except FileNotFoundError as error:
        message = f"the voice {model} needs {path.name} beside it; fetch both files of the voice"
        raise ModelError(message) from error
    except KeyError as error:
        message = f"{path} lacks {error}: it describes no Piper voice; fetch the voice again"
        raise ModelError(message) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        message = f"{path} describes no Piper voice ({error}); fetch the voice again"
        raise ModelError(message) from error
    if not is_usable:
        message = f"{path} describes no Piper voice: no sample rate or no phonemes; fetch it again"
        raise ModelError(message)
    if config.phoneme_type.value not in _PHONEME_TYPES:
        message = (
            f"the voice {model} needs Piper's {config.phoneme_type.value} phonemes, which need "
            f"further downloads; choose a voice with {' or '.join(_PHONEME_TYPES)} phonemes"
        )
        raise ModelError(message)
    return config


def _speaker_id(speaker: str, config: PiperConfig, model: Path) -> int | None:
    if not speaker:
        return None
    if speaker in config.speaker_id_map:
        return config.speaker_id_map[speaker]
    if speaker.isdecimal() and int(speaker) < config.num_speakers:
        return int(speaker)
    known = ", ".join(sorted(config.speaker_id_map)) or f"0 to {config.num_speakers - 1}"
    message = f'the voice {model} has no speaker "{speaker}"; it has {known}'
    raise ModelError(message)


def _load(model: Path, config: PiperConfig, threads: int) -> piper.PiperVoice:
    import onnxruntime
    import piper

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = threads
    session_options.inter_op_num_threads = 1
    session_options.log_severity_level = 3
    # Waiting threads sleep: sentences come seconds apart, and others need the cores.
    session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every length of sentence would leave its buffers behind.
    session_options.enable_cpu_mem_arena = False
    try:
        session = onnxruntime.InferenceSession(
            str(model), sess_options=session_options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no other base
        message = f"{model} is not a whole ONNX model; fetch the voice again ({_first_line(error)})"
        raise ModelError(message) from error
    missing = _INPUTS - {entry.name for entry in session.get_inputs()}
    if missing:
        message = f"{model} is no Piper voice: it lacks the input {', '.join(sorted(missing))}"
        raise ModelError(message)
    return piper.PiperVoice(session=session, config=config)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
