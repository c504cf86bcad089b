"""A model and one context of llama.cpp, through the C interface that llama-cpp-python declares.

What is here knows tokens, not messages. Its own `Llama` class is not used: it copies the logits of
every token that it reads, cannot be stopped while it reads, and hides which tokens are in its cache.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voiced.errors import EngineError, ModelError

# Before the library comes in, which reads it once: its threads wait for each other several thousand
# times a second, and by default they spin. Where other processes want the cores, too, that is ruin:
# measured on two cores beside three busy processes, two threads made 1 to 20 tokens/s spinning, 40 to 70
# asleep, and one thread 50 to 70.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import llama_cpp as c
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from voiced.engines.contracts import Cancel

_log = logging.getLogger(__name__)

_LOG_LEVEL_ERROR: Final = 4
_ABORTED: Final = 2
_SEQUENCE: Final = 0
_TO_THE_END: Final = -1


class Native:
    """A loaded model with the keys and values of `held`, the tokens that it has read.

    `watched` are the logits, shape (vocab_tokens,), that the newest `read` was asked to look at.
    """

    def __init__(self, path: Path, *, context_tokens: int, batch_tokens: int, threads: int) -> None:
        """Map `path` into memory and make a context. Raises `ModelError`."""
        self.held: list[int] = []
        self.watched: npt.NDArray[np.float32] | None = None
        log = _library_log()
        log.errors.clear()
        model = c.llama_model_load_from_file(bytes(path), c.llama_model_default_params())
        if model is None:
            message = (
                f"{path} is not a model that llama.cpp can load ({log.reason()}); "
                "fetch it again with `voiced models pull`, or choose another"
            )
            raise ModelError(message)
        self._model = model
        params = c.llama_context_default_params()
        params.n_ctx = min(context_tokens, c.llama_model_n_ctx_train(model))
        params.n_batch = params.n_ubatch = min(batch_tokens, params.n_ctx)
        # A token alone reads every weight once: half the cores keep the memory busy, and the rest
        # would only wait for each other.
        params.n_threads = (threads + 1) // 2
        params.n_threads_batch = threads
        context = c.llama_init_from_model(model, params)
        vocab = c.llama_model_get_vocab(model)
        memory = None if context is None else c.llama_get_memory(context)
        if context is None or vocab is None or memory is None:
            if context is not None:
                c.llama_free(context)
            c.llama_model_free(model)
            message = (
                f"{path} has no room for {params.n_ctx} tokens, or is no model that generates text "
                f"({log.reason()}); lower llm.llama_cpp.context_tokens or choose another model"
            )
            raise ModelError(message)
        self._context = context
        self._vocab = vocab
        self._memory = memory
        self._batch_tokens = params.n_batch
        self._kinds = f"{params.type_k} {params.type_v} {params.flash_attn_type} {params.swa_full}"
        self.context_tokens: int = params.n_ctx
        self._piece = ctypes.create_string_buffer(256)

    @property
    def context(self) -> c.llama_context_p:
        """For samplers, which read the newest logits from it."""
        context: c.llama_context_p = self._context
        return context

    @property
    def vocab_tokens(self) -> int:
        count: int = c.llama_vocab_n_tokens(self._vocab)
        return count

    def circumstances(self) -> str:
        """What the keys and values of given tokens depend on besides the model's file."""
        versions = f"{c.__version__} {c.LLAMA_STATE_SEQ_MAGIC:x} {c.LLAMA_STATE_SEQ_VERSION}"
        return f"{versions} {self.context_tokens} {self._kinds}"

    def chat_template(self) -> str | None:
        """The Jinja source, where the model brings one."""
        source: bytes | None = c.llama_model_chat_template(self._model, None)
        return None if source is None else source.decode(errors="replace")

    def bos_text(self) -> str:
        return self._text(c.llama_vocab_bos(self._vocab))

    def eos_text(self) -> str:
        return self._text(c.llama_vocab_eos(self._vocab))

    def adds_bos(self) -> bool:
        """Whether a text must begin with the beginning-of-sequence token."""
        return bool(c.llama_vocab_get_add_bos(self._vocab))

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        """The tokens of `text`, the names of special tokens in it included."""
        data = text.encode(errors="replace")
        room = len(data) + 8
        while True:
            tokens = (c.llama_token * room)()
            count = c.llama_tokenize(self._vocab, data, len(data), tokens, room, add_special, True)
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def is_control(self, token: int) -> bool:
        return bool(c.llama_vocab_is_control(self._vocab, token))

    def ends_turn(self, token: int) -> bool:
        return bool(c.llama_vocab_is_eog(self._vocab, token))

    def token_text(self, token: int) -> str:
        """`token` as the vocabulary writes it: quicker than `piece`, with its signs for spaces."""
        return self._text(token)

    def piece(self, token: int) -> bytes:
        """The bytes that `token` stands for; a character may be spread over several."""
        while True:
            room = len(self._piece)
            count = c.llama_token_to_piece(self._vocab, token, self._piece, room, 0, False)
            if count >= 0:
                return self._piece.raw[:count]
            self._piece = ctypes.create_string_buffer(-count)

    def keep(self, tokens: int) -> int:
        """Forget all but the first `tokens` of `held`; how many are left.

        Models whose memory cannot be cut (recurrent ones) forget everything.
        """
        if tokens < len(self.held):
            if c.llama_memory_seq_rm(self._memory, _SEQUENCE, tokens, _TO_THE_END):
                del self.held[tokens:]
            else:
                self._forget()
        return len(self.held)

    def read(
        self, tokens: Sequence[int], cancel: Cancel | None = None, *, watch: int | None = None
    ) -> bool:
        """Append `tokens` to what is held; False where `cancel` stopped it, between two batches or
        inside one. `held` then says how far it came. Raises `EngineError`.

        What is expected behind `tokens[watch]` is in `watched` afterwards, once that was read; to look
        costs one more row of the output layer. Samplers read what is expected behind the last token.
        """
        self.watched = None
        for start in range(0, len(tokens), self._batch_tokens):
            if cancel is not None and cancel.is_set():
                return False
            batch = tokens[start : start + self._batch_tokens]
            place = -1 if watch is None else watch - start
            if not self._read_batch(batch, cancel, place):
                return False
        return True

    def state(self) -> bytes:
        """The keys and values of `held`, for `restore`; empty where this model's cannot be had."""
        size = c.llama_state_seq_get_size(self._context, _SEQUENCE)
        buffer = (ctypes.c_uint8 * size)()
        written: int = c.llama_state_seq_get_data(self._context, buffer, size, _SEQUENCE)
        return bytes(memoryview(buffer)[:written])

    def restore(self, tokens: Sequence[int], state: bytes) -> bool:
        """Hold `tokens`, whose `state` this is. False, with nothing held, where it does not fit."""
        self._forget()
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        taken = c.llama_state_seq_set_data(self._context, buffer, len(state), _SEQUENCE)
        last = c.llama_memory_seq_pos_max(self._memory, _SEQUENCE)
        if taken != len(state) or last != len(tokens) - 1:
            self._forget()
            return False
        self.held.extend(tokens)
        return True

    def close(self) -> None:
        c.llama_free(self._context)
        c.llama_model_free(self._model)

    def _read_batch(self, tokens: Sequence[int], cancel: Cancel | None, watch: int) -> bool:
        array = (c.llama_token * len(tokens))(*tokens)
        batch = c.llama_batch_get_one(array, len(tokens))
        if 0 <= watch < len(tokens):
            wanted = (ctypes.c_int8 * len(tokens))()
            wanted[watch] = wanted[-1] = 1
            batch.logits = wanted
        # llama.cpp asks between two operations of its graph, several thousand times a second.
        abort = c.ggml_abort_callback(0 if cancel is None else lambda _data: cancel.is_set())
        c.llama_set_abort_callback(self._context, abort, None)
        try:
            status = c.llama_decode(self._context, batch)
        finally:
            if cancel is not None:
                c.llama_set_abort_callback(self._context, c.ggml_abort_callback(0), None)
        if status == 0:
            self.held.extend(tokens)
            if 0 <= watch < len(tokens):
                row = c.llama_get_logits_ith(self._context, watch)
                self.watched = np.ctypeslib.as_array(row, (self.vocab_tokens,)).copy()
            return True
        if status == _ABORTED:
            return False
        self._forget()
        message = f"llama.cpp cannot evaluate the conversation (status {status})"
        raise EngineError(message)

    def _forget(self) -> None:
        c.llama_memory_clear(self._memory, False)
        self.held.clear()

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = c.llama_vocab_get_text(self._vocab, token)
        return text.decode(errors="replace")


class _Log:
    """What llama.cpp would print to standard error."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._callback = c.llama_log_callback(self._take)
        c.llama_log_set(self._callback, ctypes.c_void_p(0))

    def reason(self) -> str:
        """The first error since `errors` was emptied: the ones after it are consequences."""
        return self.errors[0] if self.errors else "it gives no reason"

    def _take(self, level: int, text: bytes, _data: object) -> None:
        line = text.decode(errors="replace").strip()
        if level == _LOG_LEVEL_ERROR and not self.errors:
            self.errors.append(line)
        _log.debug("llama.cpp: %s", line)


@cache
def _library_log() -> _Log:
    # Once a process: the library has one log, and calls it for as long as it lives.
    c.llama_backend_init()
    return _Log()
