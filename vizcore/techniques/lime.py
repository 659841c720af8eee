"""LIME: switch superpixels off at random, ask the network each time, and fit a linear model to its answers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.pictures import notebook
from vizcore.targets import Target, pick
from vizcore.techniques import adaline, half_precision, superpixels
from vizcore.techniques.lime_settings import Lime, Model
from vizcore.techniques.standard_errors import standard_errors
from vizcore.techniques.subimages import Samples, draw, evaluator, pairs, proximity, reconstruct, stage, tried

__all__ = ["Known", "Lime", "LimeMap", "Model", "Samples", "explain", "fit", "predict", "proximity", "reconstruct"]

SAMPLES_PER_SUPERPIXEL = 10  # with fewer the weights are mostly the luck of the draw
LOW_R2 = 0.5  # below, the linear model misses more than half of what the network does
ESTIMATES = 40  # at most about so many in a run, however many samples
_CHECKED = 50  # samples from one look at the error to the next: not in batches, or these would decide where it stops
_BATCHES = 2  # at least from one estimate to the next: a linear model is some work beside those of a small network


@dataclass(frozen=True, eq=False)
class LimeMap:
    """y = w . x + b around one picture, where x says which superpixels are on: w_i is what superpixel i is worth.

    ``weights`` (l,) float64 in units of the score; ``segments`` int64 (H,W) of 0..l-1; ``r2`` how much of the scores'
    variance the model explains (kernel-weighted for ridge); ``vectors`` bool (n,l), ``scores`` (n,) the network's
    answers to them and ``predicted`` (n,) the model's, float64, where n = ``step``; ``score`` = y(I0) = scores[0].
    ``errors`` (l,) are the weights' standard errors, NaN throughout while there are too few samples to tell.
    ``history`` is ADALINE's training and ``learning_rate`` the one it really used; both None for ridge.
    ``rounding`` is what half precision changes in the scores, as a share of their spread; None where not asked for.
    """

    step: int
    of: int
    params: Lime
    weights: Tensor
    errors: Tensor
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
    def error(self) -> float:
        """||errors|| / ||weights||: how large the error is beside the weights; NaN while it is unknown."""
        return float(self.errors.norm() / self.weights.norm())

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


@dataclass
class Known:
    """The sub-images that were asked about last; whoever explains with it again has what of them still holds."""

    samples: Samples | None = None


def carried_on(
    clf: Classifier, image: Tensor, target: Target, params: Lime, known: Known
) -> Iterator[tuple[LimeMap, int]]:
    """As :func:`explain`, with the forward passes taken so far; ``known`` is used and filled."""
    clf.check_image(image)
    picture = image.detach().cpu()
    base = stage(known.samples, clf, picture, params, params.fill, params.seed, params.sampling)
    for found in explain(clf, image, target, params, samples=base):
        known.samples = found.samples
        yield found, max(0, found.step - len(base))


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


def errors(vectors: Tensor, scores: Tensor, params: Lime, fitted: adaline.LinearFit) -> Tensor:
    """The standard errors (l,) of the weights that :func:`fit` gave, in units of the score."""
    residuals = scores.double() - (vectors.double() @ fitted.weights + fitted.bias)
    together = pairs(*vectors.shape) if params.sampling == "pairs" else None
    weights = proximity(vectors) if params.model == "ridge" else None
    return standard_errors(fitted.solution, vectors, residuals, weights, together)


def _estimates(
    clf: Classifier, image: Tensor, target: Target, params: Lime, kept: Samples | None, given: Tensor | None
) -> Iterator[LimeMap]:
    base = stage(kept, clf, image, params if given is None else given, params.fill, params.seed, params.sampling)
    count = int(base.segments.max()) + 1
    on = draw(params.seed, max(params.samples, half_precision.CHECKED), count, params.sampling)  # (n,l)
    kind = clf.short_format if params.half else None
    if kind is not None:
        base = base if base.trial is not None else tried(base, kind, evaluator(clf, base), on)
        kind = kind if base.rounding(target, params.output) <= half_precision.ROUGHEST else None
    base = base.of_kind(kind)
    n, known = params.samples, base.logits
    done = 0 if params.settled else min(n, len(known))  # where it stops does not depend on what is known already
    on, logits = on[:n], torch.empty(n, len(clf.classes))
    logits[:done] = known[:done]
    scores = pick(logits[:done], target, params.output, clf.squash).double()
    evaluate = evaluator(clf, base)
    due = 1
    while done < n:
        # Rows are only ever added, so a view of the first ones never changes.
        if params.settled and done and done % _CHECKED == 0:
            settled = _estimate(params, target, on[:done], scores, replace(base, logits=logits[:done]))
            if settled.error <= params.settled:
                yield replace(settled, of=done, samples=base if len(known) >= done else settled.samples)
                return
        if done >= due:
            yield _estimate(params, target, on[:done], scores, replace(base, logits=logits[:done]))
            due = done + max(math.ceil(n / ESTIMATES), _BATCHES * clf.batch_size)
        stop = min(n, done + clf.at_once, *[(done // _CHECKED + 1) * _CHECKED] * bool(params.settled))
        answers = known[done:stop] if done < len(known) else evaluate(on[done:stop], kind)  # (m,K)
        logits[done : done + len(answers)] = answers
        scores = torch.cat([scores, pick(answers, target, params.output, clf.squash).double()])
        done += len(answers)
    yield _estimate(params, target, on, scores, base if len(known) >= n else replace(base, logits=logits))


def _estimate(params: Lime, target: Target, vectors: Tensor, scores: Tensor, samples: Samples) -> LimeMap:
    fitted = fit(vectors, scores, params)
    return LimeMap(
        step=len(scores),
        of=params.samples,
        params=params,
        weights=fitted.weights,
        errors=errors(vectors, scores, params, fitted),
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
