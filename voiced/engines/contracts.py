"""What an engine must do. Synchronous and free of asyncio: a new backend is one file, a fake is a list.

An engine is a module `voiced/engines/<kind>/<name>.py` with two names in it: `Options`, a frozen
`msgspec.Struct` of its settings (the table `[<kind>.<name>]` of the configuration), and
`build(options, context)`, which loads it. `registry.py` finds the file by its name; nothing else has to
be edited. Importing the module must be cheap: the library behind it is imported where it is loaded.

Every engine is used from one thread at a time (`inference.py` gives each its own) and need not lock.
Calls raise `ModelError` or `EngineError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from voiced.types import AudioChunk, Detection, Message, Prefill, Transcript


class ModelLocator(Protocol):
    """Finds a model on this machine; never downloads."""

    def path(self, model: str) -> Path:
        """The file or folder of `model`: a name of the catalogue, or a path of the user's own.

        Raises `ModelError` naming the command that fetches it where it is not there.
        """


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What an engine may know of the world when it is built.

    `threads` is how many cores it may use at once; `language` an ISO 639-1 code; `cache_dir` a folder of
    its own for what can be made again; `sentences` yields what the assistant expects to be told, one
    sentence a string, lower case, numbers spelled (only a recogniser that builds a language model asks).
    """

    models: ModelLocator
    cache_dir: Path
    language: str = "en"
    threads: int = 2
    sentences: Callable[[], Sequence[str]] = tuple


class Cancel(Protocol):
    """Asks running work to stop; `threading.Event` is one."""

    def is_set(self) -> bool: ...


class VoiceActivityDetector(Protocol):
    """Says how likely it is that a block holds speech."""

    def probability(self, chunk: AudioChunk) -> float:
        """The probability of speech, 0..1, in a block of `BLOCK_SAMPLES` at 16 kHz.

        Blocks are fed in order; a detector whose own window is longer keeps the rest and answers with
        its newest value.
        """

    def reset(self) -> None:
        """Forget what was heard; as if just built."""

    def close(self) -> None:
        """Free what it holds. Nothing is called after."""


class WakeWordDetector(Protocol):
    """Listens for one or more phrases."""

    @property
    def phrases(self) -> tuple[str, ...]:
        """What it listens for, as a person would say it."""

    def detect(self, chunk: AudioChunk) -> Detection | None:
        """The detection that a block of `BLOCK_SAMPLES` at 16 kHz completed, if any.

        One utterance of the phrase is reported once.
        """

    def reset(self) -> None:
        """Forget what was heard; as if just built."""

    def close(self) -> None:
        """Free what it holds. Nothing is called after."""


class SttSession(Protocol):
    """One utterance on its way to text."""

    def feed(self, chunk: AudioChunk) -> None:
        """Take the next block (16 kHz, any length). A streaming engine decodes here."""

    def partial(self) -> str:
        """What is understood so far, where that costs next to nothing to say; else ""."""

    def transcript(self) -> Transcript:
        """The text of all that was fed, as if the utterance ended here.

        It may go on all the same: more may be fed after it, at the price of decoding again.
        """

    def close(self) -> None:
        """Drop the utterance. May be called at any time, and twice."""


class SpeechToText(Protocol):
    """Turns utterances into text, one after another: at most one session is open at a time."""

    def open(self) -> SttSession:
        """Begin an utterance."""

    def close(self) -> None:
        """Free what it holds. Nothing is called after."""


class LanguageModel(Protocol):
    """A chat model whose context is grown, never rebuilt."""

    @property
    def context_tokens(self) -> int:
        """The longest conversation it can hold, its answer included."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens `messages` fill, with the chat template's own, opening of the reply included."""

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:
        """Make the context begin with `prefix`, which stands before every conversation.

        As `extend`, but what was evaluated may be kept on disk and restored in a fraction of the time;
        what was restored counts as reused.
        """

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:
        """Make the context equal to `messages` and the opening of a reply.

        Evaluates only what differs from what is there: the longest common prefix is kept. Returns early
        where `cancel` is set; the context then holds what was evaluated, and stays usable.
        Says on the way how likely the last message is whole (see `Prefill`).
        Raises `EngineError` where `messages` do not fit.
        """

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        """The reply, piece by piece, decoded as UTF-8 without torn characters.

        Ends at the model's end of turn or after `max_tokens`. Closing the iterator stops it between two
        tokens; what was generated stays in the context, and a later `extend` reuses it.
        """

    def close(self) -> None:
        """Free what it holds. Nothing is called after."""


class TextToSpeech(Protocol):
    """Speaks."""

    @property
    def rate_hz(self) -> int:
        """The sample rate of what it synthesises."""

    def synthesize(self, clause: str) -> Iterator[AudioChunk]:
        """The sound of `clause`, in chunks at `rate_hz` as they come, `start_sample` counted from 0.

        A voice that knows where its words end says so in the chunks' `word_ends`.
        Yields nothing for text with nothing to say in it. Closing the iterator stops the synthesis.
        """

    def close(self) -> None:
        """Free what it holds. Nothing is called after."""
