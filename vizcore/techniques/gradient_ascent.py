"""How input maximisation climbs: Adam in the chosen coordinates, and what it measures on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vizcore.networks.batches import in_batches
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.gradients import gradient_batch, no_gradient
from vizcore.seeds import generator as seeded
from vizcore.targets import Unit
from vizcore.techniques.blurring import total_variation
from vizcore.techniques.channels import Answers, answering
from vizcore.techniques.fourier import Coordinates, coordinates
from vizcore.techniques.maximisation import START_NOISE, Ascent, Maximisation, Measured
from vizcore.techniques.transformations import moves, transformed

LOUDER = (0.3, 1.0, 3.0)  # deviations of the starting noise, where none of the network answers to a fainter one
_MEASURED = 25  # steps between two measurements of the three scores
_DRAWS = 4  # over which the mean under transformations is measured

Values = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Slope:
    """Score, penalty, variation, probability and logit at a point, the objective's gradient, and whether y has one."""

    values: Values
    gradient: Tensor
    answers: bool


def climb(clf: Classifier, unit: Unit, params: Maximisation, start_image: Tensor | None) -> Iterator[Ascent]:
    """The ascent of :func:`vizcore.techniques.maximize.maximize`, step by step."""
    answer = answering(clf, unit)
    generator = torch.Generator().manual_seed(params.seed)
    space = coordinates(clf, params)
    x, slope, noise = _begin(clf, space, answer, params, generator, start_image)
    first, second = torch.zeros_like(x), torch.zeros_like(x)  # Adam's running means of the gradient and its square
    history = [slope.values]
    measured: Measured | None = None
    for step in range(1, params.steps + 1):
        grad = slope.gradient
        first = 0.9 * first + 0.1 * grad
        second = 0.999 * second + 0.001 * grad.square()
        unbiased, scale = first / (1 - 0.9**step), (second / (1 - 0.999**step)).sqrt()
        size = params.step_size * (1 + math.cos(math.pi * (step - 1) / params.steps)) / 2
        move = size * unbiased / (scale + 1e-8 * float(scale.max()) + 1e-30)
        x = x + (space.smoothed(move, params.blur) if params.blur > 0 else move)
        if params.bounded:
            x = space.of(clf.normalise(clf.denormalise(space.picture(x)).clamp(0, 1)))
        slope = _slope(clf, space, x, answer, params, generator)
        history.append(slope.values)
        z = space.picture(x)
        shown = clf.denormalise(z).clamp(0, 1)
        if step % _MEASURED == 0 or step == params.steps:
            measured = _measure(clf, z, shown, answer, params, step)
        scores, penalties, variations, probabilities, logits = zip(*history, strict=True)
        yield Ascent(
            _result(z), _result(shown), step, params.steps, scores, penalties, variations, probabilities, logits,
            measured, noise, slope.answers,
        )  # fmt: skip


def _slope(
    clf: Classifier, space: Coordinates, x: Tensor, answer: Answers, params: Maximisation, generator: torch.Generator
) -> Slope:
    with torch.inference_mode(False), torch.enable_grad():  # also where the caller has switched gradients off
        leaf = x.detach().clone().requires_grad_()
        z = space.picture(leaf)
        moved = transformed(z, params, params.draws, generator)
        parts = in_batches(
            clf, moved.detach(), lambda part: _slopes(clf, part, answer, params),
            lambda: gradient_batch(clf), 2 * clf.picture_bytes,
        )  # fmt: skip
        slopes, probabilities, logits = (torch.cat(each) for each in zip(*parts, strict=True))
        probability, logit = probabilities.mean(), logits.mean()
        score = logit if params.output == "logit" else probability
        penalty = params.lambda_ * z.square().sum()
        variation = params.variation * total_variation(z) if params.variation > 0 else torch.zeros_like(penalty)
        (of_score,) = torch.autograd.grad(moved, leaf, slopes / len(moved), retain_graph=True)
        grad = of_score
        if params.lambda_ > 0 or params.variation > 0:
            grad = of_score - torch.autograd.grad(penalty + variation, leaf)[0]
        clf.finite(grad)
    values = torch.stack([score, penalty, variation, probability, logit]).tolist()  # one transfer from the device
    return Slope((values[0], values[1], values[2], values[3], values[4]), grad, bool(of_score.any()))


def _slopes(clf: Classifier, z: Tensor, answer: Answers, params: Maximisation) -> tuple[Tensor, Tensor, Tensor]:
    """dy/dz (n,C,H,W) of inputs z, and their probabilities and logits (n,)."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = z.clone().requires_grad_()
        probability, logit = answer(leaf)
        score = logit if params.output == "logit" else probability
        if not score.requires_grad:
            raise NetworkError(no_gradient(clf.title))
        (slopes,) = torch.autograd.grad(score.sum(), leaf)
    return slopes, probability.detach(), logit.detach()


def _begin(
    clf: Classifier,
    space: Coordinates,
    answer: Answers,
    params: Maximisation,
    generator: torch.Generator,
    start_image: Tensor | None,
) -> tuple[Tensor, Slope, float]:
    """The start, the slope there, and the deviation of its noise: the faintest to which the score answers at all."""
    if params.start == "picture" and start_image is not None:
        x = space.of(clf.normalise(start_image[None]))
        return x, _slope(clf, space, x, answer, params, generator), 0.0
    noise = space.noise(generator)
    deviation = START_NOISE if params.start == "noise" else 0.0
    begun = _slope(clf, space, deviation * noise, answer, params, generator)
    for louder in LOUDER if deviation > 0 and not begun.answers else ():
        slope = _slope(clf, space, louder * noise, answer, params, generator)
        if slope.answers:
            return louder * noise, slope, louder
    return deviation * noise, begun, deviation


def _measure(clf: Classifier, z: Tensor, shown: Tensor, answer: Answers, params: Maximisation, step: int) -> Measured:
    """The three scores of the picture z (1,C,H,W), of which ``shown`` (1,C,H,W) in [0,1] is seen."""
    own = seeded(params.seed, step)  # the ascent's own draws stay what they are
    with torch.no_grad():
        pictures = [z, clf.normalise(shown).to(z.dtype)]
        if moves(params):
            pictures.append(transformed(z, replace(params, draws=1), _DRAWS, own))
        z = torch.cat(pictures)
        parts = in_batches(clf, z, answer, lambda: clf.batch_size, clf.picture_bytes)
        probabilities, logits = (torch.cat(each) for each in zip(*parts, strict=True))
    of_i, clipped, *rest = torch.stack([logits, probabilities], 1).cpu().unbind()  # (2+n,) twice -> (2,) each
    mean = torch.stack(rest).mean(0) if rest else of_i
    three = [tuple(float(one[k]) for one in (of_i, mean, clipped)) for k in range(2)]
    return Measured(step, *three)  # type: ignore[arg-type]


def _result(z: Tensor) -> Tensor:
    return z[0].detach().cpu().clone()  # (1,C,H,W) -> (C,H,W)
