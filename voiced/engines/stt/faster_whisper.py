"""Whisper by faster-whisper (CTranslate2), on windows as long as the utterance needs.

Whisper's own window is 30 s, and `transcribe()` pads everything to it. The encoder takes less, and
costs in proportion: here a command is padded with a second of silence, decoded greedily without
timestamps, and only where the answer is doubtful (`_whisper_windows.Decoded.is_doubtful`) decoded
again on the full window.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from msgspec import Meta, Struct

from voiced.engines.contracts import BuildContext
from voiced.engines.stt import _whisper_windows as windows
from voiced.engines.stt._whisper_windows import Decoded
from voiced.errors import EngineError, ModelError
from voiced.types import SAMPLE_RATE_HZ, AudioChunk, Samples, Transcript

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer
    from faster_whisper.transcribe import TranscriptionOptions

_HOP_SAMPLES: Final = 160


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[stt.faster_whisper]`."""

    model: Annotated[
        str,
        Meta(
            min_length=1,
            description="The Whisper model: a name of `voiced models list`, or the folder of a "
            "model in CTranslate2's format.",
        ),
    ] = "whisper-base.en"
    language: Annotated[
        str,
        Meta(
            pattern="^([a-z]{2,3}|auto|)$",
            description='What is spoken, for models of many languages: "auto" finds it out for '
            "each utterance, empty takes the configuration's `language`.",
        ),
    ] = ""
    compute_type: Annotated[
        Literal["int8", "int8_float32", "int8_float16", "float32", "float16", "bfloat16"],
        Meta(description="The numbers it computes with: int8 is the fastest on a CPU."),
    ] = "int8"
    device: Annotated[
        Literal["cpu", "cuda"],
        Meta(description="Where it computes. cuda needs NVIDIA's cuBLAS and cuDNN libraries."),
    ] = "cpu"
    beam: Annotated[
        int,
        Meta(
            ge=1,
            le=10,
            description="How many readings are followed at once: 1 is the fastest, 5 a little "
            "more exact.",
        ),
    ] = 1


def build(options: Options, context: BuildContext) -> FasterWhisper:
    """Load the model and run it once. Raises `ModelError`, `EngineError`."""
    folder = context.models.path(options.model)
    return FasterWhisper(_load(folder, options, context.threads), options, context.language)


class FasterWhisper:
    """The loaded model. It decodes in `transcript`, not while it is fed."""

    def __init__(self, model: WhisperModel, options: Options, language: str) -> None:
        self._model: WhisperModel | None = model
        self._options = options
        self._language = _choose_language(model, options, language)
        self._prompts: dict[str, tuple[Tokenizer, TranscriptionOptions]] = {}
        self._warm_up()

    def open(self) -> _Session:
        return _Session(self)

    def close(self) -> None:
        if self._model is not None:
            # Dropping the last reference would also free it, whenever that is.
            self._model.model.unload_model()
            self._model = None

    def decode(self, samples: Samples, language: str | None) -> tuple[Decoded, str | None]:
        """The words of at most `MAX_PIECE_SAMPLES`, and their language.

        `language` is what an earlier piece of the utterance was found to be in.
        """
        if windows.is_silent(samples):
            return windows.SILENCE, language
        try:
            short = windows.window_samples(len(samples))
            decoded, language = self._run(
                samples, short, windows.token_limit(len(samples)), language
            )
            if decoded.is_doubtful and short < windows.FULL_WINDOW_SAMPLES:
                full, language = self._run(
                    samples, windows.FULL_WINDOW_SAMPLES, windows.MAX_TOKENS, language
                )
                decoded = windows.better(decoded, full)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"faster-whisper failed: {_first_line(error)}") from error
        return decoded, language

    def _run(
        self, samples: Samples, window: int, max_tokens: int, language: str | None
    ) -> tuple[Decoded, str]:
        model = self._model
        if model is None:
            raise EngineError("faster-whisper is closed")
        features = model.feature_extractor(windows.padded(samples, window))
        encoded = model.encode(features[:, : window // _HOP_SAMPLES])
        spoken = language or self._language
        if spoken is None:
            ((token, _probability), *_rest) = model.model.detect_language(encoded)[0]
            spoken = token.strip("<|>")
        tokenizer, options = self._prompt(model, spoken)
        options.max_new_tokens = max_tokens
        result, log_probability, _temperature, compression_ratio = model.generate_with_fallback(
            encoded,
            model.get_prompt(tokenizer, [], without_timestamps=True),
            tokenizer,
            options,
        )
        ids = result.sequences_ids[0]
        decoded = Decoded(
            text=tokenizer.decode(ids).strip(),
            tokens=len(ids),
            log_probability=min(float(log_probability), 0.0),
            no_speech_probability=float(result.no_speech_prob),
            compression_ratio=float(compression_ratio),
            is_cut_off=len(ids) >= max_tokens,
        )
        return decoded, spoken

    def _prompt(self, model: WhisperModel, language: str) -> tuple[Tokenizer, TranscriptionOptions]:
        if language not in self._prompts:
            from faster_whisper.tokenizer import Tokenizer

            tokenizer = Tokenizer(
                model.hf_tokenizer,
                model.model.is_multilingual,
                task="transcribe",
                language=language,
            )
            self._prompts[language] = (tokenizer, _decoding(tokenizer, self._options.beam))
        return self._prompts[language]

    def _warm_up(self) -> None:
        """Pay for the first run now, and find out whether the device works at all."""
        noise = np.random.default_rng(0).integers(-100, 100, SAMPLE_RATE_HZ, dtype=np.int16)
        try:
            self._run(noise, windows.MIN_WINDOW_SAMPLES, 4, None)
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"Whisper does not run on {self._options.device} ({_first_line(error)}); "
                'set stt.faster_whisper.device = "cpu"'
            ) from error


class _Session:
    """One utterance. Pieces that are over are decoded once, the last one when it is asked for."""

    def __init__(self, engine: FasterWhisper) -> None:
        self._engine = engine
        self._fed: list[Samples] = []
        self._done: list[Decoded] = []
        self._done_samples = 0
        self._language: str | None = None
        self._newest: tuple[int, Decoded] | None = None

    def feed(self, chunk: AudioChunk) -> None:
        self._fed.append(chunk.samples)

    def partial(self) -> str:
        return ""

    def transcript(self) -> Transcript:
        sound = np.concatenate(self._fed) if self._fed else np.zeros(0, dtype=np.int16)
        self._fed = [sound]
        while len(sound) - self._done_samples > windows.MAX_PIECE_SAMPLES:
            rest = sound[self._done_samples :]
            piece = rest[: windows.cut_point(rest)]
            self._done.append(self._decode(piece))
            self._done_samples += len(piece)
        if self._newest is None or self._newest[0] != len(sound):
            self._newest = (len(sound), self._decode(sound[self._done_samples :]))
        return windows.joined([*self._done, self._newest[1]])

    def close(self) -> None:
        self._fed = []
        self._done = []
        self._done_samples = 0
        self._newest = None

    def _decode(self, samples: Samples) -> Decoded:
        decoded, self._language = self._engine.decode(samples, self._language)
        return decoded


def _load(folder: Path, options: Options, threads: int) -> WhisperModel:
    repair = (
        "choose another with: voiced models list"
        if folder.name != options.model
        else f"fetch it again with: voiced models pull {options.model}"
    )
    # Without these faster-whisper would go online for them, which nothing may do at run time.
    for name in ("model.bin", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(f"the Whisper model {folder} has no {name}; {repair}")

    from faster_whisper import WhisperModel

    try:
        model = WhisperModel(
            str(folder),
            device=options.device,
            compute_type=options.compute_type,
            cpu_threads=threads,
            num_workers=1,
            local_files_only=True,
        )
    except ValueError as error:
        # CTranslate2 says so of a compute type or a device that this machine has not.
        raise EngineError(
            f"Whisper cannot run here ({_first_line(error)}); set "
            'stt.faster_whisper.compute_type = "int8" and stt.faster_whisper.device = "cpu"'
        ) from error
    except Exception as error:
        # The tokenizer's library raises bare `Exception` on a broken file.
        raise ModelError(
            f"the Whisper model {folder} is damaged ({_first_line(error)}); {repair}"
        ) from error
    if model.model.n_mels != model.feature_extractor.mel_filters.shape[0]:
        raise ModelError(f"the Whisper model {folder} needs its preprocessor_config.json; {repair}")
    return model


def _choose_language(model: WhisperModel, options: Options, language: str) -> str | None:
    """The language to decode in; None to find it out from each utterance."""
    wanted = options.language or language
    if wanted == "auto":
        return None if model.model.is_multilingual else "en"
    if wanted in model.supported_languages:
        return wanted
    if not model.model.is_multilingual:
        raise ModelError(
            f'the Whisper model {options.model} knows English only, not "{wanted}"; set '
            f"stt.faster_whisper.model to one of many languages, such as whisper-base"
        )
    raise ModelError(
        f'Whisper does not know the language "{wanted}"; set stt.faster_whisper.language'
    )


def _decoding(tokenizer: Tokenizer, beam: int) -> TranscriptionOptions:
    """Greedy (or `beam`) decoding without timestamps, faster-whisper's own thresholds off."""
    from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

    return TranscriptionOptions(
        beam_size=beam,
        best_of=1,
        patience=1,
        length_penalty=1,
        repetition_penalty=1,
        no_repeat_ngram_size=0,
        log_prob_threshold=None,
        no_speech_threshold=None,
        compression_ratio_threshold=None,
        condition_on_previous_text=False,
        prompt_reset_on_temperature=0.5,
        temperatures=[0.0],
        initial_prompt=None,
        prefix=None,
        suppress_blank=True,
        suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        without_timestamps=True,
        max_initial_timestamp=0.0,
        word_timestamps=False,
        prepend_punctuations="",
        append_punctuations="",
        multilingual=False,
        max_new_tokens=None,
        clip_timestamps="0",
        hallucination_silence_threshold=None,
        hotwords=None,
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
