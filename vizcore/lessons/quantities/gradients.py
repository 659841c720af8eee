"""Gradients: where they are strong, how far their line reaches, and what averaging noisy copies makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from vizcore.lessons.truths import Curve, Given, Map, Picture, Truth
from vizcore.networks.gradients import gradients
from vizcore.techniques import saliency, taylor

_CHUNK = 10  # copies at a time
_MOST = 500  # copies
_BEYOND = 1.6  # how far past the answer a curve is drawn


def gradient_map(given: Given) -> Iterator[Truth]:
    """|dy/dI|, the largest of the three colours: where a little more or less light changes the score most."""
    found = _gradient(given)
    heat = saliency.absolute_max(found)
    yield Truth(heat, (_picture(given),), (_map(given, "gradient", heat),), _on_object(given, heat))


def share(given: Given, smooth: bool = False) -> Iterator[Truth]:
    """How much of the map of the gradient, or of SmoothGrad, lies on the scene's object, in percent."""
    mask = given.mask()
    plain = saliency.absolute_max(_gradient(given))
    heat, shown = plain, [_map(given, "gradient", plain)]
    if smooth:
        *_, last = saliency.smoothgrad(given.clf, given.image, given.target, given.params(saliency.SmoothGrad))
        heat = saliency.absolute_max(last)
        shown.append(_map(given, "smoothgrad", heat))
    numbers = _on_object(given, heat) | {"plain": 100 * float(plain[mask].sum() / plain.sum())}
    before = (shown[0],) if smooth else (_picture(given),)
    yield Truth(float(numbers["share"]), before, tuple(shown), numbers)


def whose(given: Given, networks: list[str], of: str) -> Iterator[Truth]:
    """Which of the maps A, B, ... of the same picture and class is that of the network ``of``."""
    if of not in networks or len(networks) > 8:
        raise ValueError(f"of is {of!r}; accepted: one of networks, of which there are up to 8.")
    letters = "ABCDEFGH"
    before, after = [], []
    numbers: dict[str, float | str] = {"name": given.name}
    for letter, name in zip(letters, networks, strict=False):
        clf = given.load(name)
        found = saliency.gradient(clf, given.image, given.target)
        heat = saliency.absolute_max(found)
        before.append(Map(letter, given.image, heat, signed=False, unit="slope"))
        after.append(Map("gradient_of", given.image, heat, False, "slope", values={"sign": letter, "network": name}))
        numbers["network" + letter] = name
    yield Truth(letters[networks.index(of)], tuple(before), tuple(after), numbers)


def break_down(given: Given, tolerance: float = 0.1) -> Iterator[Truth]:
    """How far one may go along the gradient until its line is off by ``tolerance`` of what it promises: grey levels.

    The distance is the root of the mean square over pixels and colours, on a scale of 255 grey levels.
    """
    params = taylor.Taylor(tolerance=tolerance)
    for found in taylor.taylor_check(given.clf, given.image, given.target, params):
        if found.step < found.of:
            yield Truth(None, (_picture(given),), step=found.step, of=found.of)
    scale = 255 / math.sqrt(given.image.numel())
    if not math.isfinite(float(found.radius[0])):
        raise ValueError("the line never breaks down here; accepted: a class whose score is no line.")
    levels = scale * float(found.radius[0])
    middle = sorted(scale * float(one) for one in found.radius[2:])[(len(found.radius) - 3) // 2]
    near = found.radii <= 4 * found.radius[0]
    across = tuple((found.radii[near] * scale).tolist())
    real, line = ((side[0, near] - found.score).tolist() for side in (found.actual, found.linear))
    rows = (("network", tuple(real)), ("line", tuple(line)))
    chart = Curve("break_down", across, rows, "levels", "change_of_score")
    numbers: dict[str, float | str] = {
        "levels": levels,
        "random": middle,
        "slope": found.slope,
        "score": found.score,
        "name": given.name,
    }
    yield Truth(levels, (_picture(given),), (chart,), numbers, found.of, found.of)


def saturation(given: Given) -> Iterator[Truth]:
    """||dy/dI|| of the logit / ||dp/dI|| of the probability: how many times flatter the probability is here."""
    logit = saliency.gradient(given.clf, given.image, given.target, saliency.Saliency("logit"))
    probability = saliency.gradient(given.clf, given.image, given.target, saliency.Saliency("probability"))
    steep, flat = float(logit.gradient.norm()), float(probability.gradient.norm())
    if flat == 0:
        raise ValueError("the probability has no gradient here at all; accepted: a picture on which it has one.")
    numbers: dict[str, float | str] = {"times": steep / flat, "steep": steep, "flat": flat, "name": given.name}
    numbers["p"] = 100 * probability.score
    shown = (
        _map(given, "gradient_logit", saliency.absolute_max(logit)),
        _map(given, "gradient_probability", saliency.absolute_max(probability)),
    )
    yield Truth(steep / flat, (_picture(given),), shown, numbers)


def seeds(given: Given, copies: int = 1) -> Iterator[Truth]:
    """Pearson's correlation of SmoothGrad's signed maps under two seeds, in percent."""
    params = given.params(saliency.SmoothGrad)
    first, second = (_mean(given, replace(params, seed=seed), copies) for seed in (params.seed, params.seed + 1))
    numbers: dict[str, float | str] = {"r": 100 * _correlation(first, second), "copies": copies, "name": given.name}
    maps = [_map(given, title, w.abs().amax(0)) for title, w in (("seed_one", first), ("seed_other", second))]
    yield Truth(float(numbers["r"]), (_picture(given),), tuple(maps), numbers)


def copies(given: Given, at_least: float = 0.95) -> Iterator[Truth]:
    """After how many copies the maps of two seeds correlate by ``at_least``."""
    params = given.params(saliency.SmoothGrad)
    sums = [torch.zeros(given.image.shape, dtype=torch.float64) for _ in range(2)]
    course: list[float] = []
    needed, shown = 0, list[Map]()
    while len(course) < _MOST and (not needed or len(course) < _BEYOND * needed):
        numbers = range(len(course), len(course) + _CHUNK)
        both = [_gradients(given, replace(params, seed=params.seed + k), numbers) for k in range(2)]
        for one, other in zip(*both, strict=True):
            sums[0] += one
            sums[1] += other
            course.append(_correlation(*sums))
            if not shown or (not needed and course[-1] >= at_least):
                shown += [
                    _map(given, f"copies_{k}", (sums[k] / len(course)).abs().amax(0).float(), n=len(course))
                    for k in (0, 1)
                ]
            if not needed and course[-1] >= at_least:
                needed = len(course)
        yield Truth(None, (_picture(given),), step=min(len(course), _MOST - 1), of=_MOST)
    if not needed:
        raise ValueError(f"two seeds do not correlate by {at_least:g} within {_MOST} copies; accepted: less.")
    across = tuple(float(n) for n in range(1, len(course) + 1))
    chart = Curve("correlation", across, (("two_seeds", tuple(course)),), "copies", "correlation_title", at_least)
    told: dict[str, float | str] = {"n": needed, "first": 100 * course[0], "last": 100 * course[-1], "name": given.name}
    yield Truth(float(needed), (_picture(given),), (*shown[2:], chart), told, _MOST, _MOST)


def gain(given: Given, few: int, many: int) -> Iterator[Truth]:
    """||m_few - m'_few|| / ||m_many - m'_many||: how many times closer two seeds come by more copies."""
    params = given.params(saliency.SmoothGrad)
    apart = []
    for count in (few, many):
        first, second = (_mean(given, replace(params, seed=seed), count) for seed in (params.seed, params.seed + 1))
        apart.append(float((first - second).norm()))
    if apart[1] == 0:
        raise ValueError("two seeds give the same map here; accepted: a picture and a class with which they differ.")
    numbers: dict[str, float | str] = {"times": apart[0] / apart[1], "few": few, "many": many, "name": given.name}
    yield Truth(apart[0] / apart[1], (_picture(given),), (), numbers)


def noises(given: Given, noise: list[float], of: float) -> Iterator[Truth]:
    """Which of the maps A, B, ... is SmoothGrad with the noise ``of``."""
    if of not in noise or len(noise) > 8:
        raise ValueError(f"of is {of:g}; accepted: one of noise, of which there are up to 8.")
    params, letters = given.params(saliency.SmoothGrad), "ABCDEFGH"
    before: list[Map] = []
    numbers: dict[str, float | str] = {"name": given.name}
    for letter, level in zip(letters, noise, strict=False):
        *_, found = saliency.smoothgrad(given.clf, given.image, given.target, replace(params, noise=level))
        before.append(Map(letter, given.image, saliency.absolute_max(found), signed=False, unit="slope"))
        numbers["noise" + letter] = 100 * level
        if len(before) < len(noise):
            yield Truth(None, tuple(before), step=len(before), of=len(noise))
    after = tuple(
        replace(one, title="noise", values={"sign": one.title, "percent": numbers["noise" + one.title]})
        for one in before
    )
    yield Truth(letters[noise.index(of)], tuple(before), after, numbers, len(noise), len(noise))


def _gradient(given: Given) -> saliency.SaliencyMap:
    output = given.params(saliency.SmoothGrad).output if given.link.page == "saliency" else "logit"
    return saliency.gradient(given.clf, given.image, given.target, saliency.Saliency(output))


def _gradients(given: Given, params: saliency.SmoothGrad, copies: range) -> Tensor:
    """(n,C,H,W) of the given noisy copies."""
    noisy = saliency.noisy_copies(given.image, params, copies)
    return gradients(given.clf, noisy, given.target, params.output)[0].double()


def _mean(given: Given, params: saliency.SmoothGrad, count: int) -> Tensor:
    if not 1 <= count <= _MOST:
        raise ValueError(f"copies is {count}; accepted: 1 to {_MOST}.")
    total = torch.zeros(given.image.shape, dtype=torch.float64)
    for start in range(0, count, _CHUNK):
        total += _gradients(given, params, range(start, min(start + _CHUNK, count))).sum(0)
    return total / count


def _correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def _on_object(given: Given, heat: Tensor) -> dict[str, float | str]:
    """How much of a map lies on the object of a scene, and how much of the picture that is, in percent."""
    found: dict[str, float | str] = {"name": given.name}
    if given.scene is not None:
        mask = given.mask()
        found |= {"share": 100 * float(heat[mask].sum() / heat.sum()), "area": 100 * float(mask.float().mean())}
    return found


def _picture(given: Given) -> Picture:
    return Picture("picture", given.image)


def _map(given: Given, title: str, heat: Tensor, **values: float | str) -> Map:
    return Map(title, given.image, heat, signed=False, unit="slope", values={"name": given.name, **values})
