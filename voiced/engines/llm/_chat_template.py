"""The chat template that a model was trained with: Jinja source in its file, messages in, one text out.

The environment is the one that templates are written for, as Hugging Face documents it: blocks
trimmed, loop controls, `raise_exception` and `strftime_now`. Sandboxed, as templates come with models.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from voiced.errors import EngineError, ModelError
from voiced.types import Message


class ChatTemplate:
    """Writes a conversation the way one model reads it."""

    def __init__(self, source: str, *, bos_token: str, eos_token: str) -> None:
        """`source` is Jinja. Raises `ModelError` where it is not."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            message = f"the model's chat template does not parse ({error}); choose another model"
            raise ModelError(message) from error
        self._names = {
            "bos_token": bos_token,
            "eos_token": eos_token,
            "raise_exception": _raise,
            "strftime_now": _now,
        }

    def render(self, messages: Sequence[Message]) -> str:
        """`messages` and the opening of a reply. Raises `EngineError` where the template refuses them."""
        try:
            return self._template.render(
                messages=[{"role": str(m.role), "content": m.content} for m in messages],
                add_generation_prompt=True,
                **self._names,
            )
        except (TemplateError, TypeError, ValueError) as error:
            message = f"the model's chat template refuses the conversation: {error}"
            raise EngineError(message) from error


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)
