"""Gradient saliency: how the score answers to a small change of each pixel, alone and averaged over noisy copies."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import get_args

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.networks.gradients import first_gradients, gradients, gradients_at_once
from vizcore.params import check, choice, levels, number
from vizcore.pictures import notebook
from vizcore.seeds import generator
from vizcore.targets import Output, Target
from vizcore.techniques.standard_errors import SETTLED, Covariance, products

_OUTPUT_HELP = "Simonyan differentiates the logit. The probability saturates near 0 and 1, where its gradient vanishes."
_FIRST = 2  # copies for the first estimate
_CHECKED = 10  # copies from one look at the error to the next
_BLOCK = 16_384  # numbers of each gradient that are added up at a time, to find them in the cache


@dataclass(frozen=True)
class Saliency:
    """Which score is differentiated."""

    output: Output = choice("logit", get_args(Output), label="Score", help=_OUTPUT_HELP)  # noqa: RUF009

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class SmoothGrad:
    """How much noise, how many copies, and which score is differentiated."""

    noise: float = number(
        0.15, 0.0, 0.5, 0.01, label="Noise", help="Standard deviation as a share of the picture's range (max - min)."
    )
    copies: int = number(
        50, 1, 500, 1, label="Copies", help="Noisy copies averaged; noise in the map falls with the root of the count."
    )
    seed: int = number(0, 0, 9999, 1, label="Seed", help="One seed means one result.")
    output: Output = choice("logit", get_args(Output), label="Score", help=_OUTPUT_HELP)  # noqa: RUF009
    settled: float = levels(
        0.0,
        SETTLED,
        label="Stop when settled",
        help="Stop once the standard error is this share of the map, each as a root mean square; 0: never.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """w = dy/dI at the picture I0: how much the score would change per unit of change of each pixel and channel.

    ``gradient`` (C,H,W) is signed and per unit of the pixels in [0,1], not of the network's normalised input (that one
    is ``gradient * std``). ``score`` is y(I0): a probability or a logit. ``image`` (C,H,W) in [0,1] is I0 and
    ``reference`` (C,H,W) the picture that counts as nothing: the one on which the network's input is zero, or the
    baseline of a path method. ``step`` of ``of`` copies are in. ``changes`` has one entry for each copy so far: the
    length of the step the average took with it, relative to the average, ||m_n - m_(n-1)|| / ||m_n||.
    """

    gradient: Tensor
    score: float
    image: Tensor
    reference: Tensor
    step: int = 1
    of: int = 1
    changes: tuple[float, ...] = (1.0,)
    covariance: Covariance | None = None  # how far the average is off; None where nothing was sampled
    # What smoothgrad needs to go on: the settings it ran under, and the sums over the whole chunks so far.
    _run: _Progress | None = field(default=None, repr=False)

    def _repr_png_(self) -> bytes:
        """The map of Simonyan et al. in a notebook."""
        return notebook.unsigned(absolute_max(self))


@dataclass(frozen=True, eq=False)
class _Progress:
    key: tuple[object, ...]
    count: int
    total: Tensor
    products: Tensor
    changes: tuple[float, ...]


def gradient(clf: Classifier, image: Tensor, target: Target, params: Saliency | None = None) -> SaliencyMap:
    """w = dy_target/dI at I0, by one backward pass.

    ``image`` is (C,H,W) in [0,1]. Raises ValueError for a picture or a target that is not the network's. Simonyan
    2014, section 3, on the logit by default; their map is :func:`absolute_max` of this.
    """
    params = params or Saliency()
    clf.check_image(image)
    grads, scores = gradients(clf, image[None], target, params.output)
    return SaliencyMap(grads[0], float(scores[0]), image.detach().cpu().clone(), zero_input(clf))


def smoothgrad(
    clf: Classifier,
    image: Tensor,
    target: Target,
    params: SmoothGrad | None = None,
    resume: SaliencyMap | None = None,
) -> Iterator[SaliencyMap]:
    """m = 1/n * sum_k dy(I0 + e_k)/dI, e_k ~ N(0, sigma^2), sigma = noise * (max I0 - min I0).

    ``image`` is (C,H,W) in [0,1]; the noisy copies are not clamped. The noise of copy k depends on (seed, k) alone, so
    the batch size changes the map by rounding only. ``resume`` is an earlier estimate: where it is of the same network,
    picture, target, noise, seed and output, its copies are kept and only further ones are added; else it is ignored.
    At an unchanged batch size the result is that of starting from nothing, bit for bit (to which end the few copies of
    an unfinished last chunk are taken anew). Raises ValueError for a picture or a target that is not the network's.

    Smilkov et al. 2017, section 3, average signed gradients of the logit, as here. sigma is on the scale of the pixels
    in [0,1], hence the same for all channels.
    """
    params = params or SmoothGrad()
    clf.check_image(image)
    clf.check_target(target)
    image = image.detach().cpu().clone()
    key = (weakref.ref(clf), clf.version, target, params.noise, params.seed, params.output, params.settled)
    zeros = torch.zeros(len(image), *image.shape, dtype=torch.float64)
    start = _Progress(key, 0, zeros[0], zeros, ())
    if resume is not None and resume._run is not None and torch.equal(resume.image, image):
        earlier = resume._run
        if earlier.key == key and earlier.count < params.copies:
            start = earlier
    return _smoothgrad(clf, image, target, params, start)


def _smoothgrad(
    clf: Classifier, image: Tensor, target: Target, params: SmoothGrad, done: _Progress
) -> Iterator[SaliencyMap]:
    score = float(clf.scores(image[None], target, params.output)[0])
    reference = zero_input(clf)
    while done.count < params.copies:
        # A small first chunk gives an early estimate; small ones are dear, so the others are as large as fits.
        whole = gradients_at_once(clf) if done.count else first_gradients(clf, _FIRST)
        if params.settled:  # not in chunks, or these would decide where it stops
            whole = min(whole, _CHECKED - done.count % _CHECKED)
        copies = range(done.count, min(done.count + whole, params.copies))
        grads, _ = gradients(clf, noisy_copies(image, params, copies), target, params.output)
        total, changes = added(done.total, grads, done.changes)
        squares = done.products + products(grads)
        latest = _Progress(done.key, copies.stop, total, squares, changes)
        done = latest if len(copies) == whole else done
        mean, covariance = (total / copies.stop).float(), Covariance(copies.stop, total, squares)
        settled = bool(params.settled) and copies.stop % _CHECKED == 0 and covariance.share() <= params.settled
        of = copies.stop if settled else params.copies
        yield SaliencyMap(
            mean, score, image.clone(), reference.clone(), copies.stop, of, latest.changes, covariance, done
        )
        if copies.stop == of:
            return


def added(total: Tensor, grads: Tensor, changes: tuple[float, ...]) -> tuple[Tensor, tuple[float, ...]]:
    """A sum (C,H,W), in double precision, with the gradients (n,C,H,W) added, and how much each changed the mean.

    ``changes`` are those of the gradients so far. m_(k+1) - m_k = (w_k - m_k) / (k + 1), whose norm follows from the
    products of the gradients with each other and with the sum so far, so that none of them is gone through for itself.
    """
    before, n = total.flatten(), len(grads)
    summed = torch.empty_like(before)
    products = before.new_zeros(n + 1, n + 1)  # of the sum so far, which comes first, and the gradients
    for block, rows in zip(before.split(_BLOCK), grads.flatten(1).split(_BLOCK, dim=1), strict=True):
        both = torch.cat([block[None], rows.double()])  # (1 + n,d)
        products += both @ both.T
        begin = block.storage_offset() - before.storage_offset()
        torch.sum(both, 0, out=summed[begin : begin + len(block)])
    (whole, *along), *among = products.tolist()  # ||sum||^2, <w_k, sum>
    found = list(changes)
    for i, k in enumerate(range(len(changes), len(changes) + n)):
        own, met = among[i][i + 1], along[i] + sum(among[i][1 : i + 1])  # ||w_k||^2, <w_k, sum>
        away = own - 2 * met / k + whole / k**2 if k else own
        whole += 2 * met + own
        found.append(math.sqrt(max(0.0, away) / whole) if whole > 0.0 else 0.0)
    return summed.view_as(total), tuple(found)


def noisy_copies(image: Tensor, params: SmoothGrad, copies: range | list[int]) -> Tensor:
    """I0 + e_k, (n,C,H,W) for the given numbers k of copies: what SmoothGrad shows to the network, not clamped."""
    sigma = params.noise * float(image.max() - image.min())
    noisy = torch.empty(len(copies), *image.shape)
    for k, noise in zip(copies, noisy, strict=True):
        noise.normal_(generator=generator(params.seed, k))
    return noisy.mul_(sigma).add_(image.detach().cpu())  # (n,C,H,W) + (C,H,W)


def zero_input(clf: Classifier) -> Tensor:
    """The picture (C,H,W) whose normalised input is zero everywhere: the training set's mean colour."""
    return clf.mean[0].cpu().expand(clf.input_shape).clone()  # (C,1,1) -> (C,H,W)


def absolute_max(saliency: SaliencyMap) -> Tensor:
    """M = max_c |w_c|, (H,W), at least 0: the map of Simonyan et al. 2014, section 3.1."""
    return saliency.gradient.abs().amax(dim=0)  # (C,H,W) -> (H,W)


def signed(saliency: SaliencyMap) -> Tensor:
    """sum_c w_c, (H,W): how the score answers to a little more light in all channels; positive where it rises."""
    return saliency.gradient.sum(dim=0)  # (C,H,W) -> (H,W)


def standard_error(saliency: SaliencyMap, view: str) -> Tensor:
    """How far off each value (H,W) of a view may be for having only so many copies: one standard error, at least 0.

    ``view`` names the function whose values these are; for "absolute" it is the error of the channel that is largest.
    NaN with one copy. Raises ValueError where nothing was sampled, and for another view.
    """
    if view not in (views := ("absolute", "signed", "times_input")):
        raise ValueError(f"view is {view!r}; accepted: one of {', '.join(views)}.")
    if saliency.covariance is None:
        raise ValueError("saliency has no covariance; accepted: a map that is an average over noisy copies.")
    gradient = saliency.gradient
    if view == "absolute":
        along = torch.zeros_like(gradient).scatter_(0, gradient.abs().argmax(0, keepdim=True), 1.0)  # (C,H,W)
    else:
        along = saliency.image - saliency.reference if view == "times_input" else torch.ones_like(gradient)
    return saliency.covariance.error(along)


def times_input(saliency: SaliencyMap) -> Tensor:
    """sum_c w_c * (I0 - reference)_c, (H,W), in units of the score: on a linear network each pixel's contribution.

    With the reference at the zero of the network's input this is gradient x input (Shrikumar et al. 2016) in the
    network's own space; on a map of integrated gradients it is their attribution.
    """
    return (saliency.gradient * (saliency.image - saliency.reference)).sum(dim=0)  # (C,H,W) -> (H,W)
