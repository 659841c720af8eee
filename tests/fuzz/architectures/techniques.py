"""Each technique through the engine's public functions, and beside it the same number by its definition."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from tests.fuzz.architectures.case import Case
from tests.fuzz.architectures.oracle import Oracle
from vizcore.acceleration import window_costs
from vizcore.networks.classifier import Classifier
from vizcore.techniques import filters, gradcam, integrated_gradients, lime, maximize, occlusion, saliency

NOISE, LAMBDA, STEP_SIZE = 0.15, 1e-3, 0.05


@dataclass(frozen=True)
class Technique:
    """``ask`` gives the engine's result; ``both`` its numbers and, for the same question, the right ones."""

    ask: Callable[[Classifier, Case], Any]
    both: Callable[[Oracle, Case, Any], tuple[Tensor, Tensor]]


def last(results: Any) -> Any:
    *_, found = results
    return found


def _ask_logits(clf: Classifier, case: Case) -> Tensor:
    return clf.all_scores(torch.cat([case.others, case.image[None]]), "logit")


def _logits(oracle: Oracle, case: Case, result: Tensor) -> tuple[Tensor, Tensor]:
    return result, torch.stack([oracle.logits(x) for x in (*case.others, case.image)])


def _ask_gradient(clf: Classifier, case: Case) -> saliency.SaliencyMap:
    params = saliency.Saliency(output=case.output)  # type: ignore[arg-type]
    return saliency.gradient(clf, case.image, case.target, params)


def _gradient(oracle: Oracle, case: Case, result: saliency.SaliencyMap) -> tuple[Tensor, Tensor]:
    return result.gradient, oracle.gradient(case.image, case.target, case.output)


def _ask_smoothgrad(clf: Classifier, case: Case) -> saliency.SaliencyMap:
    params = saliency.SmoothGrad(NOISE, case.copies, case.seed, case.output)  # type: ignore[arg-type]
    found: saliency.SaliencyMap = last(saliency.smoothgrad(clf, case.image, case.target, params))
    return found


def _smoothgrad(oracle: Oracle, case: Case, result: saliency.SaliencyMap) -> tuple[Tensor, Tensor]:
    return result.gradient, oracle.smoothgrad(case.image, case.target, case.output, NOISE, case.copies, case.seed)


def _ask_integrated(clf: Classifier, case: Case) -> integrated_gradients.PathMap:
    params = integrated_gradients.IntegratedGradients(case.steps, "black", case.output)  # type: ignore[arg-type]
    found: integrated_gradients.PathMap = last(
        integrated_gradients.integrated_gradients(clf, case.image, case.target, params)
    )
    return found


def _integrated(oracle: Oracle, case: Case, result: integrated_gradients.PathMap) -> tuple[Tensor, Tensor]:
    start = torch.zeros(case.image.shape)
    return result.gradient, oracle.integrated(case.image, case.target, case.output, start, case.steps)


def _ask_gradcam(clf: Classifier, case: Case) -> gradcam.CamMap:
    return gradcam.grad_cam(clf, case.image, case.target, gradcam.GradCam(case.output))  # type: ignore[arg-type]


def _gradcam(oracle: Oracle, case: Case, result: gradcam.CamMap) -> tuple[Tensor, Tensor]:
    truth = oracle.feature_map(case.image, result.layer, case.target, case.output, result.signed.shape)
    return result.signed, truth


def _ask_occlusion(clf: Classifier, case: Case) -> occlusion.OcclusionMap:
    """Incrementally where that can be, though full passes cost no more on networks as small as these."""
    params = occlusion.Occlusion(case.window, case.stride, case.fill, case.output)  # type: ignore[arg-type]
    with mock.patch.multiple(window_costs, CALL=0, WEIGHT=0, PIECE=0, NODE=0, PIXEL=0, WORTHWHILE=1.05):
        found: occlusion.OcclusionMap = last(occlusion.occlude(clf, case.image, case.target, params))
    return found


def _occlusion(oracle: Oracle, case: Case, result: occlusion.OcclusionMap) -> tuple[Tensor, Tensor]:
    """The drop, and how much the class that is named for a window falls short of the most probable one."""
    _, height, width = case.image.shape
    paint, score = painted(case), oracle.score(case.image, case.target, case.output)
    drops: list[Tensor] = []
    short: list[Tensor] = []
    for top in starts(height, case):
        for left in starts(width, case):
            covered = case.image.clone()
            here = (slice(None), slice(top, top + case.window), slice(left, left + case.window))
            covered[here] = paint[here]
            logits = oracle.logits(covered)
            drops.append(score - oracle.score(covered, case.target, case.output))
            short.append(logits.max() - logits[result.top_class.flatten()[len(short)]])
    seen = torch.cat([result.drop.flatten(), torch.zeros(len(short))])
    return seen, torch.stack([*drops, *short])


def starts(length: int, case: Case) -> list[int]:
    return [*range(0, length - case.window, case.stride), length - case.window]


def painted(case: Case) -> Tensor:
    """(C,H,W) that shows through where something is covered."""
    means = torch.tensor(case.preprocess.mean).view(-1, 1, 1)
    colour = {"grey": torch.tensor(0.5), "mean": means, "black": torch.tensor(0.0)}[case.fill]
    return colour.expand_as(case.image)


def segments(case: Case) -> Tensor:
    """(H,W) of 0..8: the picture in three times three pieces."""
    _, height, width = case.image.shape
    return (torch.arange(height) * 3 // height * 3)[:, None] + (torch.arange(width) * 3 // width)[None]


def _ask_lime(clf: Classifier, case: Case) -> lime.LimeMap:
    fill = "segment" if case.fill == "mean" else case.fill
    params = lime.Lime(samples=case.samples, fill=fill, seed=case.seed, output=case.output)  # type: ignore[arg-type]
    found: lime.LimeMap = last(lime.explain(clf, case.image, case.target, params, segments=segments(case)))
    return found


def _lime(oracle: Oracle, case: Case, result: lime.LimeMap) -> tuple[Tensor, Tensor]:
    """The score of each sub-image, whose superpixels are on as the engine says it has drawn them."""
    numbers, paint = segments(case), painted(case).clone()
    if case.fill == "mean":
        for number in range(int(numbers.max()) + 1):
            here = numbers == number
            paint[:, here] = case.image[:, here].mean(1, keepdim=True)
    pictures = [torch.where(on[numbers], case.image, paint) for on in result.vectors]
    return result.scores, torch.stack([oracle.score(x, case.target, case.output) for x in pictures])


def _ask_maximisation(clf: Classifier, case: Case) -> maximize.Ascent:
    params = maximize.Maximisation(LAMBDA, STEP_SIZE, 10, case.seed, case.output)  # type: ignore[arg-type]
    return next(iter(maximize.maximize(clf, case.target, params)))


def _maximisation(oracle: Oracle, case: Case, result: maximize.Ascent) -> tuple[Tensor, Tensor]:
    """The first step of Adam, which is one of the same length for every pixel, weighted by the slope there; scores."""
    z = torch.randn((1, *case.image.shape), generator=torch.Generator().manual_seed(case.seed))[0]
    z = result.noise * z  # louder than usual where nothing answers to that
    slope = oracle.gradient(z, case.target, case.output, of_input=True) - 2 * LAMBDA * z.double()
    size = float(slope.abs().max())
    weights = slope.abs() / max(size, 1e-30)  # where the slope is nearly nothing, rounding decides its sign
    step = slope / (slope.abs() + 1e-8 * size + 1e-30)
    at = result.input.double()
    with torch.no_grad():
        logits = torch.stack([oracle.of_input(point) for point in (z.double(), at)])  # (2,K)
    scores = oracle.probabilities(logits) if case.output == "probability" else logits
    penalties = LAMBDA * torch.stack([z.double().square().sum(), at.square().sum()])
    moved = (at - z.double()) / STEP_SIZE
    seen = torch.cat([(moved * weights).flatten(), torch.tensor([*result.scores, *result.penalties])])
    return seen, torch.cat([(step * weights).flatten(), scores[:, case.target], penalties])


def _ask_visitors(clf: Classifier, case: Case) -> Tensor:
    """Logits for two visitors at once, each with pictures of his own, again and again: (rounds * n,K)."""
    answers: list[list[Tensor]] = [[], []]

    def visit(which: int) -> None:
        for _ in range(20 if case.keeps else 0):
            answers[which].append(clf.all_scores(case.others[which::2][:2], "logit"))

    visitors = [threading.Thread(target=visit, args=(which,)) for which in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    return torch.cat([*answers[0], *answers[1]]) if case.keeps else torch.zeros(0)


def _visitors(oracle: Oracle, case: Case, result: Tensor) -> tuple[Tensor, Tensor]:
    if not case.keeps:
        return result, result.double()
    rows = [torch.stack([oracle.logits(x) for x in case.others[which::2][:2]]) for which in range(2)]
    return result, torch.cat([rows[0].repeat(len(result) // 4, 1), rows[1].repeat(len(result) // 4, 1)])


def _ask_filters(clf: Classifier, case: Case) -> filters.Kernels:
    return filters.kernels(clf)


def _filters(oracle: Oracle, case: Case, result: filters.Kernels) -> tuple[Tensor, Tensor]:
    """The first layer that a picture comes to, unless nothing depends on it; either where a slope vanishes."""
    right = oracle.first_kernels(case.image)
    assert right, f"no picture ever comes to {result.layer}, whose filters are shown"
    same = [weights for weights in right if weights.shape == result.weights.shape]
    return result.weights, min(same or right, key=lambda weights: _apart(weights, result.weights))


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max()) if one.shape == other.shape else float("inf")


TECHNIQUES: dict[str, Technique] = {
    "filters": Technique(_ask_filters, _filters),
    "logits": Technique(_ask_logits, _logits),
    "gradient": Technique(_ask_gradient, _gradient),
    "SmoothGrad": Technique(_ask_smoothgrad, _smoothgrad),
    "integrated gradients": Technique(_ask_integrated, _integrated),
    "Grad-CAM": Technique(_ask_gradcam, _gradcam),
    "occlusion": Technique(_ask_occlusion, _occlusion),
    "LIME": Technique(_ask_lime, _lime),
    "maximisation": Technique(_ask_maximisation, _maximisation),
    "two visitors": Technique(_ask_visitors, _visitors),
}
