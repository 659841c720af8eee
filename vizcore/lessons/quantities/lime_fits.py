"""LIME: what superpixels are worth, what switching them off really does, and when not to believe the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from vizcore import params as declared
from vizcore.lessons.truths import Bars, Exhibit, Given, Map, Picture, Points, Region, Truth
from vizcore.techniques import lime
from vizcore.techniques.superpixels import segment


def order(given: Given, superpixels: list[int]) -> Iterator[Truth]:
    """The superpixels, called A, B, ..., from the largest weight on."""
    params = given.params(lime.Lime)
    segments = _segments(given, params)
    named = _named(superpixels, segments)
    before = (Picture("superpixels", given.image, regions=named),)
    for found in lime.explain(given.clf, given.image, given.target, params):
        if found.step < found.of:
            yield Truth(None, before, step=found.step, of=found.of)
    rows = sorted(
        ((one.name, float(found.weights[k])) for one, k in zip(named, superpixels, strict=True)),
        key=lambda pair: -pair[1],
    )
    numbers: dict[str, float | str] = {"weight" + name: 100 * value for name, value in rows} | {"name": given.name}
    numbers |= {"r2": 100 * found.r2, "first": rows[0][0], "count": len(found.weights)}
    after = (_map(given, found, "weights", named), Bars("weights", _percent(rows), "points"))
    yield Truth(tuple(name for name, _ in rows), before, after, numbers, found.of, found.of)


def switched(given: Given, off: list[int]) -> Iterator[Truth]:
    """y(I0) - y(I0 with the superpixels ``off``): percentage points, or logits."""
    params = given.params(lime.Lime)
    segments = _segments(given, params)
    named = _named(off, segments)
    before = (Picture("to_switch", given.image, regions=named),)
    *_, found = lime.explain(given.clf, given.image, given.target, params)
    scale = 100 if params.output == "probability" else 1
    whole = _score(given, params, segments, [])
    drop = scale * (whole - _score(given, params, segments, off))
    on = torch.ones(len(found.weights), dtype=torch.bool)
    on[off] = False
    promised = scale * float(lime.predict(found, torch.ones_like(on)) - lime.predict(found, on))
    numbers: dict[str, float | str] = {
        "drop": drop,
        "promised": promised,
        "before": scale * whole,
        "after": scale * whole - drop,
        "name": given.name,
    }
    for one, k in zip(named, off, strict=True):
        numbers["alone" + one.name] = scale * (whole - _score(given, params, segments, [k]))
        numbers["weight" + one.name] = scale * float(found.weights[k])
    picture = lime.reconstruct(given.clf, given.image, segments, on, params.fill)
    rows = (("real", drop), ("promised", promised))
    after = (Picture("switched", picture), Bars("falls", rows, "points" if scale == 100 else "logit"))
    yield Truth(drop, before, after, numbers)


def r2(given: Given) -> Iterator[Truth]:
    """R^2 of the linear model, in percent."""
    for found in lime.explain(given.clf, given.image, given.target, given.params(lime.Lime)):
        before = (_map(given, found, "weights"),)
        if found.step < found.of:
            yield Truth(None, (), step=found.step, of=found.of)
    numbers: dict[str, float | str] = {"r2": 100 * found.r2, "count": len(found.weights), "samples": found.of}
    yield Truth(100 * found.r2, before, (_points(found),), numbers | {"name": given.name}, found.of, found.of)


def lowest_r2(given: Given, setting: str, values: list[str]) -> Iterator[Truth]:
    """With which of the ``values`` of one of LIME's settings R^2 is lowest."""
    params = given.params(lime.Lime)
    if setting not in declared.specs(lime.Lime):
        raise ValueError(f"setting is {setting!r}; accepted: one of {', '.join(declared.specs(lime.Lime))}.")
    rows: list[tuple[str, float]] = []
    clouds: list[Points] = []
    for at, value in enumerate(values):
        changed, complaints = declared.from_json(lime.Lime, {setting: value}, params)
        if complaints:
            raise ValueError(f"values has {value!r}; accepted: {complaints[0].accepted}.")
        *_, found = lime.explain(given.clf, given.image, given.target, changed)
        rows.append((value, 100 * found.r2))
        clouds.append(replace(_points(found), title="fit_of", values={"which": value}))
        if at + 1 < len(values):
            yield Truth(None, (Picture("picture", given.image),), step=at + 1, of=len(values))
    low = min(rows, key=lambda pair: pair[1])
    high = max(rows, key=lambda pair: pair[1])
    numbers: dict[str, float | str] = {"lowest": low[0], "low": low[1], "highest": high[0], "high": high[1]}
    after: tuple[Exhibit, ...] = (Bars("r2", tuple(rows), "percent_of_variance", low[0]), *clouds)
    yield Truth(low[0], (Picture("picture", given.image),), after, numbers, len(values), len(values))


def seeds(given: Given) -> Iterator[Truth]:
    """Pearson's correlation of the weights under two seeds, in percent."""
    params = given.params(lime.Lime)
    *_, one = lime.explain(given.clf, given.image, given.target, params)
    before = (Picture("picture", given.image),)
    yield Truth(None, before, step=1, of=2)
    *_, other = lime.explain(given.clf, given.image, given.target, replace(params, seed=params.seed + 1))
    r = 100 * float(torch.corrcoef(torch.stack([one.weights, other.weights]))[0, 1])
    numbers: dict[str, float | str] = {"r": r, "samples": params.samples, "count": len(one.weights)}
    numbers |= {"name": given.name, "r2": 100 * one.r2}
    yield Truth(r, before, (_map(given, one, "seed_one"), _map(given, other, "seed_other")), numbers, 2, 2)


def _segments(given: Given, params: lime.Lime) -> Tensor:
    return segment(given.image, params)


def _named(wanted: list[int], segments: Tensor) -> tuple[Region, ...]:
    count = int(segments.max()) + 1
    if len(wanted) > 8 or len(set(wanted)) < len(wanted) or not all(0 <= k < count for k in wanted):
        raise ValueError(f"superpixels are {wanted!r}; accepted: up to 8 different ones from 0 to {count - 1}.")
    return tuple(Region(letter, segments == k) for letter, k in zip("ABCDEFGH", wanted, strict=False))


def _score(given: Given, params: lime.Lime, segments: Tensor, off: list[int]) -> float:
    on = torch.ones(int(segments.max()) + 1, dtype=torch.bool)
    on[off] = False
    picture = lime.reconstruct(given.clf, given.image, segments, on, params.fill)
    return float(given.clf.scores(picture[None], given.target, params.output)[0])


def _map(given: Given, found: lime.LimeMap, title: str, named: tuple[Region, ...] = ()) -> Map:
    unit = found.params.output
    return Map(title, given.image, found.heat(), unit=unit, regions=named, values={"name": given.name})


def _points(found: lime.LimeMap) -> Points:
    return Points("fit", tuple(found.scores.tolist()), tuple(found.predicted.tolist()))


def _percent(rows: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple((name, 100 * value) for name, value in rows)
