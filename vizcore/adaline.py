"""ADALINE and ridge regression: the two linear models that LIME can fit to a network's answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vizcore.params import ParameterError


@dataclass(frozen=True, eq=False)
class History:
    """Training as it went, from before the first epoch (row 0) to after the last.

    ``weights`` (epochs+1, l), ``bias`` (epochs+1,), and ``error`` (epochs+1,), the weighted mean squared error without
    the penalty; all float64.
    """

    weights: Tensor
    bias: Tensor
    error: Tensor


@dataclass(frozen=True, eq=False)
class LinearFit:
    """y = w . x + b, fitted to samples.

    ``weights`` (l,) float64; ``bias``; ``r2`` = 1 - (unexplained / total variance), with the sample weights of the fit,
    at most 1; ``history`` and ``learning_rate`` are None for the closed form.
    """

    weights: Tensor
    bias: float
    r2: float
    history: History | None = None
    learning_rate: float | None = None


@dataclass(frozen=True, eq=False)
class _Moments:
    """All that squared error needs to know of the samples: (weighted) means, covariances and the total weight."""

    total: float  # sum of the sample weights c
    mean_x: Tensor  # (l,)
    mean_y: float
    xx: Tensor  # (l,l)
    xy: Tensor  # (l,)
    yy: float


def train(
    vectors: Tensor,
    scores: Tensor,
    *,
    learning_rate: float = 0.5,
    epochs: int = 200,
    alpha: float = 0.0,
    sample_weights: Tensor | None = None,
) -> LinearFit:
    """w <- w + eta * (mean of e * x - alpha/n * w), with the error e = y - (w . x + b); b <- b + eta * mean of e.

    Each epoch is one step down sum_k c_k (y_k - w . x_k - b)^2 + alpha ||w||^2, towards what :func:`ridge` solves at
    once. ``vectors`` (n,l), usually of 0 and 1; ``scores`` (n,); ``sample_weights`` c (n,) >= 0, all 1 unless given
    (the mean and n above are then weighted); ``alpha`` >= 0 does not touch the bias. Weights and bias start at zero, so
    nothing is random.
    Raises ParameterError, naming the largest stable one, for a learning rate under which training diverges.

    Widrow & Hoff 1960, "Adaptive switching circuits". Two deviations: the delta rule is averaged over all samples of an
    epoch instead of being applied after each, so that it converges to the minimum and not around it; and it sees x
    minus the mean of x. The minimum is the same, since the bias takes up the shift, but with {0,1} vectors, all of
    whose entries are positive, the error is a long narrow valley that takes thousands of epochs (Widrow & Hoff's
    vectors were of +-1).
    """
    moments = _moments(vectors, scores, sample_weights)
    _check_alpha(alpha)
    if epochs < 1:
        raise ParameterError(f"epochs is {epochs}; accepted: a whole number from 1.")
    curvature = _curvature(moments, alpha)  # (l+1,l+1)
    limit = _limit(curvature)
    if not 0 < learning_rate < limit:
        raise ParameterError(
            f"learning_rate is {learning_rate:g}, and training diverges; accepted: above 0 and below {limit:.4g}, "
            f"the largest stable one for these samples."
        )
    goal = torch.cat([moments.xy, torch.tensor([moments.mean_y], dtype=torch.float64)])  # (l+1,)
    # theta + eta * (goal - curvature theta), as one matrix-vector product for each epoch
    step = torch.eye(len(goal), dtype=torch.float64) - learning_rate * curvature
    thetas = torch.zeros(epochs + 1, len(goal), dtype=torch.float64)
    push = learning_rate * goal
    for epoch in range(epochs):
        torch.addmv(push, step, thetas[epoch], out=thetas[epoch + 1])
    weights, shifted = thetas[:, :-1].contiguous(), thetas[:, -1]
    error = moments.yy + ((weights @ moments.xx) * weights).sum(1) - 2 * weights @ moments.xy
    error = (error + (moments.mean_y - shifted) ** 2).clamp(min=0)
    bias = shifted - weights @ moments.mean_x  # back from x - mean to x
    history = History(weights, bias, error)
    last, b = weights[-1].clone(), float(bias[-1])
    return LinearFit(last, b, r_squared(scores, vectors.double() @ last + b, sample_weights), history, learning_rate)


def largest_stable_rate(
    vectors: Tensor, scores: Tensor, *, alpha: float = 0.0, sample_weights: Tensor | None = None
) -> float:
    """2 / the largest eigenvalue of the error's curvature: below it :func:`train` converges, above it diverges."""
    return _limit(_curvature(_moments(vectors, scores, sample_weights), alpha))


def ridge(vectors: Tensor, scores: Tensor, *, alpha: float = 1.0, sample_weights: Tensor | None = None) -> LinearFit:
    """w = (X'CX + alpha I)^-1 X'Cy over centred X and y: the minimum of sum c (y - w . x - b)^2 + alpha ||w||^2.

    Shapes as in :func:`train`. With ``alpha`` = 0 it is (weighted) least squares; where the samples then leave the
    weights open, the shortest w is taken. Hoerl & Kennard 1970; the same definition as scikit-learn's ``Ridge``.
    """
    moments = _moments(vectors, scores, sample_weights)
    _check_alpha(alpha)
    matrix = moments.xx + alpha / moments.total * torch.eye(len(moments.xy), dtype=torch.float64)
    if alpha > 0:
        weights = torch.cholesky_solve(moments.xy[:, None], torch.linalg.cholesky(matrix))[:, 0]  # (l,1) -> (l,)
    else:
        weights = torch.linalg.pinv(matrix, hermitian=True) @ moments.xy
    bias = moments.mean_y - float(weights @ moments.mean_x)
    return LinearFit(weights, bias, r_squared(scores, vectors.double() @ weights + bias, sample_weights))


def r_squared(scores: Tensor, predicted: Tensor, sample_weights: Tensor | None = None) -> float:
    """R^2 = 1 - sum c (y - prediction)^2 / sum c (y - mean y)^2, with the weighted mean; at most 1.

    0 where the scores do not vary beyond the rounding of float32: there is nothing to explain.
    """
    y, p = scores.double(), predicted.double()
    c = torch.ones_like(y) if sample_weights is None else sample_weights.double()
    mean = (c * y).sum() / c.sum()
    total = float((c * (y - mean) ** 2).sum())
    if total <= 1e-14 * float((c * y**2).sum()):
        return 0.0
    return 1.0 - float((c * (y - p) ** 2).sum()) / total


def _moments(vectors: Tensor, scores: Tensor, sample_weights: Tensor | None) -> _Moments:
    if vectors.dim() != 2 or len(vectors) == 0 or scores.shape != vectors.shape[:1]:
        raise ValueError(
            f"vectors has shape {tuple(vectors.shape)} and scores {tuple(scores.shape)}; "
            f"accepted: (n, l) and (n,), n >= 1."
        )
    x, y = vectors.double(), scores.double()
    c = torch.ones_like(y) if sample_weights is None else sample_weights.double()
    if c.shape != y.shape or not bool((c >= 0).all()) or float(c.sum()) <= 0:
        raise ValueError(f"sample_weights must be {tuple(y.shape)} numbers >= 0 that are not all 0.")
    total = float(c.sum())
    c = c / total
    mean_x, mean_y = c @ x, float(c @ y)
    x, y = x - mean_x, y - mean_y
    cx = c[:, None] * x
    return _Moments(total, mean_x, mean_y, x.T @ cx, cx.T @ y, float(c @ y**2))


def _curvature(moments: _Moments, alpha: float) -> Tensor:
    """(l+1,l+1) half the Hessian of the mean squared error and penalty in (w, b); centring cuts the two apart."""
    size = len(moments.xy)
    curvature = torch.eye(size + 1, dtype=torch.float64)  # the bias sees the constant input 1
    curvature[:size, :size] = moments.xx
    curvature[:size, :size].diagonal().add_(alpha / moments.total)
    return curvature


def _limit(curvature: Tensor) -> float:
    return 2.0 / float(torch.linalg.eigvalsh(curvature)[-1])


def _check_alpha(alpha: float) -> None:
    if not alpha >= 0:
        raise ParameterError(f"alpha is {alpha}; accepted: a number from 0.")
