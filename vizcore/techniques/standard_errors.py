"""How far off a sampled map may be: the weights of a linear model, and an average of gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SETTLED = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)  # shares of a map that its error may be reduced to, 0 for no such end
_FEWEST = 2  # samples for each weight: with fewer the residuals are too small to judge anything by


def standard_errors(
    solution: Tensor,
    vectors: Tensor,
    residuals: Tensor,
    sample_weights: Tensor | None = None,
    pairs: Tensor | None = None,
) -> Tensor:
    """s_i^2 = (S G S)_ii with G = sum_g u_g u_g', u_g = sum_{k in g} c_k (x_k - mean x) e_k / sqrt(1 - h_g).

    ``solution`` S (l,l) is symmetric and takes sum_k c_k (x_k - mean x) y_k to the fitted weights, the c_k summing to
    1; ``vectors`` (n,l); ``residuals`` e (n,), what the model misses; ``sample_weights`` c (n,), equal unless given;
    ``pairs`` int64 (n,) numbers the rows that were drawn together, each alone unless given. h_g is the sum of the
    rows' leverages c_k (x_k - mean x)' S (x_k - mean x). Returns (l,) float64, in units of the score: the standard
    deviation of the weights over other seeds. NaN throughout with fewer than two samples for each weight.

    The heteroscedasticity-consistent estimate of White 1980 (a network is not linear, so its residuals are not alike),
    with the leverages of MacKinnon & White 1985, equation 12 (HC2), and summed within pairs as in Liang & Zeger 1986.
    How far regularisation draws the weights towards zero, the same for every seed, is no part of it.
    """
    n, count = vectors.shape
    if n < _FEWEST * (count + 1):
        return torch.full((count,), float("nan"), dtype=torch.float64)
    c = torch.full((n,), 1.0, dtype=torch.float64) if sample_weights is None else sample_weights.double()
    c = c / c.sum()
    x = vectors.double()
    x = x - c @ x
    shifts = c[:, None] * (x @ solution)  # (n,l): what a sample moves the weights by, for each unit of its score
    leverages, moved = (shifts * x).sum(1), shifts * residuals.double()[:, None]  # (n,), (n,l)
    if pairs is not None:
        groups = int(pairs.max()) + 1
        leverages = leverages.new_zeros(groups).index_add_(0, pairs, leverages)
        moved = moved.new_zeros(groups, count).index_add_(0, pairs, moved)
    left = (1 - leverages).clamp(min=1e-3)
    return (moved.square() / left[:, None]).sum(0).sqrt()


def products(gradients: Tensor) -> Tensor:
    """sum_k w_kc w_kd of gradients (n,C,H,W), (C,C,H,W) in double precision: rounding would count as error."""
    exact = gradients.double()
    found = exact.new_empty(exact.shape[1], *exact.shape[1:])
    for c in range(len(found)):
        for d in range(c + 1):  # several times as fast as einsum
            found[c, d] = found[d, c] = (exact[:, c] * exact[:, d]).sum(0)  # (n,H,W) -> (H,W)
    return found


class Covariance:
    """C_cd = 1/(n (n-1)) sum_k (w_kc - m_c)(w_kd - m_d): how far the mean m of n gradients is off at each pixel.

    ``products`` (C,C,H,W) float64 sums w_kc w_kd over the ``count`` gradients (C,H,W) so far, and ``total`` (C,H,W) the
    gradients; neither is altered. Needs two gradients; with fewer every error is NaN.
    """

    def __init__(self, count: int, total: Tensor, products: Tensor) -> None:
        self.count, self.total, self.products = count, total, products

    def error(self, along: Tensor) -> Tensor:
        """s = sqrt(sum_cd a_c C_cd a_d): the standard error (H,W) of sum_c a_c m_c, with a = ``along`` (C,H,W)."""
        a = along.double()
        total = (a * self.total).sum(0)  # (C,H,W) -> (H,W): the sum of what each gradient gives
        squares = torch.einsum("chw,cdhw,dhw->hw", a, self.products, a)
        n = self.count
        variance = (squares - total.square() / n).clamp(min=0) / (n * (n - 1)) if n > 1 else squares * float("nan")
        return variance.sqrt().float()

    def share(self) -> float:
        """||s|| / ||m|| over all pixels and channels: how large the error is beside the mean; NaN where m is 0."""
        n = self.count
        squares = float(self.products.diagonal().sum())  # sum_k ||w_k||^2
        whole = float(self.total.square().sum())  # ||sum_k w_k||^2
        if n < 2 or whole == 0:
            return float("nan")
        return math.sqrt(max(0.0, squares - whole / n) / (n * (n - 1))) / (math.sqrt(whole) / n)
