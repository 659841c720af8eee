"""Input maximisation: whose class a picture was climbed for, and what penalty and additions do to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from vizcore.lessons.truths import Bars, Given, Picture, Truth
from vizcore.techniques import maximize
from vizcore.techniques.maximisation import Ascent, Maximisation

_LETTERS = "ABCDEFGH"
_OFF: dict[str, Any] = {"jitter": 0, "turn": 0, "zoom": 0.0, "bounded": False, "blur": 0.0, "variation": 0.0}


def whose(given: Given, classes: list[str], of: str) -> Iterator[Truth]:
    """Which of the pictures A, B, ... was climbed for the class ``of``."""
    if of not in classes or len(classes) > 8 or not all(one in given.clf.classes for one in classes):
        raise ValueError(f"classes are {classes!r} and of is {of!r}; accepted: classes of the network, of among them.")
    params = _params(given)
    before: list[Picture] = []
    for letter, name in zip(_LETTERS, classes, strict=False):
        for found in maximize.maximize(given.clf, given.clf.classes.index(name), params):
            at = len(before) * found.of + found.step
            if at < len(classes) * found.of and found.step < found.of:
                yield Truth(None, tuple(before), step=at, of=len(classes) * found.of)
        before.append(Picture(letter, found.image))
    after = tuple(
        replace(one, title="maximised", values={"sign": one.title, "name": name})
        for one, name in zip(before, classes, strict=True)
    )
    numbers: dict[str, float | str] = {"class" + one.title: name for one, name in zip(before, classes, strict=True)}
    yield Truth(_LETTERS[classes.index(of)], tuple(before), after, numbers | {"name": of})


def alone_or_with(given: Given) -> Iterator[Truth]:
    """Which picture reaches the higher y - lambda ||I||^2: A by the formula alone in pixels, or B with additions."""
    params = _params(given)
    alone = replace(params, coordinates="pixels", **_OFF)
    pair: list[Ascent] = []
    for one in (replace(alone, step_size=0.05), params):
        for found in maximize.maximize(given.clf, given.target, one):
            if found.step < found.of:
                at = len(pair) * one.steps + found.step
                yield Truth(None, _pictures(pair), step=min(at, 2 * one.steps - 1), of=2 * one.steps)
        pair.append(found)
    values = [_measured(found) for found in pair]
    truth = "A" if values[0] > values[1] else "B"
    numbers: dict[str, float | str] = {"A": values[0], "B": values[1], "name": given.name}
    yield Truth(truth, _pictures(pair), (Bars("logits", tuple(zip("AB", values, strict=True)), "logit"),), numbers)


def contrast(given: Given, factor: float) -> Iterator[Truth]:
    """By what factor the contrast, the root of the mean square of I, falls when lambda is ``factor`` times as large."""
    base = replace(_params(given), coordinates="pixels", **_OFF)
    found: list[Ascent] = []
    for level in (base.lambda_, base.lambda_ * factor):
        for ascent in maximize.maximize(given.clf, given.target, replace(base, lambda_=level)):
            if ascent.step < ascent.of:
                at = len(found) * ascent.of + ascent.step
                yield Truth(None, (), step=min(at, 2 * ascent.of - 1), of=2 * ascent.of)
        found.append(ascent)
    first, then = (float(one.input.square().mean().sqrt()) for one in found)
    numbers: dict[str, float | str] = {"times": first / then, "first": first, "then": then, "name": given.name}
    numbers |= {"y_first": found[0].score, "y_then": found[1].score, "factor": factor}
    before = (Picture("lambda", found[0].image),)
    yield Truth(first / then, before, (Picture("lambda_times", found[1].image, values={"times": factor}),), numbers)


def told_as(given: Given) -> Iterator[Truth]:
    """The probability, in percent, that the network gives its own maximised picture for the class."""
    for found in maximize.maximize(given.clf, given.target, _params(given)):
        if found.step < found.of:
            yield Truth(None, (), step=found.step, of=found.of)
    answers = given.clf.all_scores(found.image[None])[0]
    p = 100 * float(answers[given.target])
    best = answers.topk(5).indices.tolist()
    rows = tuple((given.clf.classes[k], 100 * float(answers[k])) for k in best)
    shown = (Picture("maximised_alone", found.image),)
    yield Truth(p, shown, (Bars("answer", rows, "percent", given.name),), {"p": p, "name": given.name})


def _params(given: Given) -> Maximisation:
    return given.params(maximize.Maximisation, maximize.defaults(given.clf))


def _pictures(pair: list[Ascent]) -> tuple[Picture, ...]:
    return tuple(Picture(letter, found.image) for letter, found in zip("AB", pair, strict=False))


def _measured(found: Ascent) -> float:
    return found.measured.logits[0] if found.measured is not None else found.logit
