"""Which of several maps to believe: what deletion by each does to the score, and what is left of each without weights.

The maps are called A, B, C, ... in the order in which a lesson names their methods, and only their positive parts are
shown, so that nothing but their content gives a method away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from vizcore import methods as every
from vizcore.evaluation import faithfulness, sanity
from vizcore.lessons.truths import Bars, Curve, Given, Map, Truth
from vizcore.networks.classifier import Classifier

LETTERS = "ABCDEF"
NETWORKS = 2  # of random weights; the verdict on a map averages over them
ORDERS = 20  # of the pixels by chance
_STEPS = faithfulness.Faithfulness(steps=16)  # of a deletion curve


def by_deletion(given: Given, methods: list[str]) -> Iterator[Truth]:
    """The maps, from the one whose deletion curve has the smallest area on: the score falls fastest by it."""
    heats = _heats(given, methods)
    before, count = _unnamed(given, heats), len(methods)
    yield Truth(None, before, of=count + 1)
    curves: dict[str, tuple[float, ...]] = {}
    areas: dict[str, float] = {}
    x: tuple[float, ...] = ()
    for letter, heat in heats.items():
        *_, found = faithfulness.curves(given.clf, given.image, given.target, heat, _STEPS)
        x, curves[letter] = tuple(found.fractions.tolist()), tuple(found.deletion.tolist())
        areas[letter] = found.deletion_area
        if len(areas) < count:
            yield Truth(None, before, step=len(areas) + 1, of=count + 1)
    order = tuple(sorted(areas, key=areas.__getitem__))
    numbers: dict[str, float | str] = {f"area{letter}": area for letter, area in areas.items()}
    numbers |= _names(methods) | {"name": given.name, "best": order[0], "worst": order[-1]}
    chart = Curve("deletion", x, tuple((letter, curves[letter]) for letter in order), "deleted", "score")
    yield Truth(order, before, (*_named(given, methods, heats), chart), numbers, count + 1, count + 1)


def best_by_deletion(given: Given, methods: list[str]) -> Iterator[Truth]:
    """The map by which the score falls fastest."""
    for found in by_deletion(given, methods):
        value = found.value[0] if isinstance(found.value, tuple) else None
        yield Truth(value, found.before, found.after, found.numbers, found.step, found.of)


def blind(given: Given, methods: list[str]) -> Iterator[Truth]:
    """The map that is most like itself on networks of random weights."""
    heats = _heats(given, methods)
    before, count = _unnamed(given, heats), len(methods)
    yield Truth(None, before, of=count + 1)
    left: dict[str, float] = {}
    for letter, method in zip(heats, methods, strict=True):
        left[letter] = _left(given, method)[0]
        if len(left) < count:
            yield Truth(None, before, step=len(left) + 1, of=count + 1)
    value = max(left, key=left.__getitem__)
    numbers: dict[str, float | str] = {f"left{letter}": one for letter, one in left.items()}
    numbers |= _names(methods) | {"name": given.name}
    chart = Bars("left", tuple(left.items()), "correlation", value)
    yield Truth(value, before, (*_named(given, methods, heats), chart), numbers, count + 1, count + 1)


def without_weights(given: Given, method: str) -> Iterator[Truth]:
    """Spearman's correlation, from -1 to 1, of the map with that of networks whose weights are all random."""
    (heat,) = _heats(given, [method]).values()
    before = _map(given, heat, "by_method", {"method": method})
    yield Truth(None, (before,), of=2)
    value, random = _left(given, method)
    after = _map(given, random, "by_method_random", {"method": method})
    yield Truth(value, (before,), (before, after), {"left": value, "method": method, "name": given.name}, 2, 2)


def against_chance(given: Given, method: str) -> Iterator[Truth]:
    """Whether the map's deletion area lies below ("better"), within ("alike") or above ("worse") 90 % of chance."""
    (heat,) = _heats(given, [method]).values()
    before = (_map(given, heat, "by_method", {"method": method}),)
    for band in faithfulness.random_band(given.clf, given.image, given.target, _STEPS, ORDERS):
        yield Truth(None, before, step=band.step, of=ORDERS + 1)
    *_, found = faithfulness.curves(given.clf, given.image, given.target, heat, _STEPS)
    low, high = (float(one) for one in band.interval(band.areas))
    area = found.deletion_area
    value = "better" if area < low else "worse" if area > high else "alike"
    lines = (("of_map", tuple(found.deletion.tolist())), ("of_chance", tuple(band.deletion.mean(0).tolist())))
    chart = Curve("deletion", tuple(found.fractions.tolist()), lines, "deleted", "score")
    numbers: dict[str, float | str] = {"area": area, "low": low, "high": high, "method": method, "name": given.name}
    yield Truth(value, before, (*before, chart), numbers, ORDERS + 1, ORDERS + 1)


def _heats(given: Given, methods: list[str]) -> dict[str, torch.Tensor]:
    if len(methods) > len(LETTERS):
        raise ValueError(f"methods has {len(methods)} entries; accepted: up to {len(LETTERS)}.")
    return {letter: _heat(given, given.clf, method) for letter, method in zip(LETTERS, methods, strict=False)}


def _heat(given: Given, clf: Classifier, method: str) -> torch.Tensor:
    every.check_method(method)
    params: Any = given.link.params(every.METHODS[method], f"compare.{method}")
    *_, last = every.explain(clf, given.image, given.target, method, params)
    return last.heat


def _left(given: Given, method: str) -> tuple[float, torch.Tensor]:
    """The mean correlation, and the map of the first network of random weights."""
    params = sanity.Randomisation(stages=1, networks=NETWORKS)
    *_, found = sanity.cascade(given.clf, given.image, lambda clf: _heat(given, clf, method), params)
    return found.remaining, found.maps[-1]


def _map(given: Given, heat: torch.Tensor, title: str, values: dict[str, float | str]) -> Map:
    return Map(title, given.image, heat.clamp(min=0), signed=False, values=values)


def _unnamed(given: Given, heats: dict[str, torch.Tensor]) -> tuple[Map, ...]:
    return tuple(_map(given, heat, "lettered", {"letter": letter}) for letter, heat in heats.items())


def _named(given: Given, methods: list[str], heats: dict[str, torch.Tensor]) -> tuple[Map, ...]:
    pairs = zip(heats.items(), methods, strict=True)
    return tuple(
        _map(given, heat, "lettered_method", {"letter": letter, "method": method}) for (letter, heat), method in pairs
    )


def _names(methods: list[str]) -> dict[str, float | str]:
    """What each letter stands for."""
    return {f"method{letter}": method for letter, method in zip(LETTERS, methods, strict=False)}
