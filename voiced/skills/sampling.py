"""Draws sentences from hassil's templates, the likely ones more often.

A template of home-assistant-intents stands for up to millions of sentences, so they cannot all be
listed. Here each choice is drawn by chance from a generator seeded with the template's own text:
the same templates and names give the same sentences on every run and every machine.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import (
    IntentData,
    RangeSlotList,
    RangeType,
    SlotList,
    TextSlotList,
    WildcardSlotList,
)
from hassil.numbers import get_rbnf_engine
from hassil.util import check_required_context

_OPTIONAL_CHANCE = 0.4
_USUAL_CHANCE = 0.8
_NOTHING = ("#",)
"""Stands for a list without values; a sentence with any such sign in it is dropped."""
SIGNS = {"%": " percent", "°": " degrees"}


class Sampler:
    """Draws from templates that share rules, lists, and examples for what may be any words."""

    def __init__(
        self,
        language: str,
        rules: Mapping[str, Sentence],
        lists: Mapping[str, SlotList],
        examples: Mapping[str, Sequence[str]],
        *,
        usual: Sequence[str] = (),
        unsaid: Sequence[str] = (),
    ) -> None:
        """`examples` are what people say for each list that takes any words; `usual` the optional
        words that are seldom left out ("the"); `unsaid` patterns of what the templates allow and
        nobody says ("one hours").
        """
        self._usual = frozenset(usual)
        self._rules = rules
        self._lists = lists
        self._examples = examples
        self._unsaid = re.compile("|".join([r"[^\w' ]|\d", r"\b(\w+) \1\b", *unsaid]))
        self._engine = get_rbnf_engine(language)
        # What is drawn from again and again, by the identity of the list or choice.
        self._decks: dict[int, tuple[list[str], list[float]]] = {}
        self._fitting: dict[tuple[int, str], list[Expression]] = {}
        self._bags: dict[tuple[int, str], list[Expression]] = {}
        self._choices: dict[int, tuple[float, list[Expression], list[float]]] = {}

    def sentences(self, template: Sentence, data: IntentData, tries: int) -> Iterator[str]:
        """What `tries` draws from `template` give: lower case, numbers spelled, without punctuation
        but apostrophes. May repeat itself.

        The values of a list come round before any of them comes again, over all templates, so that
        no room or device is left out.
        """
        random = Random(template.text)
        for _ in range(tries):
            text = self._draw(template.expression, data, random).lower().replace("-", " ")
            for sign, word in SIGNS.items():
                text = text.replace(sign, word)
            text = " ".join(text.split())
            if text and not self._unsaid.search(text):
                yield text

    def _draw(self, expression: Expression, data: IntentData, random: Random) -> str:
        if isinstance(expression, TextChunk):
            return expression.original_text
        if isinstance(expression, RuleReference):
            rule = (
                data.expansion_rules.get(expression.rule_name) or self._rules[expression.rule_name]
            )
            return self._draw(rule.expression, data, random)
        if isinstance(expression, ListReference):
            return self._value(expression.list_name, data, random)
        if isinstance(expression, Alternative):
            return self._draw(self._choose(expression, random), data, random)
        if isinstance(expression, Group):
            items = list(expression.items)
            if isinstance(expression, Permutation):
                random.shuffle(items)
            return "".join(self._draw(item, data, random) for item in items)
        raise TypeError(f"hassil has a new kind of template, {type(expression).__name__}")

    def _value(self, name: str, data: IntentData, random: Random) -> str:
        values = data.slot_lists.get(name) or self._lists[name]
        if isinstance(values, WildcardSlotList):
            return random.choice(self._examples.get(name, _NOTHING))
        if isinstance(values, RangeSlotList):
            if id(values) not in self._decks:
                self._decks[id(values)] = self._deck(values)
            words, weights = self._decks[id(values)]
            return random.choices(words, cum_weights=weights)[0]
        if not isinstance(values, TextSlotList):
            raise TypeError(f"hassil has a new kind of list, {type(values).__name__}")
        key = (id(values), str(data.requires_context))
        if key not in self._fitting:
            self._fitting[key] = [
                value.text_in
                for value in values.values
                if check_required_context(
                    data.requires_context, value.context, allow_missing_keys=True
                )
            ]
        bag = self._bags.setdefault(key, [])
        if not bag:
            bag.extend(self._fitting[key])
            random.shuffle(bag)
        return self._draw(bag.pop(), data, random) if bag else _NOTHING[0]

    def _deck(self, numbers: RangeSlotList) -> tuple[list[str], list[float]]:
        """The numbers of the range in words, with cumulative weights."""
        values = list(numbers.get_numbers())
        words = [self._engine.format_number(value).text for value in values]
        return words, list(itertools.accumulate(_weight(value, numbers) for value in values))

    def _choose(self, group: Alternative, random: Random) -> Expression:
        """One of the alternatives, or nothing of an optional one.

        The n-th is drawn 1/n² as often as the first, since authors write the usual wording first.
        """
        if id(group) not in self._choices:
            self._choices[id(group)] = self._prepare(group)
        chance, items, weights = self._choices[id(group)]
        if not items or random.random() >= chance:
            return TextChunk.empty()
        return items[0] if len(items) == 1 else random.choices(items, cum_weights=weights)[0]

    def _prepare(self, group: Alternative) -> tuple[float, list[Expression], list[float]]:
        """The chance that anything is said, what may be, and its cumulative weights.

        A spelling that differs by an apostrophe alone ("whats") is the same word.
        """
        items = [
            item for item in group.items if not (isinstance(item, TextChunk) and item.is_empty)
        ]
        texts = [self._text(item) for item in items]
        spelled = {text.replace("'", "") for text in texts if "'" in text}
        items = [item for item, text in zip(items, texts, strict=True) if text not in spelled]
        is_usual = not self._usual.isdisjoint(text.strip() for text in texts)
        chance = (_USUAL_CHANCE if is_usual else _OPTIONAL_CHANCE) if group.is_optional else 1.0
        weights = itertools.accumulate(1 / (rank * rank) for rank in range(1, len(items) + 1))
        return chance, items, list(weights)

    def _text(self, item: Expression) -> str:
        """The words of a plain item, the first words of a choice; "" for anything else."""
        if isinstance(item, TextChunk):
            return item.text
        if isinstance(item, RuleReference):
            return self._text(self._rules[item.rule_name].expression)
        if isinstance(item, Alternative):
            return self._text(item.items[0])
        if isinstance(item, Group):
            return "".join(map(self._text, item.items))
        return ""


def _weight(value: float, numbers: RangeSlotList) -> float:
    """How often people say a number.

    Round and small ones most, comfortable temperatures, and few durations beyond sixty.
    """
    weight = 1.0
    if value % (5 * numbers.step) == 0:
        weight *= 6 if value % (10 * numbers.step) == 0 else 3
    if numbers.type is RangeType.TEMPERATURE:
        weight *= 5 if 15 <= value <= 30 or 60 <= value <= 80 else 0.5
        return weight if value == int(value) else weight / 5
    if numbers.type is RangeType.NUMBER and numbers.step == 1:
        weight = 6 if value <= 12 else weight
        return weight if value <= 60 else weight / 10
    return weight
