"""Whether a sentence is whole, read from what a language model expects behind it.

Behind a whole sentence a model expects a full stop, a question mark, or the end of the message; behind
one that hangs, more words. A calibration, fitted for one model on sentences of ours, makes a probability
of it: `python -m tests.measure.end_of_turn` measures how good that is and writes the calibration.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

from voiced import resources
from voiced.errors import ModelError

if TYPE_CHECKING:
    from voiced.engines.llm._llama_native import Native

_TERMINAL_MARKS: Final = (".", "?", "!", "…", "。", "？", "！")
_WORD_SPACES: Final = "Ġ▁ "
"""How vocabularies write the space that a piece begins with: byte-level BPE, SentencePiece, plainly."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A logistic curve: P(whole) = 1 / (1 + exp(-(bias + slope * log-odds)))."""

    bias: float
    slope: float

    def probability(self, log_odds: float) -> float:
        """The probability, 0..1, that the sentence is whole."""
        return 0.5 + 0.5 * math.tanh(0.5 * (self.bias + self.slope * log_odds))


class EndOfTurn:
    """Knows the tokens that end a sentence in one vocabulary."""

    def __init__(self, native: Native, calibration: Calibration) -> None:
        """Looks through the whole vocabulary: 35 ms for 49,152 tokens."""
        self._calibration = calibration
        self._ends = frozenset(filter(native.ends_turn, range(native.vocab_tokens)))
        marks = (
            token
            for token in range(native.vocab_tokens)
            if native.token_text(token).lstrip(_WORD_SPACES).startswith(_TERMINAL_MARKS)
        )
        self._closing = frozenset({*self._ends, *marks})
        self._closing_rows = np.array(sorted(self._closing), np.intp)

    def sentence(self, tokens: Sequence[int]) -> list[int]:
        """`tokens` up to the last message's last word; empty where its template ends no messages.

        Marks that end the message are left out: some recognisers set a full stop behind whatever they
        heard, and behind a full stop all sentences are whole (area under the ROC curve 0.60, not 0.99).
        """
        end = len(tokens)
        while end and tokens[end - 1] not in self._ends:
            end -= 1
        while end and tokens[end - 1] in self._closing:
            end -= 1
        return list(tokens[:end])

    def log_odds(self, logits: npt.NDArray[np.float32]) -> float:
        """How much likelier, as a natural logarithm, the next token closes the sentence than not."""
        raised = np.exp(logits - logits.max())
        closing = float(raised[self._closing_rows].sum())
        others = max(float(raised.sum()) - closing, 1e-9)
        return math.log(max(closing, 1e-9) / others)

    def probability(self, logits: npt.NDArray[np.float32]) -> float:
        """The probability, 0..1, that the sentence before these `logits` is whole."""
        return self._calibration.probability(self.log_odds(logits))


def load_calibration(model: str, path: Path | None = None) -> Calibration | None:
    """The calibration that ships for the catalogue's `model`, None where it has none.

    Raises `ModelError` where the file is damaged.
    """
    path = path or resources.models_dir() / "end_of_turn.toml"
    try:
        entries = msgspec.convert(
            tomllib.loads(path.read_text(encoding="utf-8")), dict[str, Calibration]
        )
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise ModelError(f"{path} cannot be read ({error}); install voiced again") from error
    return entries.get(model)
