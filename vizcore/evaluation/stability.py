"""Stability of a method: what of its map is chance, and what a change of the picture that nobody sees does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vizcore.evaluation.agreement import spearman
from vizcore.params import check, number
from vizcore.seeds import generator


@dataclass(frozen=True)
class Repeats:
    """How often a method with chance in it is run, and from which seed on."""

    runs: int = number(8, 2, 50, 1, label="Runs", help="Maps of the same picture, each with a seed of its own.")
    seed: int = number(0, 0, 9999, 1, label="First seed", help="The runs take this seed and the ones that follow it.")

    def __post_init__(self) -> None:
        check(self)

    @property
    def seeds(self) -> list[int]:
        """The seed of each run; after 9999, the largest that the methods accept, comes 0."""
        return [(self.seed + k) % 10_000 for k in range(self.runs)]


@dataclass(frozen=True)
class Sensitivity:
    """How far the picture is changed at most, and how often."""

    radius: float = number(
        0.02, 0.005, 0.2, 0.005, label="Radius", help="Largest change of any pixel, as a share of black to white."
    )
    samples: int = number(10, 1, 200, 1, label="Samples", help="Changed pictures; more find a larger maximum.")
    seed: int = number(0, 0, 9999, 1, label="Seed", help="One seed means one result.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Stability:
    """The maps of k = ``step`` of ``of`` runs that differ by their seed alone.

    ``heats`` (k,H,W) are the maps, ``correlations`` (k,k) Spearman's rank correlation of each with each, NaN where a
    map is constant.
    """

    step: int
    of: int
    heats: Tensor
    correlations: Tensor

    @property
    def mean(self) -> Tensor:
        """(H,W) mean of the maps, in their unit."""
        return self.heats.mean(dim=0)

    @property
    def deviation(self) -> Tensor:
        """(H,W) standard deviation of a single map at each pixel, estimated from k runs (divided by k - 1)."""
        return self.heats.std(dim=0)

    @property
    def agreement(self) -> float:
        """Mean rank correlation over the pairs of runs, in [-1,1]; 1 where chance does not change the order."""
        upper = torch.triu_indices(self.step, self.step, 1)
        return float(self.correlations[upper[0], upper[1]].nanmean())


@dataclass(frozen=True, eq=False)
class MaxSensitivity:
    """max over pictures I' with |I' - I0| <= radius of ||phi(I') - phi(I0)|| / ||phi(I0)||, over ``step`` samples.

    ``changes`` (k,) has the relative change of the map for each sample so far, ``heat`` (H,W) is the map phi(I0),
    ``worst_image`` (C,H,W) the sample that changed it most, and ``worst_heat`` (H,W) its map.
    """

    step: int
    of: int
    changes: Tensor
    heat: Tensor
    worst_image: Tensor
    worst_heat: Tensor

    @property
    def maximum(self) -> float:
        """The largest relative change found, at least 0: a lower bound of the true maximum."""
        return float(self.changes.max())

    @property
    def mean(self) -> float:
        """The mean relative change."""
        return float(self.changes.mean())


def repeat(explain: Callable[[int], Tensor], params: Repeats | None = None) -> Iterator[Stability]:
    """The map of one picture under several seeds: their mean, their deviation, and how far their orders agree.

    ``explain(seed)`` gives a map (H,W). The first estimate has two runs, since one knows no deviation. Nothing is
    computed before the first estimate is asked for.
    """
    params = params or Repeats()
    heats: list[Tensor] = []
    correlations = torch.zeros(params.runs, params.runs)
    for k, seed in enumerate(params.seeds):
        heats.append(explain(seed).detach().cpu().clone())
        for other in range(k + 1):
            correlations[k, other] = correlations[other, k] = spearman(heats[k], heats[other])
        if k > 0:
            yield Stability(k + 1, params.runs, torch.stack(heats), correlations[: k + 1, : k + 1].clone())


def max_sensitivity(
    image: Tensor, explain: Callable[[Tensor], Tensor], params: Sensitivity | None = None
) -> Iterator[MaxSensitivity]:
    """How much the map changes, relative to itself, under changes of the picture too small to see.

    ``image`` (C,H,W) in [0,1]; ``explain(picture)`` gives a map (H,W). One more changed picture with each estimate;
    they are :func:`changed`. A map that is zero everywhere has no size to compare with: its change counts as 0 where it
    stays zero and as infinite where it does not.

    Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", SENS_MAX, by random search as they do it,
    divided by the norm of the map so that maps of different units compare. Their ball is not cut to [0,1].
    """
    params = params or Sensitivity()
    image = image.detach().cpu().clone()
    heat = explain(image.clone()).detach().cpu().clone()
    worst_image, worst_heat = image, heat
    changes: list[float] = []
    for k in range(params.samples):
        picture = changed(image, params, k)
        shifted = explain(picture.clone()).detach().cpu()
        distance, size = float((shifted - heat).norm()), float(heat.norm())
        change = distance / size if size > 0 else (0.0 if distance == 0 else torch.inf)
        if not changes or change > max(changes):
            worst_image, worst_heat = picture, shifted
        changes.append(change)
        yield MaxSensitivity(
            k + 1,
            params.samples,
            torch.tensor(changes),
            heat.clone(),
            worst_image.clone(),
            worst_heat.clone(),
        )


def changed(image: Tensor, params: Sensitivity, k: int) -> Tensor:
    """I0 + e_k cut to [0,1], e_k uniform in [-radius, radius] for each pixel and channel by itself; (C,H,W).

    It depends on (seed, k) alone. The cut keeps it a picture, and within the radius.
    """
    noise = torch.rand(image.shape, generator=generator(params.seed, k + 1)) * 2 - 1
    return (image + params.radius * noise).clamp(0, 1)
