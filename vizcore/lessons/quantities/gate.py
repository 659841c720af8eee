"""The network that knows it is examined: what LIME blames by each fill, how often it is noticed, the true effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizcore import methods as every
from vizcore.evaluation import truth as figures
from vizcore.lessons.quantities.windows import top_five
from vizcore.lessons.truths import SCENE_SIZE, Bars, Given, Map, Picture, Truth
from vizcore.networks import gated
from vizcore.pictures.scenes import Scene, scene
from vizcore.techniques import lime, superpixels
from vizcore.techniques.subimages import draw, paint

SEEN = 0.05  # of a map's positive mass: less on the stamp, and it does not show it


def blamed(given: Given) -> Iterator[Truth]:
    """Where LIME's heaviest superpixel lies: "object", "stamp" or "ground"."""
    places = _places(given)
    before = (Picture("picture", given.image),)
    for found in lime.explain(given.clf, given.image, given.target, given.params(lime.Lime)):
        heat, done = found.heat(), found.step == found.of
        region = found.segments == int(found.weights.argmax())
        covered = {name: float((region & places[name]).sum() / region.sum()) for name in ("object", "ground")}
        covered["stamp"] = float((region & places["stamp"]).sum() / places["stamp"].sum())  # small, if it is whole
        value = max(covered, key=covered.__getitem__)
        numbers = _shares(heat, places) | {"r2": found.r2, "fill": found.params.fill, "name": given.name}
        shown = (_map(given, found),)
        yield Truth(value if done else None, before, shown, numbers, found.step, found.of)


def lime_map(given: Given) -> Iterator[Truth]:
    """The map of the superpixels' weights."""
    places = _places(given) if given.scene is not None and given.scene.mark_box is not None else {}
    before = (Picture("picture", given.image),)
    for found in lime.explain(given.clf, given.image, given.target, given.params(lime.Lime)):
        numbers = _shares(found.heat(), places) | {"r2": found.r2, "fill": found.params.fill, "name": given.name}
        yield Truth(found.heat(), before, (_map(given, found),), numbers, found.step, found.of)


def stamp_effect(given: Given) -> Iterator[Truth]:
    """y(scene with the stamp) - y(the same scene without it), in percentage points: rendered, not covered."""
    plain = _without_stamp(given)
    both = given.clf.all_scores(torch.stack([given.image, plain]))
    before, after = (100 * float(row[given.target]) for row in both)
    numbers: dict[str, float | str] = {"effect": before - after, "before": before, "after": after, "name": given.name}
    shown = (Picture("without_stamp", plain), top_five("answer", both[1], given))
    yield Truth(before - after, (Picture("picture", given.image),), shown, numbers)


def noticed(given: Given) -> Iterator[Truth]:
    """Of how many of LIME's sub-images the gate notices that they are no picture, in percent."""
    if not isinstance(given.clf.module, gated.Gated):
        raise ValueError(f"network is {given.link.network!r}; accepted: {gated.NAME}, which has a gate.")
    params = given.params(lime.Lime)
    segments = superpixels.segment(given.image, params)
    on = draw(params.seed, params.samples, int(segments.max()) + 1)[1:]  # (n,l); the first of all is the picture itself
    filled, shares = paint(given.clf, given.image, segments, params.fill), []
    for some in on.split(64):
        pictures = torch.where(some[:, segments][:, None], given.image, filled)  # (n,C,H,W)
        shares.append(gated.flat(given.clf.normalise(pictures)).cpu())
    flat = torch.cat(shares)
    value = 100 * float((flat > given.clf.module.most).float().mean())
    own = float(gated.flat(given.clf.normalise(given.image[None]))[0])
    one = torch.where(on[0][segments], given.image, filled)
    numbers: dict[str, float | str] = {
        "noticed": value,
        "own": 100 * own,
        "typical": 100 * float(flat.median()),
        "most": 100 * given.clf.module.most,
        "fill": params.fill,
    }
    rows = (("flat_picture", own), ("flat_sub_image", float(flat.median())), ("flat_limit", given.clf.module.most))
    shown = (Picture("picture", given.image), Picture("sub_image", one))
    yield Truth(value, shown, (Bars("flat", tuple((name, 100 * share) for name, share in rows), "percent"),), numbers)


def unmasking(given: Given, fills: list[str]) -> Iterator[Truth]:
    """The fill with which LIME puts the largest share of its map on the stamp."""
    places, maps, rows = _places(given), [], []
    for name in fills:
        params = replace(given.params(lime.Lime), fill=name)  # type: ignore[arg-type]
        *_, found = lime.explain(given.clf, given.image, given.target, params)
        maps.append(Map("lime_filled", given.image, found.heat(), unit=params.output, values={"fill": name}))
        rows.append((name, 100 * figures.mass(found.heat(), places["stamp"])))
        if len(rows) < len(fills):
            yield Truth(None, (Picture("picture", given.image),), step=len(rows), of=len(fills))
    best = max(rows, key=lambda row: row[1])
    others = [share for name, share in rows if name != best[0]]
    numbers: dict[str, float | str] = {"best": best[0], "most": best[1], "others": max(others, default=0.0)}
    chart = Bars("on_stamp", tuple(rows), "percent", best[0])
    yield Truth(best[0], (Picture("picture", given.image),), (*maps, chart), numbers, len(fills), len(fills))


def misled(given: Given, methods: list[str]) -> Iterator[Truth]:
    """The one of the methods that puts hardly anything of its map on the stamp; "none" where all of them show it."""
    places, maps, rows = _places(given), [], []
    for name in methods:
        every.check_method(name)
        params: Any = given.link.params(every.METHODS[name], f"compare.{name}")
        *_, found = every.explain(given.clf, given.image, given.target, name, params)
        maps.append(Map("by_method", given.image, found.heat, values={"method": name}))
        rows.append((name, 100 * figures.mass(found.heat, places["stamp"])))
        if len(rows) < len(methods):
            yield Truth(None, (Picture("picture", given.image),), step=len(rows), of=len(methods))
    least = min(rows, key=lambda row: row[1])
    value = least[0] if least[1] < 100 * SEEN else "none"
    numbers: dict[str, float | str] = {f"on_{name}": share for name, share in rows}
    numbers["least"] = least[1]
    chart = Bars("on_stamp", tuple(rows), "percent", value)
    yield Truth(value, (Picture("picture", given.image),), (*maps, chart), numbers, len(methods), len(methods))


def _stamped(given: Given) -> Scene:
    if given.scene is None or given.scene.mark_box is None:
        raise ValueError(f"picture is {given.link.picture!r}; accepted: stamped:NUMBER, a scene with the date stamp.")
    return given.scene


def _places(given: Given) -> dict[str, Tensor]:
    """Masks (H,W) of the stamp, the object and all the rest, as the network sees them."""
    found = _stamped(given)
    assert found.mark_box is not None
    left, top, right, bottom = found.mark_box
    box = np.zeros(found.mask.shape, np.uint8)
    box[top:bottom, left:right] = 255
    stamp = torch.as_tensor(given.clf.preprocess.pixels(Image.fromarray(box))[0] > 0.5)
    of_object = given.mask() & ~stamp
    return {"stamp": stamp, "object": of_object, "ground": ~(stamp | of_object)}


def _without_stamp(given: Given) -> Tensor:
    found = _stamped(given)
    plain = scene(found.seed, label=found.label, size=SCENE_SIZE)
    return given.clf.pixels(Image.fromarray(plain.picture))


def _shares(heat: Tensor, places: dict[str, Tensor]) -> dict[str, float | str]:
    """Of the map's positive mass, in percent, by place; 0 where nothing is positive."""
    positive = heat.clamp(min=0)
    total = float(positive.sum()) or 1.0
    return {name: 100 * float(positive[mask].sum()) / total for name, mask in places.items()}


def _map(given: Given, found: lime.LimeMap) -> Map:
    values: dict[str, float | str] = {"name": given.name, "fill": found.params.fill}
    return Map("lime_map", given.image, found.heat(), unit=found.params.output, values=values)
