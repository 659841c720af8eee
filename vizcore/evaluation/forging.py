"""A forged map: a picture changed by a few grey levels so that its gradient map shows a wish, and its answer stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vizcore.copies import private_copy
from vizcore.networks.classifier import Classifier
from vizcore.params import check, levels, number
from vizcore.techniques.saliency import Saliency, absolute_max, gradient

GREY = 255  # steps of grey in a file
_JUDGED = 5  # steps between two looks at what the network itself makes of the picture
_RATE = 0.25  # of the first step, in bounds
_STAY = 0.03  # weight of the logits' change: little is needed where the network is sure
_RELUS = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}


@dataclass(frozen=True)
class Forging:
    """How far the picture may be changed, how far the answer, and how the map is made to bend."""

    bound: int = number(8, 1, 32, 1, label="Grey levels", help="The most that any value may change.", unit="/ 255")
    steps: int = number(60, 10, 500, 10, label="Steps", help="Of the optimisation; each takes two backward passes.")
    tolerance: float = number(
        0.05, 0.01, 0.5, 0.01, label="Tolerance", help="How far the class's probability may move from what it was."
    )
    beta: float = levels(
        30.0,
        (3.0, 10.0, 30.0, 100.0),
        label="Beta",
        help="Of the softplus that stands for the ReLU while the map is bent: the larger, the more alike the two.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Forged:
    """The best picture (C,H,W) so far, in whole grey levels, and what the network itself makes of it.

    ``mass`` is the share of the gradient map's mass that lies in the wish, ``mass_before`` that on the picture itself.
    ``answer`` and ``answer_before`` are the class's probabilities. ``largest`` is the largest change, in grey levels.
    Until a picture is found whose answer has stayed, ``picture`` is the one that was given. ``step`` of ``of``.
    """

    step: int
    of: int
    picture: Tensor
    mass: float
    mass_before: float
    answer: float
    answer_before: float
    largest: float


def corner(size: tuple[int, int], share: float = 0.25) -> Tensor:
    """A wish (H,W): 1 in the lower right corner, ``share`` of each side, and 0 elsewhere."""
    height, width = size
    wish = torch.zeros(height, width)
    wish[height - max(1, round(share * height)) :, width - max(1, round(share * width)) :] = 1
    return wish


def mass(heat: Tensor, wish: Tensor) -> float:
    """sum(|M| wish) / sum |M|: the share of a map's mass in the wish, both (H,W); 0 where the map is zero."""
    whole = float(heat.abs().double().sum())
    return float((heat.abs() * wish).double().sum()) / whole if whole > 0 else 0.0


def forge(clf: Classifier, image: Tensor, target: int, wish: Tensor, params: Forging | None = None) -> Iterator[Forged]:
    """max over ||I - I0||_inf <= bound of mass(M(I), wish), while p_target(I) stays: M(I) = max_c |dz/dI|.

    ``image`` is (C,H,W) in [0,1], ``wish`` (H,W) is at least 0. The second derivative of a ReLU is zero almost
    everywhere, so that nothing would pull at its gradient; while the map is bent, softplus with a large ``beta`` stands
    in its place in a private copy of the network. What is returned is judged on the network itself, and rounded to
    whole grey levels. Raises ValueError for a picture, target or wish that does not fit.

    Dombrowski et al. 2019, "Explanations can be manipulated and geometry is to blame", equation 6. Deviations: the
    share of mass in the wish in place of the squared distance to a whole map, a bound on every value in place of a
    penalty, and signs of the gradient as in Madry et al. 2018.
    """
    params = params or Forging()
    clf.check_image(image)
    clf.check_target(target)
    if wish.shape != image.shape[1:] or not bool((wish >= 0).all()) or not bool(wish.any()):
        raise ValueError(
            f"wish has the shape {tuple(wish.shape)} and values from {float(wish.min()):g} to {float(wish.max()):g}; "
            f"accepted: {tuple(image.shape[1:])}, values of at least 0, one of them above it."
        )
    return _forge(clf, image.detach().cpu().clone(), target, wish.detach().cpu().float(), params)


def _forge(clf: Classifier, image: Tensor, target: int, wish: Tensor, params: Forging) -> Iterator[Forged]:
    network = private_copy(clf.network)
    bound = params.bound / GREY
    answers = clf.logits(image[None]).detach()
    before, answer = _judged(clf, image, target, wish)
    best = Forged(0, params.steps, image, before, before, answer, answer, 0.0)
    moved = torch.zeros_like(image)
    momentum = torch.zeros_like(image)
    for step in range(1, params.steps + 1):
        slope = _slope(clf, network, (image + moved)[None], target, wish, answers, params.beta)
        momentum = 0.9 * momentum + slope / slope.abs().mean().clamp(min=1e-30)
        rate = bound * _RATE * (1 - step / (params.steps + 1))
        moved = (moved - rate * momentum.sign()).clamp(-bound, bound)
        moved = (image + moved).clamp(0, 1) - image
        if step % _JUDGED and step < params.steps:
            continue
        picture = _in_levels(image, moved, params.bound)
        found, now = _judged(clf, picture, target, wish)
        if found > best.mass and abs(now - best.answer_before) <= params.tolerance:
            largest = round(GREY * float((picture - image).abs().max()), 3)
            best = Forged(step, params.steps, picture, found, before, now, answer, largest)
        yield Forged(step, params.steps, best.picture.clone(), *_figures(best))


def _figures(one: Forged) -> tuple[float, float, float, float, float]:
    return one.mass, one.mass_before, one.answer, one.answer_before, one.largest


def _in_levels(image: Tensor, moved: Tensor, bound: int) -> Tensor:
    """The changed picture in whole grey levels, each no further than ``bound`` from where it was."""
    low, high = (image * GREY - bound - 1e-3).ceil(), (image * GREY + bound + 1e-3).floor()
    return ((image + moved) * GREY).round().maximum(low).minimum(high).clamp(0, GREY) / GREY


def _judged(clf: Classifier, picture: Tensor, target: int, wish: Tensor) -> tuple[float, float]:
    """What the network itself makes of the picture: the share of the map's mass in the wish, and the probability."""
    heat = absolute_max(gradient(clf, picture, target, Saliency("logit")))
    return mass(heat, wish), float(clf.scores(picture[None], target)[0])


def _slope(
    clf: Classifier, network: nn.Module, x: Tensor, target: int, wish: Tensor, answers: Tensor, beta: float
) -> Tensor:
    """The gradient (C,H,W) of -log mass + ||z - z_0||^2, where the bent network's map is differentiated once more."""
    with torch.enable_grad(), _Soft(beta):
        x = x.clone().requires_grad_()
        logits = network(clf.normalise(x)).float()
        (w,) = torch.autograd.grad(logits[0, target], x, create_graph=True)
        heat = w[0].abs().amax(0)  # (1,C,H,W) -> (H,W)
        share = (heat * wish).sum() / heat.sum().clamp(min=1e-30)
        moved = (logits - answers).square().mean()
        (slope,) = torch.autograd.grad(-share.clamp(min=1e-30).log() + _STAY * moved, x)
    return slope[0].detach().cpu()


class _Soft(TorchFunctionMode):
    """Within it, on this thread, each ReLU is softplus(beta x) / beta, whose derivative has one of its own."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self._beta = beta

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _RELUS:
            return F.softplus(args[0], beta=self._beta)
        return func(*args, **(kwargs or {}))
