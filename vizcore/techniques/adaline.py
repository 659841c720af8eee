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
    at most 1; ``history`` and ``learning_rate`` are None for the closed form. ``solution`` (l,l) takes
    sum_k c_k (x_k - mean x) y_k, the c_k summing to 1, to the weights.
    """

    weights: Tensor
    bias: float
    r2: float
    solution: Tensor
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
    stabilise: bool = False,
) -> LinearFit:
    """w <- w + eta * (mean of e * x - alpha/n * w), with the error e = y - (w . x + b); b <- b + eta * mean of e.

    Each epoch is one step down sum_k c_k (y_k - w . x_k - b)^2 + alpha ||w||^2, towards what :func:`ridge` solves at
    once. ``vectors`` (n,l), usually of 0 and 1; ``scores`` (n,); ``sample_weights`` c (n,) >= 0, all 1 unless given
    (the mean and n above are then weighted); ``alpha`` >= 0 does not touch the bias. Weights and bias start at zero, so
    nothing is random.
    Raises ParameterError, naming the largest stable one, for a learning rate under which training diverges; with
    ``stabilise`` one that is too large is replaced by half of that, which the fit's ``learning_rate`` tells.

    All epochs are computed at once: along an eigenvector v of X'CX/n with the eigenvalue m a step is
    a <- r a + eta v . X'Cy/n with r = 1 - eta (m + alpha/n), so that after t of them a is a sum of t powers of r.

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
    spread, axes = torch.linalg.eigh(moments.xx)  # (l,) ascending, and (l,l) in columns
    curvature = _curvature(spread, moments, alpha)  # (l+1,)
    limit = 2.0 / float(curvature.max())
    if stabilise and not learning_rate < limit:
        learning_rate = limit / 2
    if not 0 < learning_rate < limit:
        raise ParameterError(
            f"learning_rate is {learning_rate:g}, and training diverges; accepted: above 0 and below {limit:.4g}, "
            f"the largest stable one for these samples."
        )
    sums = _sums(1 - learning_rate * curvature, epochs).mul_(learning_rate)  # (epochs+1,l+1)
    push, shifted = moments.xy @ axes, moments.mean_y * sums[:, -1]  # (l,); (epochs+1,)
    along = sums[:, :-1] * push  # (epochs+1,l)
    weights = along @ axes.T
    error = along.square() @ spread - along @ (2 * push) + moments.yy + (moments.mean_y - shifted).square()
    error = error.clamp_(min=0)
    bias = shifted - weights @ moments.mean_x  # back from x - mean to x
    r2 = _explained(float(error[-1]), moments.yy, moments.yy + moments.mean_y**2)
    solution = axes * sums[-1, :-1] @ axes.T  # (l,l)
    return LinearFit(weights[-1].clone(), float(bias[-1]), r2, solution, History(weights, bias, error), learning_rate)


def largest_stable_rate(
    vectors: Tensor, scores: Tensor, *, alpha: float = 0.0, sample_weights: Tensor | None = None
) -> float:
    """2 / the largest eigenvalue of the error's curvature: below it :func:`train` converges, above it diverges."""
    moments = _moments(vectors, scores, sample_weights)
    return 2.0 / float(_curvature(torch.linalg.eigvalsh(moments.xx), moments, alpha).max())


def ridge(vectors: Tensor, scores: Tensor, *, alpha: float = 1.0, sample_weights: Tensor | None = None) -> LinearFit:
    """w = (X'CX + alpha I)^-1 X'Cy over centred X and y: the minimum of sum c (y - w . x - b)^2 + alpha ||w||^2.

    Shapes as in :func:`train`. With ``alpha`` = 0 it is (weighted) least squares; where the samples then leave the
    weights open, the shortest w is taken. Hoerl & Kennard 1970; the same definition as scikit-learn's ``Ridge``.
    """
    moments = _moments(vectors, scores, sample_weights)
    _check_alpha(alpha)
    matrix = moments.xx + alpha / moments.total * torch.eye(len(moments.xy), dtype=torch.float64)
    if alpha > 0:
        factor = torch.linalg.cholesky(matrix)
        weights = torch.cholesky_solve(moments.xy[:, None], factor)[:, 0]  # (l,1) -> (l,)
        solution = torch.cholesky_inverse(factor)
    else:
        solution = torch.linalg.pinv(matrix, hermitian=True)
        weights = solution @ moments.xy
    bias = moments.mean_y - float(weights @ moments.mean_x)
    return LinearFit(weights, bias, r_squared(scores, vectors.double() @ weights + bias, sample_weights), solution)


def r_squared(scores: Tensor, predicted: Tensor, sample_weights: Tensor | None = None) -> float:
    """R^2 = 1 - sum c (y - prediction)^2 / sum c (y - mean y)^2, with the weighted mean; at most 1.

    0 where the scores do not vary beyond the rounding of float32: there is nothing to explain.
    """
    y, p = scores.double(), predicted.double()
    c = torch.ones_like(y) if sample_weights is None else sample_weights.double()
    mean = (c * y).sum() / c.sum()
    unexplained, total = float((c * (y - p) ** 2).sum()), float((c * (y - mean) ** 2).sum())
    return _explained(unexplained, total, float((c * y**2).sum()))


def _explained(unexplained: float, total: float, size: float) -> float:
    return 0.0 if total <= 1e-14 * size else 1.0 - unexplained / total


def _moments(vectors: Tensor, scores: Tensor, sample_weights: Tensor | None) -> _Moments:
    if vectors.dim() != 2 or len(vectors) == 0 or scores.shape != vectors.shape[:1]:
        raise ValueError(
            f"vectors has shape {tuple(vectors.shape)} and scores {tuple(scores.shape)}; "
            f"accepted: (n, l) and (n,), n >= 1."
        )
    x, y = vectors.double(), scores.double()
    if sample_weights is None:  # nothing to check or to multiply by, for each of LIME's estimates
        total, mean_x, mean_y = float(len(y)), x.mean(0), float(y.mean())
        x, y = x - mean_x, y - mean_y
        return _Moments(total, mean_x, mean_y, x.T @ x / total, y @ x / total, float(y @ y) / total)
    c = sample_weights.double()
    if c.shape != y.shape or not bool((c >= 0).all()) or float(c.sum()) <= 0:
        raise ValueError(f"sample_weights must be {tuple(y.shape)} numbers >= 0 that are not all 0.")
    total = float(c.sum())
    c = c / total
    mean_x, mean_y = c @ x, float(c @ y)
    x, y = x - mean_x, y - mean_y
    cx = c[:, None] * x
    return _Moments(total, mean_x, mean_y, x.T @ cx, cx.T @ y, float(c @ y**2))


def _sums(ratio: Tensor, count: int) -> Tensor:
    """s_t = 1 + r + ... + r^(t-1) for t = 0..count: (k,) to (count+1,k)."""
    powers = torch.ones(count + 1, len(ratio), dtype=ratio.dtype)
    powers[0] = 0.0
    powers[2:] = ratio.expand(count - 1, -1).cumprod(0)
    return powers.cumsum(0)


def _curvature(spread: Tensor, moments: _Moments, alpha: float) -> Tensor:
    """(l+1,) half the second derivative of the mean squared error and penalty along each axis of w, and along b."""
    along_bias = spread.new_ones(1)  # which sees the constant input 1; centring cuts it off from w
    return torch.cat([spread + alpha / moments.total, along_bias])


def _check_alpha(alpha: float) -> None:
    if not alpha >= 0:
        raise ParameterError(f"alpha is {alpha}; accepted: a number from 0.")
