"""Measures how well a language model knows a whole sentence from a cut-off one, and calibrates it.

    python -m tests.measure.end_of_turn MODEL [--write]

`MODEL` is a name of the catalogue. The sentences are ours (`tests/data/end_of_turn`), read behind the
prompt and the worked examples that every conversation begins with; the curve is fitted there, with both
classes of equal weight, and tried in a conversation and on sentences with capitals and full stops, too.
Figures are cross-validated in ten parts. `--write` puts the curve into `models/end_of_turn.toml`.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import threading
import tomllib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from voiced import resources
from voiced.core.conversation import Conversation
from voiced.core.prompt import EXAMPLES, SYSTEM_PROMPT
from voiced.engines.contracts import BuildContext, Cancel
from voiced.engines.llm import llama_cpp
from voiced.engines.llm._end_of_turn import Calibration
from voiced.models.store import ModelStore

DATA = Path(__file__).parents[1] / "data" / "end_of_turn"
FOLDS = 10
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
START = Conversation.begin(SYSTEM_PROMPT, EXAMPLES)
TALK = (
    START.after("good morning", "Good morning! How can I help you?")
    .after(
        "tell me about the sea", "The sea is a large body of salt water that", is_interrupted=True
    )
    .after("turn on the light", "The light is on.")
)
NEVER: Cancel = threading.Event()
HEADER = """\
# How likely a sentence is whole, from how likely a language model would end it there: one entry a model,
# P = 1 / (1 + exp(-(bias + slope * log-odds))). Made by `python -m tests.measure.end_of_turn MODEL --write`.
"""

Floats = npt.NDArray[np.float64]


class Sentence(NamedTuple):
    """What somebody said; `is_ambiguous` where the words alone do not tell whether that was all."""

    text: str
    is_whole: bool
    is_ambiguous: bool


def sentences() -> list[Sentence]:
    """All of them, the whole ones first."""
    return [
        Sentence(line.removesuffix(" *"), name == "whole", line.endswith(" *"))
        for name in ("whole", "cut")
        for line in (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]


def as_written(text: str) -> str:
    """With a capital and a full stop, as Whisper writes whatever it hears."""
    return text[0].upper() + text[1:].replace(" i ", " I ") + "."


def log_odds(engine: llama_cpp.LlamaCpp, talk: Conversation, texts: Sequence[str]) -> Floats:
    """What `engine`, whose curve must be the identity, thinks of each of `texts` said in `talk`."""
    found = []
    for text in texts:
        probability = engine.extend(talk.asking(text), NEVER).end_probability
        if probability is None:
            sys.exit("this model's chat template ends no messages: there is nothing to measure")
        clipped = min(max(probability, 1e-12), 1 - 1e-12)
        found.append(math.log(clipped / (1 - clipped)))
    return np.array(found)


def fit(odds: Floats, is_whole: npt.NDArray[np.bool_]) -> Calibration:
    """The likeliest logistic curve, by Newton's method, the two classes weighing the same."""
    weights = np.where(is_whole, 0.5 / is_whole.mean(), 0.5 / (1 - is_whole.mean()))
    inputs = np.stack([np.ones_like(odds), odds], axis=1)
    found = np.zeros(2)
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-inputs @ found))
        gradient = inputs.T @ (weights * (is_whole - fitted))
        curvature = (inputs * (weights * fitted * (1 - fitted))[:, None]).T @ inputs
        found += np.linalg.solve(curvature + 1e-6 * np.eye(2), gradient)
    return Calibration(bias=round(float(found[0]), 3), slope=round(float(found[1]), 3))


def held_out(odds: Floats, is_whole: npt.NDArray[np.bool_]) -> Floats:
    """The probability of each sentence by a curve that was fitted without it."""
    folds = np.random.default_rng(0).permutation(len(odds)) % FOLDS
    found = np.zeros_like(odds)
    for fold in range(FOLDS):
        is_in = folds == fold
        found[is_in] = probabilities(fit(odds[~is_in], is_whole[~is_in]), odds[is_in])
    return found


def probabilities(calibration: Calibration, odds: Floats) -> Floats:
    """`calibration` for each of `odds`."""
    return np.array([calibration.probability(float(one)) for one in odds])


def auc(values: Floats, is_whole: npt.NDArray[np.bool_]) -> float:
    """The area under the ROC curve: how often a whole sentence gets more than a cut-off one."""
    whole, cut = values[is_whole], values[~is_whole]
    wins = (whole[:, None] > cut).mean() + 0.5 * (whole[:, None] == cut).mean()
    return float(wins)


def report(name: str, odds: Floats, found: Floats, all_sentences: Sequence[Sentence]) -> None:
    """Print how good the probabilities `found` are."""
    is_whole = np.array([sentence.is_whole for sentence in all_sentences])
    is_clear = np.array([not sentence.is_ambiguous for sentence in all_sentences])
    clear = auc(odds[is_clear], is_whole[is_clear])
    print(f"\n{name}: AUC {auc(odds, is_whole):.3f}, without the ambiguous ones {clear:.3f}")
    print("  P above     " + "".join(f"{threshold:7.2f}" for threshold in THRESHOLDS))
    shares: tuple[tuple[str, npt.NDArray[np.bool_]], ...] = (
        ("whole", is_whole),
        ("cut off", ~is_whole),
        ("  of clear", ~is_whole & is_clear),
    )
    for label, chosen in shares:
        row = "".join(f"{(found[chosen] > threshold).mean():7.1%}" for threshold in THRESHOLDS)
        print(f"  {label:12}{row}")


def reliability(found: Floats, is_whole: npt.NDArray[np.bool_]) -> None:
    """Print what share is whole of those that were given about the same probability."""
    print("\nreliability, both classes weighing the same: P, share that is whole, sentences")
    weights = np.where(is_whole, 1 / is_whole.sum(), 1 / (~is_whole).sum())
    for low, high in pairwise((0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.01)):
        chosen = (found >= low) & (found < high)
        if chosen.any():
            share = weights[chosen & is_whole].sum() / weights[chosen].sum()
            mean = np.average(found[chosen], weights=weights[chosen])
            print(f"  {low:.2f}..{min(high, 1):.2f}  {mean:.2f}  {share:.2f}  {chosen.sum():4}")


def write(model: str, calibration: Calibration) -> None:
    """Put the entry of `model` into the file that ships."""
    path = resources.models_dir() / "end_of_turn.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    entries[model] = {"bias": calibration.bias, "slope": calibration.slope}
    tables = (
        f'\n["{name}"]\nbias = {entry["bias"]}\nslope = {entry["slope"]}\n'
        for name, entry in sorted(entries.items())
    )
    path.write_text(HEADER + "".join(tables), encoding="utf-8")


def main() -> None:
    """Measure, say, and write where that is wanted."""
    parser = argparse.ArgumentParser(description="How well a model knows a whole sentence.")
    parser.add_argument("model", help="a name of `voiced models list`")
    parser.add_argument("--write", action="store_true", help="write models/end_of_turn.toml")
    arguments = parser.parse_args()
    chosen = sentences()
    is_whole = np.array([sentence.is_whole for sentence in chosen])
    with tempfile.TemporaryDirectory() as cache:
        engine = llama_cpp.load(
            llama_cpp.Options(model=arguments.model),
            BuildContext(models=ModelStore(), cache_dir=Path(cache)),
            Calibration(bias=0, slope=1),
        )
        try:
            plain = [sentence.text for sentence in chosen]
            odds = log_odds(engine, START, plain)
            calibration = fit(odds, is_whole)
            print(f"{is_whole.sum()} whole sentences, {(~is_whole).sum()} cut off: {calibration}")
            found = held_out(odds, is_whole)
            report("behind the prompt", odds, found, chosen)
            reliability(found, is_whole)
            others: tuple[tuple[str, Conversation, Callable[[str], str]], ...] = (
                ("the same curve in a conversation", TALK, str),
                ("with a capital and a full stop", START, as_written),
            )
            for name, talk, written in others:
                other = log_odds(engine, talk, [written(text) for text in plain])
                report(name, other, probabilities(calibration, other), chosen)
        finally:
            engine.close()
    order = np.argsort(found)
    low = [chosen[index].text for index in order if is_whole[index]][:12]
    high = [chosen[index].text for index in order[::-1] if not is_whole[index]][:12]
    print(
        f"\nwhole, least likely so: {'; '.join(low)}\ncut off, likeliest whole: {'; '.join(high)}"
    )
    if arguments.write:
        write(arguments.model, calibration)


if __name__ == "__main__":
    main()
