"""A walk from the picture in one direction: the answers on the way, what the gradient promises, and noise beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.params import check, choice, number
from vizcore.seeds import generator
from vizcore.targets import Output, value
from vizcore.techniques.saliency import Saliency, gradient
from vizcore.techniques.smallest_change import Norm, size


@dataclass(frozen=True)
class Walk:
    """How many draws of noise are set against the walk, and which score is watched."""

    draws: int = number(8, 1, 64, 1, label="Draws of noise", help="Random changes of the same size, for comparison.")
    seed: int = number(0, 0, 9999, 1, label="Seed", help="Of the noise. One seed means one result.")
    output: Output = choice(  # noqa: RUF009
        "logit", get_args(Output), label="Score", help="The logit is closer to linear than the probability."
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class WalkAnswers:
    """f(I_s) for I_s = I0 + s * change, cut to [0,1]; one row for each of the ``sizes`` s (n,).

    ``probabilities`` (n,K) are the network's answers. ``actual`` (n,) is the score y(I_s), ``promised`` (n,) is
    y(I0) + w.(I_s - I0), with the gradient w at I0. ``noise`` (n,d) are the scores with d random changes of the same
    size as s * change in their place. ``step`` of ``of`` pictures are answered; what is not yet is not a number.
    """

    step: int
    of: int
    sizes: Tensor
    probabilities: Tensor
    actual: Tensor
    promised: Tensor
    noise: Tensor


def walk(
    clf: Classifier,
    image: Tensor,
    target: int,
    change: Tensor,
    sizes: Sequence[float],
    norm: Norm = "l2",
    params: Walk | None = None,
) -> Iterator[WalkAnswers]:
    """y(I0 + s d) against y(I0) + s w.d and against y(I0 + noise), ||noise|| = ||s d||, for several s.

    ``image`` and the direction ``change`` d are (C,H,W). The noise is normal in L2, and of random signs in L-infinity,
    where each value then changes by as much as the largest one of s d. What leaves [0,1] is cut, of all three.
    Raises ValueError for a picture or a target that is not the network's, and for a change of another shape.

    Simonyan et al. 2014, section 3, equation 3, walked along; the noise beside it as in Fawzi et al. 2016, section 3.
    """
    params = params or Walk()
    clf.check_image(image)
    clf.check_target(target)
    if change.shape != image.shape:
        raise ValueError(f"change has the shape {tuple(change.shape)}; accepted: {tuple(image.shape)}, the picture's.")
    return _walk(clf, image.detach().cpu().clone(), target, change.detach().cpu().clone(), list(sizes), norm, params)


def along(image: Tensor, change: Tensor, share: float) -> Tensor:
    """I0 + s * change, cut to [0,1]."""
    return (image + share * change).clamp(0, 1)


def _walk(
    clf: Classifier, image: Tensor, target: int, change: Tensor, sizes: list[float], norm: Norm, params: Walk
) -> Iterator[WalkAnswers]:
    here = gradient(clf, image, target, Saliency(output=params.output))
    count, draws = len(sizes), params.draws
    way = torch.stack([along(image, change, s) for s in sizes])  # (n,C,H,W)
    promised = here.score + ((way - image).double() * here.gradient.double()).sum((1, 2, 3))  # (n,)
    found = torch.full((count, len(clf.classes)), torch.nan)
    actual, noise = torch.full((count,), torch.nan), torch.full((count, draws), torch.nan)
    of, done = count * (1 + draws), 0
    largest = size(change, norm)
    while done < of:
        some = range(done, min(done + clf.at_once, of))
        pictures = torch.stack([_picture(image, way, sizes, k, largest, norm, params) for k in some])
        with torch.no_grad():
            logits = clf.logits(pictures).cpu()  # (m,K)
        shares = clf.probabilities(logits)
        scores = value(shares if params.output == "probability" else logits, target)
        for k, probabilities, score in zip(some, shares, scores, strict=True):
            if k < count:
                found[k], actual[k] = probabilities, score
            else:
                noise[(k - count) % count, (k - count) // count] = score
        done = some.stop
        of_all = found.clone(), actual.clone(), promised.clone(), noise.clone()
        yield WalkAnswers(done, of, torch.tensor(sizes, dtype=torch.float64), *of_all)


def _picture(
    image: Tensor, way: Tensor, sizes: list[float], k: int, largest: float, norm: Norm, params: Walk
) -> Tensor:
    """The picture number k: first those on the way, then each draw of noise at every size."""
    if k < len(sizes):
        return way[k]
    draw, at = divmod(k - len(sizes), len(sizes))
    noise = torch.randn(image.shape, generator=generator(params.seed, draw))
    noise = noise / noise.norm() if norm == "l2" else noise.sign()
    return along(image, noise, abs(sizes[at]) * largest)
