"""The Taylor check: how far from the picture the gradient still describes the score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.params import check, choice, number
from vizcore.targets import Output, Target
from vizcore.techniques.saliency import Saliency, gradient

RADII = (1e-3, 100.0, 31)  # first, last, count: six in a decade
ROUNDING = 4e-6  # share of the score below which single precision cannot tell a deviation from none


@dataclass(frozen=True)
class Taylor:
    """How many random directions are tried, what error counts as a break-down, and which score is expanded."""

    directions: int = number(
        4, 0, 32, 1, label="Random directions", help="Unit vectors drawn evenly from all directions."
    )
    tolerance: float = number(
        0.1,
        0.01,
        0.5,
        0.01,
        label="Tolerance",
        help="Share of the predicted change by which the real one may be off.",
    )
    seed: int = number(0, 0, 9999, 1, label="Seed", help="Of the random directions. One seed means one result.")
    output: Output = choice(  # noqa: RUF009
        "logit", get_args(Output), label="Score", help="The logit is closer to linear than the probability."
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class TaylorCheck:
    """y(I0 + t d) against y(I0) + t w.d, for the directions d = w/||w||, -w/||w|| and some random ones.

    ``radii`` (r,) are the distances t, in the Euclidean norm of the pixels in [0,1] over all channels. ``actual`` and
    ``linear`` (d,r) are the two sides, one row for each direction: uphill, downhill, and then the random ones.
    ``error`` (d,r) is |actual - linear| / |t w.d|, relative to the change that the gradient predicts in that direction;
    what single precision cannot tell from none counts as none. ``radius`` (d,) is the distance at which the error first
    exceeds the tolerance, interpolated between the radii; infinite where it never does. Entries of ``actual``,
    ``error`` and ``radius`` that are not known yet are not a number. ``slope`` is ||w||, ``score`` is y(I0).
    """

    radii: Tensor
    actual: Tensor
    linear: Tensor
    error: Tensor
    radius: Tensor
    slope: float
    score: float
    step: int
    of: int


def taylor_check(clf: Classifier, image: Tensor, target: Target, params: Taylor | None = None) -> Iterator[TaylorCheck]:
    """y(I) ~ y(I0) + w.(I - I0): along w, against w and at random, for distances over five decades.

    ``image`` is (C,H,W) in [0,1]; the pictures on the way may leave [0,1], where the network is defined but no
    photograph lies. Raises ValueError for a picture or a target that is not the network's.

    Simonyan et al. 2014, section 3, equation 3, whose "neighbourhood of I0" is measured here.
    """
    params = params or Taylor()
    clf.check_image(image)
    clf.check_target(target)
    return _taylor(clf, image.detach().cpu().clone(), target, params)


def _taylor(clf: Classifier, image: Tensor, target: Target, params: Taylor) -> Iterator[TaylorCheck]:
    saliency = gradient(clf, image, target, Saliency(output=params.output))
    w, score = saliency.gradient, saliency.score
    slope = float(w.double().norm())
    directions = _directions(w, params)  # (d,C,H,W)
    first, last, count = RADII
    radii = torch.logspace(math.log10(first), math.log10(last), count, dtype=torch.float64)
    slopes = torch.einsum("dchw,chw->d", directions.double(), w.double())
    linear = score + slopes[:, None] * radii  # (d,r)
    actual = torch.full(linear.shape, torch.nan, dtype=torch.float64)
    of = actual.numel()
    done = 0
    while done < of:
        some = range(done, min(done + clf.at_once, of))
        pictures = torch.stack([image + radii[k % count].float() * directions[k // count] for k in some])
        actual.view(-1)[some.start : some.stop] = clf.scores(pictures, target, params.output).double()
        done = some.stop
        deviation = (actual - linear).abs()
        rounded = torch.where(deviation <= ROUNDING * abs(score), torch.zeros_like(deviation), deviation)
        # Where no change is predicted any is infinitely much, and none is none.
        error = torch.where(rounded == 0, rounded, rounded / (linear - score).abs())
        radius = torch.tensor([_break_down(radii, row, params.tolerance) for row in error], dtype=torch.float64)
        yield TaylorCheck(radii.clone(), actual.clone(), linear.clone(), error, radius, slope, score, done, of)


def _directions(w: Tensor, params: Taylor) -> Tensor:
    """(2 + directions, C, H, W): unit vectors along w, against it, and random."""
    generator = torch.Generator().manual_seed(params.seed)
    random = [torch.randn(w.shape, generator=generator) for _ in range(params.directions)]
    return torch.stack([d / max(float(d.norm()), 1e-30) for d in (w, -w, *random)])


def _break_down(radii: Tensor, error: Tensor, tolerance: float) -> float:
    """Where ``error`` first exceeds ``tolerance``, on a straight line between log radius and log error."""
    for k, value in enumerate(error.tolist()):
        if math.isnan(value):
            return math.nan
        if value > tolerance:
            before = float(error[k - 1]) if k > 0 else 0.0
            if before <= 0.0 or math.isinf(value):
                return float(radii[k])
            share = math.log(tolerance / before) / math.log(value / before)
            return float(radii[k - 1] * (radii[k] / radii[k - 1]) ** share)
    return math.inf
