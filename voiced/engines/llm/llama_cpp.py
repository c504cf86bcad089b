"""Language models with llama.cpp: any instruct model in a GGUF file, on the processor's own cores.

The context is grown, never rebuilt: the tokens of a conversation are compared with those whose keys
and values are there already, and only what differs is evaluated. With SmolLM2-135M on one core of a
server that turns the 0.45 s that a prompt with examples takes into 75 ms for the question behind it.
From disk (3.3 MB) the prompt is back in 10 ms. Looking whether a question is whole costs 1 to 3 ms.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from voiced.engines.contracts import BuildContext, Cancel
from voiced.errors import EngineError, ModelError
from voiced.types import Message, Prefill, Role

if TYPE_CHECKING:
    import llama_cpp as c

    from voiced.engines.llm._chat_template import ChatTemplate
    from voiced.engines.llm._end_of_turn import Calibration, EndOfTurn
    from voiced.engines.llm._llama_native import Native
    from voiced.engines.llm._prefix_store import PrefixStore

_BATCH_TOKENS: Final = 64
"""Tokens that are evaluated at once, and lost where that is cancelled. Measured with SmolLM2-135M: 32
read 180 tokens/s, 64 as many as 512 (220), whose buffers take 12 MB more."""

_TOP_K: Final = 40
"""Only the likeliest are looked at: llama.cpp's own default, so that the rest need no sorting."""

_PENALTY_TOKENS: Final = 64
"""How far back a repetition counts: llama.cpp's own default, longer than a spoken answer."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[llm.llama_cpp]`."""

    model: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            description="The model: a name that `voiced models list` shows, or the path of a .gguf "
            "file of your own (an instruct model: it needs a chat template).",
        ),
    ] = "smollm2-135m"
    context_tokens: Annotated[
        int,
        msgspec.Meta(
            ge=256,
            le=131_072,
            description="The longest conversation it holds, in tokens; costs memory (23 KB each "
            "with smollm2-135m). No more than the model was trained for.",
        ),
    ] = 2048
    temperature: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=2, description="How freely it chooses words; 0 always takes the likeliest."
        ),
    ] = 0.0
    top_p: Annotated[
        float,
        msgspec.Meta(
            gt=0,
            le=1,
            description="The share of likely words it chooses among, where temperature is not 0.",
        ),
    ] = 0.9
    repeat_penalty: Annotated[
        float,
        msgspec.Meta(ge=1, le=2, description="How much it avoids words it has said; 1 does not."),
    ] = 1.1
    seed: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=2**32 - 2)] | None,
        msgspec.Meta(
            description="Makes what it chooses repeatable, where temperature is not 0. Unset draws "
            "anew each time."
        ),
    ] = None


def build(options: Options, context: BuildContext) -> LlamaCpp:
    """Load the model. Raises `ModelError` where it is missing, corrupt, or no chat model."""
    from voiced.engines.llm._end_of_turn import load_calibration

    return load(options, context, load_calibration(options.model))


def load(options: Options, context: BuildContext, calibration: Calibration | None) -> LlamaCpp:
    """As `build`, with a `calibration` of the end of turn that need not be the model's own."""
    from voiced.engines.llm._end_of_turn import EndOfTurn
    from voiced.engines.llm._llama_native import Native
    from voiced.engines.llm._prefix_store import PrefixStore

    path = context.models.path(options.model)
    if not path.is_file():
        message = f"there is no model at {path}; `voiced models list` shows what can be had"
        raise ModelError(message)
    native = Native(
        path,
        context_tokens=options.context_tokens,
        batch_tokens=_BATCH_TOKENS,
        threads=context.threads,
    )
    try:
        return LlamaCpp(
            native,
            _template(native, path),
            options,
            PrefixStore(context.cache_dir, path, native.circumstances()),
            None if calibration is None else EndOfTurn(native, calibration),
        )
    except BaseException:
        native.close()
        raise


class LlamaCpp:
    """One model with one conversation in its context."""

    def __init__(
        self,
        native: Native,
        template: ChatTemplate,
        options: Options,
        prefixes: PrefixStore,
        end_of_turn: EndOfTurn | None,
    ) -> None:
        self._native = native
        self._template = template
        self._prefixes = prefixes
        self._end_of_turn = end_of_turn
        self._sampler = _sampler(options, native.vocab_tokens)
        self._revision = 0
        self._is_ready = False
        # The tokens, up to a sentence's last, whose probability it is.
        self._judged: list[int] = []
        self._end_probability: float | None = None

    @property
    def context_tokens(self) -> int:
        return self._native.context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(self._tokens(messages))

    def begin(self, prefix: Sequence[Message], cancel: Cancel) -> Prefill:
        """See `LanguageModel.begin`. Holds what stands before every question behind `prefix`: its
        messages, and the opening of the next one. There is nothing to `generate` from yet.
        """
        self._revision += 1
        self._is_ready = False
        # Where a question's own tokens begin, only the model's template knows: there two of them part.
        one, other = (self._tokens([*prefix, Message(Role.USER, said)]) for said in "ab")
        wanted = one[: _common_length(one, other)]
        self._check_room(wanted)
        native = self._native
        reused = native.keep(_common_length(native.held, wanted))
        if reused < len(wanted):
            state = self._prefixes.load(wanted)
            if state is not None and native.restore(wanted, state):
                return Prefill(len(wanted), len(wanted))
            reused = len(native.held)
            if native.read(wanted[reused:], cancel):
                self._prefixes.save(wanted, native.state())
        return Prefill(len(native.held), reused)

    def extend(self, messages: Sequence[Message], cancel: Cancel) -> Prefill:
        """See `LanguageModel.extend`. Stops within milliseconds of `cancel`; what was evaluated is
        kept in steps of 64 tokens.
        """
        self._revision += 1
        self._is_ready = False
        wanted = self._tokens(messages)
        self._check_room(wanted)
        native = self._native
        said = [] if self._end_of_turn is None else self._end_of_turn.sentence(wanted)
        is_judged = not said or said == self._judged
        # The last token is read even where it is there: its logits are needed to go on from it. So
        # are those of the sentence's last one, unless what they tell is known.
        needed = len(wanted) - 1 if is_judged else len(said) - 1
        reused = native.keep(min(_common_length(native.held, wanted), needed))
        watch = None if is_judged else needed - reused
        self._is_ready = native.read(wanted[reused:], cancel, watch=watch)
        if self._end_of_turn is not None and native.watched is not None:
            self._judged = said
            self._end_probability = self._end_of_turn.probability(native.watched)
        is_known = self._is_ready and bool(said)
        return Prefill(len(native.held), reused, self._end_probability if is_known else None)

    def generate(self, *, max_tokens: int) -> Iterator[str]:
        """See `LanguageModel.generate`. Raises `EngineError` without a completed `extend` before."""
        import llama_cpp as c

        if not self._is_ready:
            message = "there is nothing to answer: the conversation was not evaluated to its end"
            raise EngineError(message)
        self._is_ready = False
        revision = self._revision
        native = self._native
        c.llama_sampler_reset(self._sampler)
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        for _ in range(max_tokens):
            token = c.llama_sampler_sample(self._sampler, native.context, -1)
            if native.ends_turn(token):
                return
            text = decoder.decode(native.piece(token))
            if text:
                yield text
            # The context may have gone on without this iterator; and the token must fit.
            if revision != self._revision or len(native.held) + 1 >= self.context_tokens:
                return
            native.read([token])

    def close(self) -> None:
        import llama_cpp as c

        c.llama_sampler_free(self._sampler)
        self._native.close()

    def _check_room(self, wanted: Sequence[int]) -> None:
        if len(wanted) >= self.context_tokens:
            message = (
                f"the conversation has {len(wanted)} tokens, but the model holds "
                f"{self.context_tokens}; shorten it or raise llm.llama_cpp.context_tokens"
            )
            raise EngineError(message)

    def _tokens(self, messages: Sequence[Message]) -> list[int]:
        plain = [Message(m.role, self._without_control_tokens(m.content)) for m in messages]
        text = self._template.render(plain)
        native = self._native
        begins = bool(native.bos_text()) and text.startswith(native.bos_text())
        return native.tokenize(text, add_special=native.adds_bos() and not begins)

    def _without_control_tokens(self, content: str) -> str:
        """What somebody says must not end their turn and begin another's."""
        while True:
            tokens = self._native.tokenize(content)
            if not any(map(self._native.is_control, tokens)):
                return content
            kept = [token for token in tokens if not self._native.is_control(token)]
            content = b"".join(map(self._native.piece, kept)).decode(errors="ignore")


def _common_length(left: Sequence[int], right: Sequence[int]) -> int:
    length = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        length += 1
    return length


def _template(native: Native, path: Path) -> ChatTemplate:
    from voiced.engines.llm._chat_template import ChatTemplate

    source = native.chat_template()
    if source is None:
        message = f"{path} has no chat template; choose an instruct (chat) model"
        raise ModelError(message)
    return ChatTemplate(source, bos_token=native.bos_text(), eos_token=native.eos_text())


def _sampler(options: Options, vocab_tokens: int) -> c.llama_sampler_p:
    import llama_cpp as c

    chain: c.llama_sampler_p = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
    if options.repeat_penalty > 1:
        c.llama_sampler_chain_add(
            chain,
            c.llama_sampler_init_penalties(
                vocab_tokens, _PENALTY_TOKENS, options.repeat_penalty, 0.0, 0.0
            ),
        )
    if options.temperature == 0:
        c.llama_sampler_chain_add(chain, c.llama_sampler_init_greedy())
        return chain
    seed = c.LLAMA_DEFAULT_SEED if options.seed is None else options.seed
    for step in (
        c.llama_sampler_init_top_k(_TOP_K),
        c.llama_sampler_init_top_p(options.top_p, 1),
        c.llama_sampler_init_temp(options.temperature),
        c.llama_sampler_init_dist(seed),
    ):
        c.llama_sampler_chain_add(chain, step)
    return chain
