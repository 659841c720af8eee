"""The smallest change of a picture that makes the network say another class, as far as a search can find it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.params import check, choice, number

Norm = Literal["l2", "linf"]
TRIES = 12  # radii that are tried: each halves what is unknown of the smallest
REACH = 2.5  # how far all steps of a try lead together, in radii: to the ball's edge and along it
GREY = 255  # steps of grey in a file
_SHARES = 16  # of a change, to see which already suffice


@dataclass(frozen=True)
class SmallestChange:
    """How the size of a change is measured, and how many steps are taken at each size that is tried."""

    norm: Norm = choice(  # noqa: RUF009
        "l2",
        get_args(Norm),
        label="Size",
        help="L2: the length of the whole change. Largest: the most that any value of any pixel changes.",
    )
    steps: int = number(
        20, 5, 100, 5, label="Steps", help="Of projected gradient, at each of the sizes that are tried."
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Change:
    """change = I - I0, (C,H,W), under which the network says the wanted class, the smallest one found so far.

    ``margin`` is z_c - max_(k != c) z_k at I, and ``reached`` says whether it is at least 0: until a change that
    suffices is found, ``change`` is the last one tried. I lies in [0,1]. ``step`` of ``of`` gradients are in.
    """

    step: int
    of: int
    change: Tensor
    margin: float
    reached: bool

    def size(self, norm: Norm) -> float:
        """||I - I0|| in the Euclidean norm over all values of the picture, or their largest change."""
        return size(self.change, norm)


def size(change: Tensor, norm: Norm) -> float:
    """||change||_2 or max |change|."""
    return float(change.double().norm() if norm == "l2" else change.abs().max())


def levels(change: Tensor) -> tuple[float, float]:
    """The largest change of any value, and the root of the mean of their squares, both in grey levels of 1/255."""
    return GREY * size(change, "linf"), GREY * size(change, "l2") / math.sqrt(change.numel())


def smallest_change(
    clf: Classifier, image: Tensor, towards: int, params: SmallestChange | None = None
) -> Iterator[Change]:
    """min ||I - I0|| over I in [0,1] such that z_c(I) >= z_k(I) for all k: from above, by projected gradient.

    ``image`` is (C,H,W) in [0,1], ``towards`` the wanted class c. For a radius, steps along the gradient of the margin
    z_c - max_(k != c) z_k (its sign in L-infinity), each projected back into the ball and into [0,1], look for a
    picture on which the margin is at least 0; the radius is halved or doubled, and then bisected, ``TRIES`` times. A
    change that suffices is cut to the shortest part of it that does. What is found is an upper bound: no smaller change
    was found on this way, and there may be one. On a linear network it is the smallest, up to the last bisection.
    Where the network says c already, the change is zero. Raises ValueError for a picture or class not the network's.

    Projected gradient as in Madry et al. 2018, section 2.1 (from I0 and not from a random point); the margin as in
    Carlini and Wagner 2017, section IV, f_6. Deviation: the search over the radius, where they fix it or a penalty.
    """
    params = params or SmallestChange()
    clf.check_image(image)
    clf.check_target(towards)
    return _search(clf, image.detach().cpu().clone(), towards, params)


def _search(clf: Classifier, image: Tensor, towards: int, params: SmallestChange) -> Iterator[Change]:
    of = TRIES * params.steps
    moved = torch.zeros_like(image)
    margin, slope = _slope(clf, image, towards)
    if margin >= 0:
        yield Change(of, of, moved, margin, True)
        return
    low, high = 0.0, math.inf
    whole = math.sqrt(image.numel()) if params.norm == "l2" else 1.0  # no two pictures are further apart
    radius = min(whole, -margin / max(size(slope, "l2") if params.norm == "l2" else float(slope.abs().sum()), 1e-30))
    best = Change(0, of, moved, margin, False)
    for turn in range(TRIES):
        for step in range(1, params.steps + 1):
            moved = _step(image, moved, slope, REACH * radius / params.steps, radius, params.norm)
            margin, slope = _slope(clf, image + moved, towards)
            done = turn * params.steps + (params.steps if margin >= 0 else step)
            if margin >= 0:
                moved, margin = _cut(clf, image, moved, towards)
            if not best.reached or (margin >= 0 and size(moved, params.norm) < best.size(params.norm)):
                best = Change(0, of, moved, margin, margin >= 0)
            yield Change(done, of, best.change.clone(), best.margin, best.reached)
            if margin >= 0:
                break
        if margin >= 0:
            high = size(moved, params.norm)
            low = low if low < high else high / 2  # a radius that has failed need not be too small
        else:
            low = radius
        radius = min(2 * low, whole) if math.isinf(high) else (low + high) / 2
        start = best.change if best.reached else moved
        moved = start * min(1.0, radius / max(size(start, params.norm), 1e-30))
        margin, slope = _slope(clf, image + moved, towards)


def _step(image: Tensor, moved: Tensor, slope: Tensor, stride: float, radius: float, norm: Norm) -> Tensor:
    """One step along the gradient, back into the ball, and back into [0,1], which leads no further out."""
    if norm == "l2":
        moved = moved + stride * slope / max(size(slope, "l2"), 1e-30)
        moved = moved * min(1.0, radius / max(size(moved, "l2"), 1e-30))
    else:
        moved = (moved + stride * slope.sign()).clamp(-radius, radius)
    return (image + moved).clamp(0, 1) - image


def _slope(clf: Classifier, picture: Tensor, towards: int) -> tuple[float, Tensor]:
    """The margin z_c - max_(k != c) z_k, and its gradient (C,H,W)."""
    with torch.enable_grad():
        x = picture[None].clone().requires_grad_()  # (1,C,H,W)
        margin = margins(clf.logits(x), towards).sum()
        (slope,) = torch.autograd.grad(margin, x)
    return float(margin.detach()), slope[0].detach().cpu()


def margins(logits: Tensor, towards: int) -> Tensor:
    """z_c - max_(k != c) z_k, (N,K) -> (N,): at least 0 where the network says c."""
    others = logits.clone()
    others[:, towards] = -math.inf
    return logits[:, towards] - others.amax(1)


def _cut(clf: Classifier, image: Tensor, change: Tensor, towards: int) -> tuple[Tensor, float]:
    """The shortest of ``_SHARES`` parts of a change under which the network says the class, and its margin."""
    shares = torch.arange(1, _SHARES + 1) / _SHARES
    pictures = image + shares.view(-1, 1, 1, 1) * change  # (s,C,H,W)
    with torch.no_grad():
        parts = torch.cat([clf.logits(some) for some in pictures.split(clf.at_once)])
    found = margins(parts, towards)
    found[-1] = found[-1].clamp(min=0)  # the whole one does, whatever the batch's rounding says
    first = int((found >= 0).nonzero()[0])
    return pictures[first] - image if first + 1 < _SHARES else change, float(found[first])


@dataclass(frozen=True, eq=False)
class Rounded:
    """The picture (C,H,W) in whole grey levels, as a file keeps it, and whether the network says the class to it.

    Rounding takes away changes of less than half a level: ``times`` is by how much the change was stretched for it.
    """

    picture: Tensor
    times: float
    reached: bool


def rounded(clf: Classifier, image: Tensor, change: Tensor, towards: int, most: float = 3.0) -> Rounded:
    """round(255 (I0 + t change)) / 255, for the smallest of some t from 1 to ``most`` to which the network says c.

    Where none does, t is 1.
    """
    times = torch.linspace(1, most, 21)
    pictures = ((image + times.view(-1, 1, 1, 1) * change).clamp(0, 1) * GREY).round() / GREY  # (t,C,H,W)
    with torch.no_grad():
        answers = torch.cat([clf.logits(some) for some in pictures.split(clf.at_once)])
    says = answers.argmax(1).cpu() == towards
    first = int(says.nonzero()[0]) if bool(says.any()) else 0
    return Rounded(pictures[first].clone(), float(times[first]), bool(says[first]))
