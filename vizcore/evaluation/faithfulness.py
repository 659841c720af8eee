"""Faithfulness of a map: how fast the score falls when the pixels it calls important go, and rises when they come.

Only the order of the pixels counts, so that maps of any unit can be compared. What a map is worth shows beside the
band of random orders: one that lies inside it says no more about the network than chance does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError, check, choice, number
from vizcore.seeds import generator
from vizcore.targets import Output, Target
from vizcore.techniques.fill import Fill, filling
from vizcore.techniques.windows import coarse_to_fine

FIRST_POINTS = 9  # of each curve, ends included, in the first estimate


@dataclass(frozen=True)
class Faithfulness:
    """What the removed pixels show instead, in how many steps they go, and which score is watched."""

    fill: Fill = choice(  # noqa: RUF009
        "grey",
        get_args(Fill),
        label="Fill",
        help="What removed pixels show. A flat fill draws edges of its own; a blurred class may stay recognisable.",
    )
    steps: int = number(
        32, 4, 256, 4, label="Steps", help="Equal parts in which the pixels go; each takes two forward passes."
    )
    seed: int = number(
        0, 0, 9999, 1, label="Seed", help="Order of the pixels that the map holds equal, and of the random orders."
    )
    output: Output = choice(  # noqa: RUF009
        "probability", get_args(Output), label="Score", help="Petsiuk watches the class probability."
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Curves:
    """deletion(f) = y with the share f of the pixels removed, insertion(f) = y of the fill with the share f put back.

    The most important pixels go, or come, first. ``fractions``, ``deletion`` and ``insertion`` are (n,): shares in
    [0,1] and scores (probabilities, or logits). ``done`` (n,) tells the points that were computed from those that are
    still interpolated between them. ``step`` of ``of`` points are computed.
    """

    step: int
    of: int
    fractions: Tensor
    deletion: Tensor
    insertion: Tensor
    done: Tensor

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve by the trapezoidal rule: the lower, the more faithful the map."""
        return float(torch.trapezoid(self.deletion, self.fractions))

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve by the trapezoidal rule: the higher, the more faithful the map."""
        return float(torch.trapezoid(self.insertion, self.fractions))


@dataclass(frozen=True, eq=False)
class Band:
    """What random orders of the pixels reach: the baseline of every map on this picture.

    ``deletion`` (k,n) holds the curves of the first k = ``step`` of ``of`` orders at the shares ``fractions`` (n,).
    The reverse of a random order is as random, and its insertion curve is the deletion curve read backwards, so
    ``insertion`` (k,n) costs nothing and the same ``areas`` (k,) hold for both.
    """

    step: int
    of: int
    fractions: Tensor
    deletion: Tensor

    @property
    def insertion(self) -> Tensor:
        """(k,n): insertion(f) of the reversed orders = deletion(1 - f)."""
        return self.deletion.flip(1)

    @property
    def areas(self) -> Tensor:
        """(k,) area under each curve; on a linear network their mean tends to (y(I0) + y(fill)) / 2."""
        return torch.trapezoid(self.deletion, self.fractions, dim=1)

    def interval(self, values: Tensor, level: float = 0.9) -> tuple[Tensor, Tensor]:
        """Where the middle ``level`` of the orders lies in ``values`` (k,) or (k,n): two quantiles, () or (n,).

        The spread of single random orders, in which one more would fall with probability ``level``; not the confidence
        interval of their mean, which is narrower. Quantiles between two orders are interpolated linearly.
        """
        tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=values.dtype)
        low, high = torch.quantile(values, tails, dim=0)  # (2,...)
        return low, high


def curves(
    clf: Classifier,
    image: Tensor,
    target: Target,
    heat: Tensor,
    params: Faithfulness | None = None,
    known: Tensor | None = None,
    first: int = FIRST_POINTS,
) -> Iterator[Curves]:
    """y while the pixels are removed from the picture, or put into the fill, in falling order of ``heat``.

    ``image`` (C,H,W) in [0,1]; ``target`` a class index or a contrast; ``heat`` (H,W), higher where the pixel speaks
    more for the target, so that what speaks against it goes last. Pixels of equal heat (a superpixel, the zeros of
    Grad-CAM) go in an order drawn from the seed: any fixed one, such as from the top left, would credit the map with a
    place it never named. The first estimate has at most ``first`` points, spread over both curves; ``of`` is the
    number of points, steps + 1 (or H*W + 1 where that is less). ``known`` are the :func:`ends`, the same for all maps.
    Raises ValueError, before any computation, for a picture, target or map that does not fit.

    Petsiuk et al. 2018, "RISE", the deletion and insertion metrics. They delete towards grey and insert into a blurred
    picture; here both curves run between the picture and one fill, so that they share their ends.
    """
    params = params or Faithfulness()
    clf.check_image(image)
    clf.check_target(target)
    order = ranks(heat, params.seed)
    if order.shape != image.shape[-2:]:
        raise ValueError(f"heat has shape {tuple(heat.shape)}; accepted: {tuple(image.shape[-2:])}, the picture's.")
    return _curves(clf, image.detach().cpu(), target, order, params, known, first)


def ends(clf: Classifier, image: Tensor, target: Target, params: Faithfulness | None = None) -> Tensor:
    """(y(I0), y(fill)): where the curves of every map of the picture begin and end. ``image`` is (C,H,W) in [0,1]."""
    params = params or Faithfulness()
    picture = image.detach().cpu()
    return clf.scores(torch.stack([picture, filling(clf, picture, params.fill)]), target, params.output)


def random_band(
    clf: Classifier, image: Tensor, target: Target, params: Faithfulness | None = None, orders: int = 20
) -> Iterator[Band]:
    """The deletion curves of ``orders`` random orders of the pixels, drawn from the seed; one more with each estimate.

    Order k depends on (seed, k) alone, so that more orders only add to the fewer. Raises ValueError for a picture or a
    target that is not the network's, and ParameterError for fewer than one order.
    """
    params = params or Faithfulness()
    clf.check_image(image)
    clf.check_target(target)
    if orders < 1:
        raise ParameterError(f"orders is {orders}; accepted: a whole number of at least 1.")
    return _random_band(clf, image.detach().cpu(), target, params, orders)


def ranks(heat: Tensor, seed: int = 0, draw: int = 0) -> Tensor:
    """(H,W) place of each pixel in the falling order of ``heat`` (H,W), from 0; equal ones in an order by chance.

    That order depends on (seed, draw) alone. Raises ValueError for a map that is not (H,W) or not finite.
    """
    if heat.dim() != 2:
        raise ValueError(f"heat has shape {tuple(heat.shape)}; accepted: (H,W), one value for each pixel.")
    if not bool(torch.isfinite(heat).all()):
        raise ValueError("heat has values that are not finite; accepted: finite numbers, which have an order.")
    flat = heat.detach().cpu().reshape(-1)  # (H,W) -> (H*W,)
    shuffled = torch.randperm(len(flat), generator=generator(seed, draw))
    order = shuffled[flat[shuffled].argsort(descending=True, stable=True)]
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order))
    return places.view(heat.shape)


def removed(image: Tensor, paint: Tensor, order: Tensor, count: Tensor) -> Tensor:
    """The pictures (n,C,H,W) whose ``count`` (n,1,1) most important pixels by ``order`` (H,W) show ``paint`` (C,H,W).

    With picture and paint exchanged: the paint into which they are inserted.
    """
    return torch.where((order < count)[:, None], paint, image)  # (n,1,H,W)


def counts(pixels: int, params: Faithfulness) -> Tensor:
    """(n,) numbers of removed pixels at the points of the curves, from none to all ``pixels``."""
    steps = min(params.steps, pixels)
    return (torch.arange(steps + 1, dtype=torch.float64) * (pixels / steps)).round().long()


def _curves(
    clf: Classifier,
    image: Tensor,
    target: Target,
    order: Tensor,
    params: Faithfulness,
    known: Tensor | None,
    first: int,
) -> Iterator[Curves]:
    paint, number_removed = filling(clf, image, params.fill), counts(order.numel(), params)
    fractions = number_removed / order.numel()
    deletion, insertion = torch.zeros(len(fractions)), torch.zeros(len(fractions))
    done = torch.zeros(len(fractions), dtype=torch.bool)
    chunk = max(1, clf.at_once // 2)  # a point takes two pictures
    for level in coarse_to_fine(1, len(fractions), first):
        points = [column for _, column in level.cells]
        size = chunk if done.any() else len(points)  # there is nothing to show before the first level is complete
        for begin in range(0, len(points), size):
            at = points[begin : begin + size]
            inner = [k for k in at if 0 < k < len(fractions) - 1]
            counted = number_removed[inner, None, None]
            both = [removed(image, paint, order, counted), removed(paint, image, order, counted)]
            pictures = torch.cat(both if known is not None else [*both, torch.stack([image, paint])])  # the ends once
            y = clf.scores(pictures, target, params.output) if len(pictures) else torch.zeros(0)
            known = y[-2:] if known is None else known
            deletion[inner], insertion[inner] = y[: len(inner)], y[len(inner) : 2 * len(inner)]
            deletion[[0, -1]], insertion[[0, -1]], done[at] = known, known.flip(0), True
            yield Curves(
                int(done.sum()),
                len(fractions),
                fractions.clone(),
                _between(fractions, deletion, done),
                _between(fractions, insertion, done),
                done.clone(),
            )


def _random_band(clf: Classifier, image: Tensor, target: Target, params: Faithfulness, orders: int) -> Iterator[Band]:
    paint, number_removed = filling(clf, image, params.fill), counts(image[0].numel(), params)
    known = ends(clf, image, target, params)
    found: list[Tensor] = []
    for k in range(orders):
        order = ranks(torch.zeros(image.shape[1:]), params.seed, k + 1)  # all equal: an order by chance alone
        y = torch.zeros(0)
        if len(number_removed) > 2:
            y = clf.scores(removed(image, paint, order, number_removed[1:-1, None, None]), target, params.output)
        found.append(torch.cat([known[:1], y, known[1:]]))
        yield Band(k + 1, orders, number_removed / image[0].numel(), torch.stack(found))


def _between(fractions: Tensor, values: Tensor, done: Tensor) -> Tensor:
    """(n,) the computed values, and straight lines between them."""
    lines = np.interp(fractions.numpy(), fractions[done].numpy(), values[done].numpy())
    return torch.where(done, values, torch.from_numpy(lines).float())
