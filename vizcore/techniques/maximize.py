"""Input maximisation: the picture that a network would draw if it were asked what a class looks like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.gradients import no_gradient
from vizcore.params import check, choice, levels, number
from vizcore.pictures import figures, notebook
from vizcore.targets import Output, Target, value

Start = Literal["noise", "grey", "picture"]

START_NOISE = 0.1  # standard deviation of the starting noise, on the scale of the zero-centred input (about 1)
BLUR_EVERY = 4  # steps between two blurs: at every step even a weak one would outrun the ascent


@dataclass(frozen=True)
class Maximisation:
    """How strongly the picture is kept small, how it is climbed from where, and which score is meant by y."""

    lambda_: float = levels(
        3e-4,
        (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
        label="λ",
        help="Weight of the penalty λ‖I‖². 0 lets the score rise without bound, too much leaves the picture grey. "
        "Small networks draw clearly at 0.0003, ImageNet's at 0.01.",
    )
    step_size: float = levels(
        0.05,
        (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
        label="Step size",
        help="How far the zero-centred input, whose values are of the order of 1, moves in one step at first.",
    )
    steps: int = number(300, 10, 2000, 10, label="Steps", help="Steps of the ascent; the step size falls to 0.")
    seed: int = number(0, 0, 9999, 1, label="Seed", help="Of the starting noise and the jitter. One seed, one result.")
    output: Output = choice(  # noqa: RUF009
        "logit",
        get_args(Output),
        label="Score",
        help="Simonyan climbs the logit: the probability can also be raised by making all other classes less likely.",
    )
    start: Start = choice(  # noqa: RUF009
        "noise",
        get_args(Start),
        label="Start",
        help="Faint noise, a zero input (mean colour; where no filter answers to it nothing moves), or a picture.",
    )
    jitter: int = number(
        0,
        0,
        16,
        1,
        label="Jitter",
        help="An addition to the formula: at each step the picture is shifted by up to so much, at random.",
        unit="px",
    )
    blur: float = number(
        0.0,
        0.0,
        2.0,
        0.1,
        label="Blur",
        help="An addition to the formula: every fourth step the picture is blurred by so much.",
        unit="px",
    )
    variation: float = levels(
        0.0,
        (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
        label="Total variation",
        help="An addition to the formula: weight of the sum of differences between neighbouring pixels.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Ascent:
    """I after ``step`` of ``of`` steps, y_j(I), lambda * ||I||^2 and their difference, now and since the start.

    ``input`` (C,H,W) is I, zero-centred and unbounded; ``image`` (C,H,W) in [0,1] is what to show of it. The tuples
    hold ``step`` + 1 values, the first of the start: ``objectives`` = ``scores`` - ``penalties`` (- ``variations``, the
    weighted total variation, where that is switched on), ``probabilities`` in [0,1] and ``logits`` of the class (or
    their differences, for a contrast), of which ``scores`` is the one that is climbed. With jitter they are those of
    the shifted picture.
    """

    input: Tensor
    image: Tensor
    step: int
    of: int
    scores: tuple[float, ...]
    penalties: tuple[float, ...]
    variations: tuple[float, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]

    @property
    def objectives(self) -> tuple[float, ...]:
        parts = zip(self.scores, self.penalties, self.variations, strict=True)
        return tuple(score - penalty - variation for score, penalty, variation in parts)

    @property
    def objective(self) -> float:
        return self.scores[-1] - self.penalties[-1] - self.variations[-1]

    @property
    def score(self) -> float:
        return self.scores[-1]

    @property
    def penalty(self) -> float:
        return self.penalties[-1]

    @property
    def probability(self) -> float:
        return self.probabilities[-1]

    @property
    def logit(self) -> float:
        return self.logits[-1]

    def _repr_png_(self) -> bytes:
        """``image`` in a notebook."""
        return notebook.png(figures.picture(self.image))


def maximize(
    clf: Classifier, target: Target, params: Maximisation | None = None, start_image: Tensor | None = None
) -> Iterator[Ascent]:
    """I* = argmax_I y_target(I) - lambda * ||I||_2^2, by gradient ascent on the network's zero-centred input I.

    ||I||^2 is the sum of squares over all channels and pixels, and I is not kept within the colours that a screen can
    show. ``start_image`` (C,H,W) in [0,1] is where ``start`` = "picture" begins, and is not looked at otherwise. Yields
    after every step; keep every so many if you keep them. Raises ValueError for a target that is not the network's, and
    where the start is the picture and there is none.

    Simonyan et al. 2014, section 2, climb the logit and add the mean for showing, as here. They start from zero
    (``start`` = "grey"); noise is the default here, because a network whose first filters are all silent on a uniform
    picture, such as the bundled one, has no gradient to follow from there. They do not say how they climb; here
    it is Adam (Kingma & Ba 2015), which takes steps of the same size for a logit and for a nearly vanishing gradient of
    the probability, with a step size that falls to zero along half a cosine so that the ascent comes to rest. Jitter,
    blur and total variation are additions (Mordvintsev et al. 2015; Yosinski et al. 2015, section 3; Mahendran and
    Vedaldi 2015, section 3.3) and off by default.
    """
    params = params or Maximisation()
    clf.check_target(target)
    if params.start == "picture":
        if start_image is None:
            raise ValueError("start is 'picture' but start_image is None; accepted: a (C,H,W) picture in [0,1].")
        clf.check_image(start_image)
        start_image = start_image.detach().clone()
    return _climb(clf, target, params, start_image)


def _climb(clf: Classifier, target: Target, params: Maximisation, start_image: Tensor | None) -> Iterator[Ascent]:
    generator = torch.Generator().manual_seed(params.seed)
    z = _start(clf, params, generator, start_image)  # (1,C,H,W)
    first, second = torch.zeros_like(z), torch.zeros_like(z)  # Adam's running means of the gradient and its square
    shift = _shift(params.jitter, generator)
    values, grad = _objective(clf, z, target, params, shift)
    history = [values]
    for step in range(1, params.steps + 1):
        first = 0.9 * first + 0.1 * grad
        second = 0.999 * second + 0.001 * grad.square()
        unbiased, scale = first / (1 - 0.9**step), (second / (1 - 0.999**step)).sqrt()
        size = params.step_size * (1 + math.cos(math.pi * (step - 1) / params.steps)) / 2
        z = z + size * unbiased / (scale + 1e-8 * float(scale.max()) + 1e-30)
        if params.blur > 0 and step % BLUR_EVERY == 0:
            z = blurred(z, params.blur)
        shift = _shift(params.jitter, generator)
        values, grad = _objective(clf, z, target, params, shift)
        history.append(values)
        shown = clf.denormalise(z).clamp(0, 1)
        yield Ascent(_result(z), _result(shown), step, params.steps, *zip(*history, strict=True))


def _objective(
    clf: Classifier, z: Tensor, target: Target, params: Maximisation, shift: tuple[int, int]
) -> tuple[tuple[float, float, float, float, float], Tensor]:
    """(score, penalty, variation, probability, logit) at z, and the gradient of the objective."""
    with torch.inference_mode(False), torch.enable_grad():  # also where the caller has switched gradients off
        leaf = z.detach().clone().requires_grad_()
        logits = clf.logits_of_input(leaf.roll(shift, dims=(2, 3)))
        probability, logit = value(clf.probabilities(logits), target)[0], value(logits, target)[0]
        score = logit if params.output == "logit" else probability
        if not score.requires_grad:
            raise NetworkError(no_gradient(clf.title))
        penalty = params.lambda_ * leaf.square().sum()
        variation = params.variation * total_variation(leaf) if params.variation > 0 else torch.zeros_like(penalty)
        grad = clf.finite(torch.autograd.grad(score - penalty - variation, leaf)[0])
    values = torch.stack([score, penalty, variation, probability, logit]).tolist()  # one transfer from the device
    return (values[0], values[1], values[2], values[3], values[4]), grad


def _start(clf: Classifier, params: Maximisation, generator: torch.Generator, start_image: Tensor | None) -> Tensor:
    if params.start == "picture" and start_image is not None:
        return clf.normalise(start_image[None])
    shape = (1, *clf.input_shape)
    noise = torch.randn(shape, generator=generator) if params.start == "noise" else torch.zeros(shape)
    return (START_NOISE * noise).to(clf.device)


def _shift(jitter: int, generator: torch.Generator) -> tuple[int, int]:
    if jitter == 0:
        return 0, 0
    down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
    return down, right


def _result(z: Tensor) -> Tensor:
    return z[0].detach().cpu().clone()  # (1,C,H,W) -> (C,H,W)


def total_variation(z: Tensor) -> Tensor:
    """sum |difference of neighbours|, down and to the right, over all channels of z (N,C,H,W); differentiable."""
    return (z[:, :, 1:] - z[:, :, :-1]).abs().sum() + (z[..., 1:] - z[..., :-1]).abs().sum()


def blurred(z: Tensor, sigma: float) -> Tensor:
    """z (N,C,H,W) convolved with a Gaussian of standard deviation ``sigma`` pixels, edges mirrored."""
    radius = min(max(1, math.ceil(3 * sigma)), *(side - 1 for side in z.shape[2:]))
    places = torch.arange(-radius, radius + 1, device=z.device, dtype=z.dtype)
    weights = torch.exp(-places.square() / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(z.shape[1], 1, -1)  # (C,1,2r+1)
    padded = F.pad(z, (radius, radius, radius, radius), mode="reflect")
    rows = F.conv2d(padded, weights[:, :, None, :], groups=z.shape[1])  # (N,C,H+2r,W)
    return F.conv2d(rows, weights[:, :, :, None], groups=z.shape[1])  # (N,C,H,W)
