"""What people say in a conversation that is no request by itself, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from voiced.skills.backchannels import Backchannels
from voiced.skills.consent import Consent
from voiced.skills.recall import Recall


@dataclass(frozen=True, slots=True)
class Phrases:
    """See each."""

    backchannels: Backchannels
    recall: Recall
    consent: Consent

    @classmethod
    def of(cls, language: str) -> Self:
        """Those of `language`; one without a list of some has none of them."""
        return cls(Backchannels(language), Recall(language), Consent(language))
