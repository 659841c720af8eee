"""Integrated gradients, a comparison to SmoothGrad: the gradient averaged on the way from nothing to the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.networks.gradients import first_gradients
from vizcore.params import check, choice, number
from vizcore.targets import Output, Target
from vizcore.techniques.saliency import SaliencyMap, added, gradients, gradients_at_once, times_input, zero_input

Baseline = Literal["mean", "black", "white"]


@dataclass(frozen=True)
class IntegratedGradients:
    """From which picture the path starts, in how many steps it is walked, and which score is differentiated."""

    steps: int = number(
        64, 8, 512, 8, label="Steps", help="Points on the path at which the gradient is taken; more close the gap."
    )
    baseline: Baseline = choice(  # noqa: RUF009
        "black", get_args(Baseline), label="Baseline", help="What counts as nothing. Its colour gets no attribution."
    )
    output: Output = choice(  # noqa: RUF009
        "logit",
        get_args(Output),
        label="Score",
        help="The contributions add up to this score's rise from the baseline.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class PathMap(SaliencyMap):
    """A :class:`SaliencyMap` whose gradient is the average along the path from ``reference`` to I0.

    ``saliency.times_input`` of it is the attribution, in units of the score. ``reference_score`` is the score of the
    baseline. ``step`` of ``of`` points are in.
    """

    reference_score: float = 0.0

    @property
    def gap(self) -> float:
        """sum of attributions - (y(I0) - y(baseline)), in units of the score: 0 for a path walked finely enough."""
        return float(times_input(self).double().sum()) - (self.score - self.reference_score)


def integrated_gradients(
    clf: Classifier, image: Tensor, target: Target, params: IntegratedGradients | None = None
) -> Iterator[PathMap]:
    """a_i = (I0 - I')_i * 1/n sum_k dy/dI_i at I' + (k + 1/2)/n (I0 - I'): what each pixel adds on the way from I'.

    ``image`` is (C,H,W) in [0,1]. The points are taken in an order that is spread over the whole path at any time, so
    that each estimate is one of the whole integral. Raises ValueError for a picture or a target that is not the
    network's.

    Sundararajan et al. 2017, section 3, by the midpoint rule (they take the right ends). Baseline ``mean`` is the
    colour at which the network's input is zero.
    """
    params = params or IntegratedGradients()
    clf.check_image(image)
    clf.check_target(target)
    return _integrated(clf, image.detach().cpu().clone(), target, params)


def baseline(clf: Classifier, name: Baseline) -> Tensor:
    """The picture (C,H,W) in [0,1] that counts as nothing. Raises ValueError for an unknown name."""
    if name == "mean":
        return zero_input(clf)
    if name in ("black", "white"):
        return torch.full(clf.input_shape, 0.0 if name == "black" else 1.0)
    raise ValueError(f"baseline is {name!r}; accepted: one of {', '.join(get_args(Baseline))}.")


def _integrated(clf: Classifier, image: Tensor, target: Target, params: IntegratedGradients) -> Iterator[PathMap]:
    start = baseline(clf, params.baseline)
    base_score, score = clf.scores(torch.stack([start, image]), target, params.output).tolist()
    order = spread(params.steps)
    total = torch.zeros(image.shape, dtype=torch.float64)
    done = 0
    changes: tuple[float, ...] = ()
    while done < params.steps:
        # Small chunks first, 1, 4, 16, ..., for an early estimate; each is dearer than its share of a large one.
        some = min(3 * done + 1, gradients_at_once(clf)) if done else first_gradients(clf, 1)
        points = order[done : done + some]
        shares = (torch.tensor(points) + 0.5).view(-1, 1, 1, 1) / params.steps  # (n,1,1,1)
        grads, _ = gradients(clf, start + shares * (image - start), target, params.output)
        total, changes = added(total, grads, changes)
        done += len(points)
        mean = (total / done).float()
        yield PathMap(
            mean, score, image.clone(), start.clone(), done, params.steps, changes, reference_score=base_score
        )


def spread(count: int) -> list[int]:
    """0 .. count-1, each once, so that any first part of them is spread out (by rank in van der Corput's sequence)."""
    bits = max(1, (count - 1).bit_length())
    turned = [int(f"{k:0{bits}b}"[::-1], 2) for k in range(count)]  # 0, 1/2, 1/4, 3/4, ... of 2^bits
    rank = {value: place for place, value in enumerate(sorted(turned))}
    # Half a turn of the circle, so that the first point is in the middle of the path and not at its start.
    return [(rank[value] + count // 2) % count for value in turned]
