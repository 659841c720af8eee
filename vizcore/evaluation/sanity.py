"""Sanity of a method: does its map change when what the network has learned is taken away, layer after layer?

A map that stays as it was on a network of random weights shows the picture, and not what the network made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from vizcore import memory
from vizcore.evaluation.agreement import spearman
from vizcore.evaluation.randomisation import Layer, draw, layers_from_the_top, randomised
from vizcore.networks.classifier import Classifier
from vizcore.params import check, number
from vizcore.techniques.windows import coarse_to_fine

# A quarter of the variance of the ranks in common: beyond it the map of networks that know nothing is still this map.
LIMIT = 0.5
KEPT = 128 * 2**20  # bytes


@dataclass(frozen=True)
class Randomisation:
    """How finely the depth of the network is divided, and how many networks of random weights have a say."""

    stages: int = number(
        8, 1, 100, 1, label="Stages", help="Depths at which the map is computed anew; the last is the whole network."
    )
    networks: int = number(
        8, 1, 50, 1, label="Networks", help="Networks of random weights whose maps the verdict averages over."
    )
    seed: int = number(0, 0, 9999, 1, label="Seed", help="Which random weights are drawn.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Cascade:
    """The map while the layers of the network are randomised, from the output down to the input.

    ``layers`` (s+1) names the deepest layer that is random at each stage, "" for the untouched network of stage 0, and
    ``depths`` (s+1,) how many layers are. ``maps`` (s+1,H,W) are the maps; ``rank`` (s+1,) is Spearman's correlation of
    each with that of stage 0, ``rank_absolute`` (s+1,) the same of their absolute values, and ``ssim`` (s+1,) the
    structural similarity of the absolute values, see :func:`similarity`. ``done`` (s+1,) tells the stages that were
    computed; the others hold zeros and NaN. ``full`` (k,) has the rank correlations for k wholly random networks, of
    which the last stage shows the first. Where a network leaves a constant map, its correlation counts as 0.
    ``step`` of ``of`` maps are computed besides the untouched one.
    """

    step: int
    of: int
    layers: tuple[str, ...]
    depths: Tensor
    maps: Tensor
    rank: Tensor
    rank_absolute: Tensor
    ssim: Tensor
    done: Tensor
    full: Tensor

    @property
    def remaining(self) -> float:
        """Mean rank correlation of the map with those of wholly random networks, in [-1,1]; near 0 for a sane method.

        A mean over networks because a coarse map has few places to rank, so that a single random one may resemble it,
        or its negative, by chance. NaN for a constant map.
        """
        return float(self.full.mean())

    @property
    def passed(self) -> bool:
        """Whether |remaining| is at most ``LIMIT``."""
        return abs(self.remaining) <= LIMIT

    @property
    def verdict(self) -> str:
        """What was found and by which criterion, as a sentence."""
        if self.remaining != self.remaining:  # NaN
            return "Failed: the map has one and the same value everywhere, so it shows nothing of what was learned."
        found, limit, count = f"{self.remaining:.2f}", f"{LIMIT:g}", len(self.full)
        networks = "random network" if count == 1 else "random networks"
        if self.passed:
            return (
                f"Passed: with all weights random, the rank correlation with the original map is {found} "
                f"(mean over {count} {networks}; from -{limit} to {limit} passes)."
            )
        return (
            f"Failed: with all weights random, the rank correlation with the original map is still {found} "
            f"(mean over {count} {networks}; from -{limit} to {limit} passes), so the map shows little of what "
            "was learned."
        )


class Twins:
    """The networks of random weights of one cascade, which the maps of several methods are computed on one by one.

    As long as the weights of all of them together take less than ``KEPT`` bytes they are kept from one method to the
    next; of larger networks there is one set of random weights at a time, as without it. ``image`` is (C,H,W) in [0,1].
    Raises ValueError for a picture that is not the network's and a network without weights.
    """

    def __init__(self, clf: Classifier, image: Tensor, params: Randomisation | None = None, kept: int = KEPT) -> None:
        clf.check_image(image)
        if next(clf.module.parameters(), None) is None:
            raise ValueError(f"{clf.title} has no weights, so there is nothing that it could forget.")
        self.clf, self.image, self.params = clf, image.detach().cpu().clone(), params or Randomisation()
        sizes = (one.numel() * one.element_size() for one in clf.module.parameters())
        self._keep = sum(sizes) * self.params.networks <= kept
        self._drawn: dict[int, dict[str, Tensor]] = {}  # by network
        self._kept: dict[tuple[int, int], Classifier] = {}  # by network and depth

    @cached_property
    def layers(self) -> list[Layer]:
        """The layers with weights, from the output on."""
        return layers_from_the_top(self.clf)

    def at(self, depth: int, network: int = 0) -> Classifier:
        """The classifier whose first ``depth`` layers from the output hold the weights of random ``network``."""
        if (network, depth) in self._kept:
            return self._kept[network, depth]
        if network not in self._drawn:
            self.rest()  # before the next set of weights
            self._drawn[network] = draw(self.clf, self.layers, self.params.seed, network)
        found = randomised(self.clf, self.layers[:depth], self._drawn[network], self.image)
        if self._keep:
            self._kept[network, depth] = found
        return found

    def rest(self) -> None:
        """Forget the random weights that are too large to be kept for the next method."""
        if not self._keep:
            self._drawn.clear()


def cascade(
    clf: Classifier,
    image: Tensor,
    explain: Callable[[Classifier], Tensor],
    params: Randomisation | None = None,
    twins: Twins | None = None,
) -> Iterator[Cascade]:
    """The map of one picture by a network that forgets: its layers are randomised from the output towards the input.

    ``image`` (C,H,W) in [0,1] is the picture that ``explain(classifier)`` gives a map (H,W) of; explain the class that
    the untouched network named. Every stage is a twin classifier, see ``randomisation``; the given one is not touched.
    In memory the twins together need one more set of weights. The first estimate has both ends of the cascade; the
    stages between follow from coarse to fine, and then the further random networks of the verdict. ``twins`` made for
    the same network, picture and parameters serve the cascades of several methods, with the same result.
    Raises ValueError, before any computation, for a picture that is not the network's, a network without weights, and
    twins of something else.

    A map of a random network may be constant (where a final ReLU, as SqueezeNet has it, silences the class), and the
    absolute values of fine maps keep some likeness to the end, which is that of the picture in them.

    Adebayo et al. 2018, "Sanity Checks for Saliency Maps", cascading randomisation. They compare by HOG, too, and give
    no limit; ours is ``LIMIT``, on the signed maps. New weights keep the size of the learned ones, and a batch
    normalisation's mean and variance are taken anew.
    """
    params = params or Randomisation()
    if twins is None:
        return _cascade(clf, explain, Twins(clf, image, params, kept=0))
    clf.check_image(image)
    if twins.clf is not clf or twins.params != params or not torch.equal(twins.image, image.detach().cpu()):
        raise ValueError("twins were made for another network, picture or parameters; accepted: those of these.")
    return _cascade(clf, explain, twins)


def similarity(one: Tensor, other: Tensor) -> tuple[float, float, float]:
    """(Spearman of the maps, Spearman of their absolute values, SSIM), each in [-1,1]; the maps are (H,W).

    SSIM compares windows of 7 x 7 pixels of the absolute values, divided by the largest; on signed values the negative
    of a map would look like the map itself, since its means and its structure both change sign. A constant ``other``
    shares nothing with the order of ``one``: its rank correlation counts as 0. That of a constant ``one`` is NaN.
    """
    signed, absolute = _rank(one, other), _rank(one.abs(), other.abs())
    a, b = (
        heat.abs().double() / max(float(heat.abs().max()), torch.finfo(torch.float32).tiny) for heat in (one, other)
    )
    window = min(7, *(side - (side + 1) % 2 for side in one.shape))
    return signed, absolute, float(structural_similarity(a.numpy(), b.numpy(), data_range=1.0, win_size=window))


def _rank(one: Tensor, other: Tensor) -> float:
    return 0.0 if bool(one.min() < one.max()) and bool(other.min() == other.max()) else spearman(one, other)


def _cascade(clf: Classifier, explain: Callable[[Classifier], Tensor], twins: Twins) -> Iterator[Cascade]:
    layers, params = twins.layers, twins.params
    stages = min(params.stages, len(layers))
    depths = [round(k * len(layers) / stages) for k in range(stages + 1)]
    names = tuple("" if depth == 0 else layers[depth - 1].name for depth in depths)

    def heat_of(classifier: Classifier) -> Tensor:
        return explain(classifier).detach().cpu().float().clone()

    original = heat_of(clf)
    maps, done = torch.zeros(stages + 1, *original.shape), torch.zeros(stages + 1, dtype=torch.bool)
    measures = torch.full((3, stages + 1), torch.nan)  # rank, absolute rank, SSIM
    maps[0], measures[:, 0], done[0] = original, torch.tensor(similarity(original, original)), True
    full: list[float] = []

    def estimate() -> Cascade:
        step = int(done.sum()) - 1 + len(full) - 1
        found = (maps.clone(), *measures.clone(), done.clone(), torch.tensor(full))
        return Cascade(step, stages + params.networks - 1, names, torch.tensor(depths), *found)

    first, *finer = coarse_to_fine(1, stages + 1, 2)
    order = [k for level in (first, *finer) for _, k in level.cells if k > 0]
    try:
        for k in order:
            maps[k] = heat_of(twins.at(depths[k]))
            measures[:, k], done[k] = torch.tensor(similarity(original, maps[k])), True
            full = full or [float(measures[0, k])]  # the whole network comes first
            yield estimate()
        for network in range(1, params.networks):
            full = [*full, similarity(original, heat_of(twins.at(len(layers), network)))[0]]
            yield estimate()
    finally:
        twins.rest()
        memory.release()
