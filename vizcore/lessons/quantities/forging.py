"""A forged map: what becomes of the gradient, of the answer, and of the other methods' maps."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from vizcore import methods
from vizcore.evaluation.forging import Forged, Forging, corner, forge, mass
from vizcore.lessons.quantities.windows import top_five
from vizcore.lessons.truths import Bars, Box, Given, Map, Picture, Truth
from vizcore.networks.classifier import Classifier
from vizcore.techniques.saliency import Saliency, absolute_max, gradient

STEPS = 40
SHARE = 0.375  # of each side: the corner that the map is to show
# The last forged picture of each network: several steps of a lesson ask for the same one.
_last: weakref.WeakKeyDictionary[Classifier, tuple[tuple[object, ...], Forged]] = weakref.WeakKeyDictionary()


def forged_map(given: Given, bound: int) -> Iterator[Truth]:
    """The gradient's map of the picture whose map was forged: mass in the lower right corner."""
    for found in _forged(given, bound):
        heat = _heat(given, found.picture)
        numbers = _numbers(given, found)
        after = (_shown(given, found, bound), _map(given, found.picture, heat, "map_forged"))
        yield Truth(heat, _before(given, found, bound), after, numbers, found.step, found.of)


def forged_answer(given: Given, bound: int) -> Iterator[Truth]:
    """The class's probability on the forged picture, in percent."""
    for found in _forged(given, bound):
        shown = (_shown(given, found, bound),)
        answers = given.clf.all_scores(found.picture[None])[0]
        after = (top_five("answer_forged", answers, given),)
        before = (Picture("picture", given.image), *shown)
        yield Truth(100 * found.answer, before, after, _numbers(given, found), found.step, found.of)


def forged_methods(given: Given, bound: int, names: list[str]) -> Iterator[Truth]:
    """The methods, from the one whose map has gained most in the corner on: percentage points of its mass."""
    wish, gains = _wish(given), list[tuple[str, float]]()
    numbers: dict[str, float | str] = {}
    maps: list[Map] = []
    of = 1000 + len(names)
    for found in _forged(given, bound):
        numbers = _numbers(given, found)
        yield Truth(None, _before(given, found, bound), (), numbers, 1 + 999 * found.step // found.of, of)
    for done, name in enumerate(names, 1):
        if name not in methods.METHODS:
            raise ValueError(f"names has {name!r}; accepted: {', '.join(methods.METHODS)}.")
        heats = [_by(given, name, picture) for picture in (given.image, found.picture)]
        gains.append((name, 100 * (mass(heats[1], wish) - mass(heats[0], wish))))
        numbers = {**numbers, name: gains[-1][1]}
        maps.append(Map(f"map_{name}", found.picture, heats[1].abs(), False, boxes=(_box(given),)))
        ordered = sorted(gains, key=lambda one: -one[1])
        told = {**numbers, "most": ordered[0][0], "least": ordered[-1][0]}
        value = tuple(one for one, _ in ordered) if done == len(names) else None
        bars = Bars("corner_gains", tuple(ordered), "points", ordered[0][0])
        yield Truth(value, _before(given, found, bound), (*maps, bars), told, 1000 + done, of)


def forged_share(given: Given, bound: int) -> Iterator[Truth]:
    """How much of the forged map's mass lies in the corner, in percent."""
    for found in forged_map(given, bound):
        yield replace(found, value=found.numbers["after"])


def _forged(given: Given, bound: int) -> Iterator[Forged]:
    key = (given.clf.version, given.link.picture, given.target, bound)
    known = _last.get(given.clf)
    if known is not None and known[0] == key:
        yield replace(known[1], step=known[1].of)
        return
    for found in forge(given.clf, given.image, given.target, _wish(given), Forging(bound=bound, steps=STEPS)):
        if found.step == found.of:
            _last[given.clf] = key, found
        yield found


def _wish(given: Given) -> Tensor:
    return corner(given.clf.preprocess.size, SHARE)


def _box(given: Given) -> Box:
    top, left = _wish(given).nonzero().min(0).values.tolist()
    return Box("", (int(top), int(left), *given.clf.preprocess.size))


def _heat(given: Given, picture: Tensor) -> Tensor:
    return absolute_max(gradient(given.clf, picture, given.target, Saliency("logit")))


def _by(given: Given, name: str, picture: Tensor) -> Tensor:
    """The map (H,W) of a method; of gradients the magnitude, as the page of saliency shows it."""
    technique = methods.METHODS[name]
    params = technique(view="absolute") if name in ("gradient", "smoothgrad") else technique()
    *_, last = methods.explain(given.clf, picture, given.target, name, params)
    return last.heat


def _before(given: Given, found: Forged, bound: int) -> tuple[Picture | Map, ...]:
    original = Map(
        "map_before", given.image, _heat(given, given.image), False
    )  # without the frame: it is to be guessed
    return Picture("picture", given.image), original, _shown(given, found, bound)


def _shown(given: Given, found: Forged, bound: int) -> Picture:
    return Picture("forged", found.picture, values={"levels": bound})


def _map(given: Given, picture: Tensor, heat: Tensor, title: str) -> Map:
    return Map(title, picture, heat, False, boxes=(_box(given),))


def _numbers(given: Given, found: Forged) -> dict[str, float | str]:
    return {
        "name": given.name,
        "before": 100 * found.mass_before,
        "after": 100 * found.mass,
        "area": 100 * SHARE**2,
        "answer": 100 * found.answer,
        "answer_before": 100 * found.answer_before,
        "levels": found.largest,
    }
