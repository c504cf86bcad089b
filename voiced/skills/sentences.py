"""What the assistant expects to be told: what a recogniser's language model is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from hassil.expression import Sentence
from hassil.intents import Intents

from voiced.skills.language import Source, load_templates, read_table
from voiced.skills.names import HouseNames, common_names
from voiced.skills.sampling import Sampler
from voiced.skills.skillset import builtin_skills

_SHARES: Final = {
    "HassTurnOn": 12,
    "HassTurnOff": 12,
    "HassLightSet": 12,
    "HassStartTimer": 10,
    "HassGetState": 10,
    "HassIncreaseTimer": 3,
    "HassDecreaseTimer": 3,
    "HassClimateSetTemperature": 4,
    "HassClimateGetTemperature": 3,
    "HassShoppingListAddItem": 4,
    "HassListAddItem": 3,
    "HassSetVolume": 3,
    "HassSetVolumeRelative": 4,
    "HassSetPosition": 3,
    "VoicedCourtesy": 3,
    "VoicedStop": 2,
}
"""Of a hundred sentences, how many are of an intent; `_OTHER_SHARE` for the others. Set by what
people say to assistants most, and by how many words each has to teach."""

_OTHER_SHARE: Final = 1
_SENTENCES: Final = 5_000
_SOURCES: Final = {Source.OWN: 0.2, Source.RECOGNISER: 0.3, Source.HOME_ASSISTANT: 0.5}
"""How an intent's sentences are shared among the sources that have any of it."""

_COMMANDS: Final = frozenset(
    {
        "HassClimateSetTemperature",
        "HassLightSet",
        "HassSetVolume",
        "HassShoppingListAddItem",
        "HassStartTimer",
        "HassTurnOff",
        "HassTurnOn",
        "VoicedReminder",
    }
)
"""What people say "please" to."""

_BACKCHANNEL_REPEATS: Final = 4
_TRIES: Final = 6
_TOP_UPS: Final = 3
_MOST_REPEATS: Final = 10
_RARE_LISTS: Final = frozenset({"floor", "zone", "timer_command"})


def expected_sentences(language: str, names: HouseNames | None = None) -> list[str]:
    """The sentences that the assistant expects, likely ones several times, and what listeners say.

    About 5,000 are distinct; all are lower case, with numbers spelled and no punctuation but
    apostrophes. The same for the same language and `names` (common rooms and devices without).
    Takes about a second: keep the result. Raises `ConfigError` for a language that skills do not
    speak.
    """
    names = names or common_names(language)
    sentences = _sample(language, names)
    for _ in range(_TOP_UPS):
        left_out = _left_out(names, sentences)
        said = [*left_out.areas, *left_out.floors, *(device.name for device in left_out.devices)]
        if not said:
            break
        sentences += [
            sentence
            for sentence in _sample(language, left_out)
            if any(f" {name} " in f" {sentence} " for name in said)
        ]
    backchannels = read_table(language, "backchannels").get("expected", ())
    return [*sentences, *backchannels * _BACKCHANNEL_REPEATS]


def _left_out(names: HouseNames, sentences: Sequence[str]) -> HouseNames:
    """The names that no sentence holds: a large house has more than chance draws of some kinds."""
    text = " | ".join(["", *sentences, ""])
    return HouseNames(
        areas=tuple(area for area in names.areas if f" {area} " not in text),
        floors=tuple(floor for floor in names.floors if f" {floor} " not in text),
        devices=tuple(device for device in names.devices if f" {device.name} " not in text),
    )


def _sample(language: str, names: HouseNames) -> list[str]:
    skills = builtin_skills()
    examples = read_table(language, "examples")
    tables = [
        (share, _Templates(load_templates(language, skills, [source]), names, examples))
        for source, share in _SOURCES.items()
    ]
    sentences: list[str] = []
    for intent in sorted({name for _, table in tables for name in table.intents}):
        serving = [(share, table) for share, table in tables if intent in table.intents]
        quota = _SENTENCES * _SHARES.get(intent, _OTHER_SHARE) / 100
        unit = quota / sum(share for share, _ in serving)
        drawn = [s for share, table in serving for s in table.sample(intent, round(unit * share))]
        sentences += _with_manners(drawn, examples) if intent in _COMMANDS else drawn
    return sentences


class _Templates:
    """Parsed templates, and what fills them."""

    def __init__(self, parsed: Intents, names: HouseNames, examples: Mapping[str, Any]) -> None:
        self._parsed = parsed
        self._sampler = Sampler(
            parsed.language,
            parsed.expansion_rules,
            {**parsed.slot_lists, **names.slot_lists()},
            examples,
            usual=examples.get("usual", ()),
            unsaid=examples.get("unsaid", ()),
        )

    @property
    def intents(self) -> frozenset[str]:
        return frozenset(self._parsed.intents)

    def sample(self, intent: str, quota: int) -> list[str]:
        """About `quota` sentences of `intent`: where it has fewer, each several times."""
        templates = [
            (template, data, _weight(template))
            for data in self._parsed.intents[intent].data
            for template in data.sentences
        ]
        unit = quota / sum(weight for _, _, weight in templates)
        drawn: list[str] = []
        for template, data, weight in templates:
            wanted = max(1, round(unit * weight))
            distinct: dict[str, None] = {}
            for sentence in self._sampler.sentences(template, data, wanted * _TRIES):
                distinct[sentence] = None
                if len(distinct) == wanted:
                    break
            drawn += distinct
        repeats = min(_MOST_REPEATS, max(1, quota // max(1, len(drawn))))
        return drawn * repeats


def _weight(template: Sentence) -> float:
    """How much of its intent a template is: less where few people say it."""
    return 0.2 if _RARE_LISTS.intersection(template.list_names()) else 1.0


def _with_manners(sentences: Sequence[str], examples: Mapping[str, Any]) -> list[str]:
    """Every sixteenth sentence led by a "please", every sixteenth closed with one."""
    random = Random(0)
    polite = list(sentences)
    for start, words, before in ((0, "openers", True), (8, "closers", False)):
        for index in range(start, len(polite), 16):
            word = random.choice(examples.get(words) or [""])
            parts = (word, polite[index]) if before else (polite[index], word)
            polite[index] = " ".join(parts).strip()
    return polite
