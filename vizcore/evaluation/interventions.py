"""effect of a part = y(with it) - y(without it), where both pictures can be drawn: on scenes.

Every other figure about a map covers pixels with something, and the network may answer to the cover. A scene is drawn
again without the part (:mod:`vizcore.pictures.scene_parts`): what comes forward is the ground that was behind it. So
the effect is that of the part, and what a map says of the part can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.pictures.scene_parts import PARTS, UNCHANGED, Changes, Part, regions, without
from vizcore.pictures.scenes import Scene
from vizcore.targets import Output, Target

Compose = Callable[[Changes], Scene]  # draws one and the same scene with what is to be different about it


@dataclass(frozen=True, eq=False)
class Effect:
    """What one part does to the score: ``effect`` = y(with) - y(without), in the unit of the score.

    ``region`` is where the part is seen, bool (H,W) as the network sees it; ``without`` the picture without it, (C,H,W)
    in [0,1].
    """

    part: Part
    effect: float
    region: NDArray[np.bool_]
    without: Tensor


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of all parts that the scene has: ``score`` is y of the scene ``image`` (C,H,W) as it is.

    ``missing`` are the parts that it lacks, or of which the network sees nothing: they have no effect to speak of,
    which is something else than an effect of zero.
    """

    score: float
    image: Tensor
    parts: tuple[Effect, ...]
    missing: tuple[Part, ...]

    @property
    def by_part(self) -> dict[Part, float]:
        """The effects by part."""
        return {one.part: one.effect for one in self.parts}

    @property
    def regions(self) -> dict[Part, NDArray[np.bool_]]:
        """Where the parts are seen."""
        return {one.part: one.region for one in self.parts}


def effects(clf: Classifier, compose: Compose, target: Target, output: Output = "probability") -> Effects:
    """effect_p = y(I) - y(I without p) for each part p of the scene, all else in it being equal.

    ``compose(changes)`` draws the scene, as :func:`vizcore.pictures.scenes.scene` does of one seed. The scene is drawn
    once for each part and once as it is, and the network asked once about all of them. What stays equal is said at
    :class:`vizcore.pictures.scene_parts.Changes`. The effects need not add up to y: parts can stand in for each other.

    Removing a part and measuring the fall of the answer is what Hesse et al. 2023, "FunnyBirds: A Synthetic Vision
    Dataset for a Part-Based Analysis of Explainable AI Methods", do with birds made of parts.
    """
    whole = compose(UNCHANGED)
    seen = regions_as_seen(clf, whole)
    pictures = [clf.pixels(Image.fromarray(whole.picture))]
    pictures += [clf.pixels(Image.fromarray(compose(without(part)).picture)) for part in seen]
    y = clf.scores(torch.stack(pictures), target, output).tolist()
    found = [Effect(part, y[0] - y[k], seen[part], pictures[k]) for k, part in enumerate(seen, start=1)]
    return Effects(y[0], pictures[0], tuple(found), tuple(part for part in PARTS if part not in seen))


def regions_as_seen(clf: Classifier, made: Scene) -> dict[Part, NDArray[np.bool_]]:
    """Where each part is seen, bool (H,W) as the network's preprocessing makes it; parts out of its sight are left out.

    As in :func:`vizcore.pictures.scene_parts.regions`, the shadow lies within the object and all others are apart.
    """
    found: dict[Part, NDArray[np.bool_]] = {}
    taken: NDArray[np.bool_] = np.zeros(clf.input_shape[1:], bool)
    drawn = regions(made)
    for part in ("stamp", "object", "distractor"):  # resizing rounds: each pixel is the first one's that holds it
        if part in drawn:
            found[part] = _seen(clf, drawn[part]) & ~taken
            taken = taken | found[part]
    if "shadow" in drawn and "object" in found:
        found["shadow"] = _seen(clf, drawn["shadow"]) & found["object"]
    found["background"] = ~taken
    return {part: found[part] for part in PARTS if part in found and found[part].any()}


def claims(heat: ArrayLike, where: Mapping[Part, NDArray[np.bool_]]) -> dict[Part, float]:
    """claim_p = sum of the map's values in the region of p: what a map (H,W) says of each part, signs kept.

    Raises ValueError where the map's shape is not the regions', or a value is not finite.
    """
    values = np.asarray(heat, dtype=np.float64)
    for region in where.values():
        if values.shape != region.shape:
            raise ValueError(f"heat has shape {values.shape}; accepted: {region.shape}, that of the regions.")
    if not np.isfinite(values).all():
        raise ValueError("heat has values that are not finite; accepted: finite numbers.")
    return {part: float(values[region].sum()) for part, region in where.items()}


def scaled(claimed: Mapping[Part, float], to: Mapping[Part, float]) -> dict[Part, float]:
    """c_p * sum |e| / sum |c|: the claims as large, taken together, as the effects ``to``; all NaN where all are zero.

    Maps have units of their own; one positive factor for each map brings them to one scale and changes no order and no
    sign.
    """
    size = sum(map(abs, claimed.values()))
    factor = sum(map(abs, to.values())) / size if size > 0 else float("nan")
    return {part: value * factor for part, value in claimed.items()}


def agreement(claimed: Mapping[Part, float], true: Mapping[Part, float]) -> float:
    """sum c e / sqrt(sum c^2 * sum e^2) over the parts: the uncentred correlation of claims and effects, in [-1,1].

    1 where a map shares its mass out as the parts share the effect, whatever its unit; -1 with all signs turned; 0 on
    average for maps whose signs are drawn by chance. Uncentred, since zero means something: a part without effect that
    is claimed to have one counts against the map, also among two or three parts, of which a centred correlation makes
    +-1 or little else. NaN where the map says nothing of any part, or no part has an effect.
    """
    c, e = (np.array([one[part] for part in true], dtype=np.float64) for one in (claimed, true))
    size = np.sqrt((c @ c) * (e @ e))
    return float(np.clip(c @ e / size, -1.0, 1.0)) if size > 0 else float("nan")


def pooled(pairs: Sequence[tuple[Mapping[Part, float], Mapping[Part, float]]]) -> float:
    """r = Pearson's correlation over all parts of all scenes, each scene's claims put on the scale of its effects.

    ``pairs`` are (claims, effects), one for each scene. Here scenes count by how much happens in them. Scenes of which
    the map says nothing, and fewer than two different values, give nothing: NaN.
    """
    points = [
        (one, true[part])
        for claimed, true in pairs
        for part, one in scaled(claimed, true).items()
        if np.isfinite(one)
    ]  # fmt: skip
    if len(points) < 2:
        return float("nan")
    c, e = (column - column.mean() for column in np.array(points).T)
    size = np.sqrt((c @ c) * (e @ e))
    return float(np.clip(c @ e / size, -1.0, 1.0)) if size > 0 else float("nan")


def spread(values: Mapping[Part, float], where: Mapping[Part, NDArray[np.bool_]]) -> NDArray[np.float64]:
    """The map (H,W) whose claims are ``values``: each spread evenly over its region, the shadow's within the object's.

    So it is what a perfect map could look like; :func:`agreement` gives it 1.
    """
    heat = np.zeros(next(iter(where.values())).shape)
    for part, region in where.items():
        shadow = where.get("shadow") if part == "object" else None
        own = region if shadow is None else region & ~shadow
        rest = values[part] - (values["shadow"] if shadow is not None else 0.0)
        if own.any():
            heat[own] = rest / own.sum()
    return heat


def painted(values: Mapping[Part, float], where: Mapping[Part, NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Each region filled with its part's value, (H,W): to be looked at. The shadow's own lies upon the object's."""
    heat = np.zeros(next(iter(where.values())).shape)
    for part in (one for one in PARTS if one in where):  # the shadow comes after the object
        heat[where[part]] = values[part]
    return heat


def _seen(clf: Classifier, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(clf.pixels(Image.fromarray(mask.astype(np.uint8) * 255))[0] > 0.5)
