"""LIME: switch superpixels off at random, ask the network each time, and fit a linear model to its answers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.params import choice, flag, levels, number
from vizcore.pictures import notebook
from vizcore.targets import Output, Target, pick
from vizcore.techniques import adaline, half_precision, superpixels
from vizcore.techniques.subimages import Fill, Samples, draw, evaluator, proximity, reconstruct, stage, tried

__all__ = ["Lime", "LimeMap", "Samples", "explain", "fit", "predict", "proximity", "reconstruct"]

Model = Literal["adaline", "ridge"]

SAMPLES_PER_SUPERPIXEL = 10  # with fewer the weights are mostly the luck of the draw
LOW_R2 = 0.5  # below, the linear model misses more than half of what the network does
ESTIMATES = 40  # at most about so many in a run, however many samples
_BATCHES = 2  # at least from one estimate to the next: a linear model is some work beside those of a small network


@dataclass(frozen=True)
class Lime(superpixels.Superpixels):
    """The superpixels and their settings, how many samples are drawn, and which linear model is fitted how."""

    samples: int = number(500, 10, 5000, 10, label="Samples", help="Sub-images that the network is asked about.")
    fill: Fill = choice(  # noqa: RUF009
        "segment",
        get_args(Fill),
        label="Fill",
        help="What is painted into a superpixel that is off; 'segment' is its own mean colour, as Ribeiro et al. do.",
    )
    model: Model = choice(  # noqa: RUF009
        "adaline",
        get_args(Model),
        label="Linear model",
        help="ADALINE, trained step by step, or the reference implementation's kernel-weighted ridge regression.",
    )
    learning_rate: float = levels(
        0.5,
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 3.0, 10.0),
        label="Learning rate",
        help="ADALINE: length of a step; beyond about 2 training diverges.",
    )
    epochs: int = number(200, 10, 2000, 10, label="Epochs", help="ADALINE: steps through all samples.")
    alpha: float = levels(
        1.0,
        (0.0, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0),
        label="Regularisation",
        help="Pulls all weights towards zero: alpha times their sum of squares is added to the squared error.",
    )
    seed: int = number(0, 0, 9999, 1, label="Seed", help="Which random sub-images are drawn.")
    output: Output = choice(  # noqa: RUF009
        "probability",
        get_args(Output),
        label="Score",
        help="The class probability, which saturates near 0 and 1, or the logit, which does not.",
    )
    half: bool = flag(
        False,
        label="Half precision",
        help="Short numbers in the network: faster on some machines, and used only where the scores hardly notice.",
    )


@dataclass(frozen=True, eq=False)
class LimeMap:
    """y = w . x + b around one picture, where x says which superpixels are on: w_i is what superpixel i is worth.

    ``weights`` (l,) float64 in units of the score; ``segments`` int64 (H,W) of 0..l-1; ``r2`` how much of the scores'
    variance the model explains (kernel-weighted for ridge); ``vectors`` bool (n,l), ``scores`` (n,) the network's
    answers to them and ``predicted`` (n,) the model's, float64, where n = ``step``; ``score`` = y(I0) = scores[0].
    ``history`` is ADALINE's training and ``learning_rate`` the one it really used; both None for ridge.
    ``rounding`` is what half precision changes in the scores, as a share of their spread; None where not asked for.
    """

    step: int
    of: int
    params: Lime
    weights: Tensor
    bias: float
    r2: float
    segments: Tensor
    vectors: Tensor
    scores: Tensor
    predicted: Tensor
    history: adaline.History | None
    learning_rate: float | None
    samples: Samples
    rounding: float | None

    @property
    def score(self) -> float:
        """y(I0), the network's answer to the whole picture."""
        return float(self.scores[0])

    @property
    def score_pairs(self) -> Tensor:
        """(n,2) of (actual, predicted) for every sub-image."""
        return torch.stack([self.scores, self.predicted], dim=1)

    @property
    def warnings(self) -> dict[str, str]:
        """What to beware of, as {stable id: sentence}.

        The ids are few_samples, low_r2, one_superpixel, learning_rate, half_too_coarse and half_not_faster.
        """
        found: dict[str, str] = {}
        count = len(self.weights)
        if count == 1:
            found["one_superpixel"] = "The whole picture is one superpixel, so nothing can be told apart."
        if self.step < SAMPLES_PER_SUPERPIXEL * count:
            found["few_samples"] = (
                f"{self.step} samples for {count} superpixels are fewer than {SAMPLES_PER_SUPERPIXEL} for each: "
                f"another seed may give another map."
            )
        if self.r2 < LOW_R2:
            found["low_r2"] = f"R² is {self.r2:.2f}: the linear model misses much of what the network does here."
        if self.learning_rate is not None and self.learning_rate != self.params.learning_rate:
            found["learning_rate"] = (
                f"With learning rate {self.params.learning_rate:g} training diverges; the largest stable one for these "
                f"samples is {2 * self.learning_rate:.3g}, and half of that was used."
            )
        if self.params.half and self.samples.kind is None:
            if self.rounding is None:
                found["half_not_faster"] = "Half precision is not faster on this machine, so full precision was used."
            else:
                found["half_too_coarse"] = (
                    f"Half precision would change the score by {self.rounding:.0%} of its spread, so full precision "
                    f"was used."
                )
        return found

    @property
    def warning(self) -> str:
        """All warnings as one text; empty if there is none."""
        return " ".join(self.warnings.values())

    def _repr_png_(self) -> bytes:
        """The superpixels' weights in a notebook: orange where they speak for the class."""
        return notebook.signed(self.heat())

    def heat(self) -> Tensor:
        """heat[p] = the weight of the superpixel that pixel p belongs to; float32 (H,W), signed."""
        return self.weights.float()[self.segments]  # (l,) -> (H,W)


def explain(
    clf: Classifier,
    image: Tensor,
    target: Target,
    params: Lime,
    *,
    samples: Samples | None = None,
    segments: Tensor | None = None,
) -> Iterator[LimeMap]:
    """Fit y(I with superpixels switched off) = w . x + b over random x in {0,1}^l; the first x is all ones.

    ``image`` (C,H,W) in [0,1]; ``target`` a class or a contrast; ``step`` and ``of`` count sub-images. ``samples`` is
    the ``.samples`` of any earlier estimate: whatever of it still holds is taken over, so that another class, score,
    model, learning rate or regularisation costs no forward pass and more samples cost only the additional ones.
    ``segments`` (H,W) replaces the computed superpixels; its labels may start anywhere and leave gaps.
    Raises, before any computation, ValueError for an unknown class, a picture that is not the network's or segments of
    another shape; at the first estimate, ParameterError where the settings give too many superpixels.

    Ribeiro, Singh & Guestrin 2016, "Why should I trust you?", section 3. Deviations: ``model`` "adaline" weighs all
    samples alike and keeps every superpixel (no lasso selection); "ridge" is what the reference implementation does for
    pictures (cosine distance, kernel width 0.25). A learning rate that would diverge is replaced by half the largest
    stable one, and ``warnings`` says so.
    """
    clf.check_image(image)
    clf.check_target(target)
    if segments is not None:
        if tuple(segments.shape) != clf.preprocess.size:
            raise ValueError(f"segments has shape {tuple(segments.shape)}; accepted: {clf.preprocess.size}.")
        segments = superpixels.relabel(segments)
    return _estimates(clf, image.detach().cpu().clone(), target, params, samples, segments)


def predict(result: LimeMap, on: Tensor) -> Tensor:
    """w . x + b: the linear model's answer to ``on`` (l,) or (n,l), of bools or of 0 and 1; () or (n,) float64."""
    if on.shape[-1] != len(result.weights):
        raise ValueError(f"on has shape {tuple(on.shape)}; accepted: (l,) or (n, l) with l = {len(result.weights)}.")
    return on.double() @ result.weights + result.bias


def fit(vectors: Tensor, scores: Tensor, params: Lime) -> adaline.LinearFit:
    """The linear model that ``params`` asks for, fitted to ``vectors`` (n,l) and ``scores`` (n,); no forward pass."""
    if params.model == "ridge":
        return adaline.ridge(vectors, scores, alpha=params.alpha, sample_weights=proximity(vectors))
    rate, epochs = params.learning_rate, params.epochs
    return adaline.train(vectors, scores, learning_rate=rate, epochs=epochs, alpha=params.alpha, stabilise=True)


def _estimates(
    clf: Classifier, image: Tensor, target: Target, params: Lime, kept: Samples | None, given: Tensor | None
) -> Iterator[LimeMap]:
    base = stage(kept, clf, image, params if given is None else given, params.fill, params.seed)
    on = draw(params.seed, max(params.samples, half_precision.CHECKED), int(base.segments.max()) + 1)  # (n,l)
    kind = clf.short_format if params.half else None
    if kind is not None:
        base = base if base.trial is not None else tried(base, kind, evaluator(clf, base), on)
        kind = kind if base.rounding(target, params.output) <= half_precision.ROUGHEST else None
    base = base.of_kind(kind)
    n, done = params.samples, min(params.samples, len(base))
    on, logits = on[:n], base.logits
    scores = pick(logits[:done], target, params.output, clf.squash).double()
    if done < n:
        logits = torch.empty(n, len(clf.classes))  # rows are only ever added: a view of the first ones stays as it is
        logits[:done] = base.logits
        evaluate = evaluator(clf, base)
    due, begun = 1, time.monotonic()
    while done < n:
        if done >= due or (done and time.monotonic() - begun > 0.25):
            yield _estimate(params, target, on[:done], scores, replace(base, logits=logits[:done]))
            due, begun = done + max(math.ceil(n / ESTIMATES), _BATCHES * clf.batch_size), time.monotonic()
        answers = evaluate(on[done : done + clf.at_once], kind)  # (m,K)
        logits[done : done + len(answers)] = answers
        scores = torch.cat([scores, pick(answers, target, params.output, clf.squash).double()])
        done += len(answers)
    yield _estimate(params, target, on, scores, replace(base, logits=logits))


def _estimate(params: Lime, target: Target, vectors: Tensor, scores: Tensor, samples: Samples) -> LimeMap:
    fitted = fit(vectors, scores, params)
    return LimeMap(
        step=len(scores),
        of=params.samples,
        params=params,
        weights=fitted.weights,
        bias=fitted.bias,
        r2=fitted.r2,
        segments=samples.segments.clone(),
        vectors=vectors.clone(),
        scores=scores.clone(),
        predicted=vectors.double() @ fitted.weights + fitted.bias,
        history=fitted.history,
        learning_rate=fitted.learning_rate,
        samples=samples,
        rounding=samples.rounding(target, params.output) if params.half and samples.trial is not None else None,
    )
