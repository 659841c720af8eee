"""mean, with the interval that resampling the pictures gives: how far another choice of pictures would have led.

The bootstrap of Efron & Tibshirani, An Introduction to the Bootstrap, 1993: n pictures are drawn with replacement, and
their mean is taken, B times. The interval is their BCa interval (chapter 14): percentiles of the B means, shifted for
bias and skewness. Pictures are the unit: two methods on one picture are a pair, never two observations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
LARGE = 20_000  # values from which the distribution of the resampled means is written down instead of being drawn
LEVEL = 0.95
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """A mean over ``count`` pictures and the ends of its confidence interval; not a number below two pictures."""

    mean: float
    low: float
    high: float
    count: int

    def apart(self, other: Interval) -> bool:
        """Whether two intervals have no value in common."""
        return self.low > other.high or self.high < other.low


def interval(values: ArrayLike, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """mean(x) and its BCa interval [G^-1(alpha_1), G^-1(alpha_2)], G the distribution of the resampled means.

    alpha_i = Phi(z0 + (z0 + z_i) / (1 - a (z0 + z_i))), with z_i the normal quantiles of (1 -+ level) / 2, the bias
    z0 = Phi^-1(share of resampled means below the mean, ties counted half) and the acceleration
    a = sum (x - m)^3 / (6 (sum (x - m)^2)^(3/2)), which is the jackknife's for a mean (Efron & Tibshirani 1993,
    equations 14.9 to 14.15).

    From ``LARGE`` values on, the resampled means are not drawn: theirs is the distribution with the mean m, the
    variance s^2 = sum (x - m)^2 / n^2 and the skewness 6 a, whose quantiles are m + s (z + a (z^2 - 1)), and z0 = a, up
    to terms in 1/n (Cornish & Fisher 1938; Hall 1992, section 2.5).

    ``values`` (n,) without missing ones. One seed, one interval. Where all values are equal so are both ends:
    resampling cannot know what it never saw.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; accepted: above 0 and below 1.")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples!r}; accepted: at least 1.")
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"values has shape {x.shape}; accepted: finite numbers in one dimension.")
    if len(x) < 2:
        return Interval(float(x[0]) if len(x) else float("nan"), float("nan"), float("nan"), len(x))
    mean = float(x.mean())
    away = x - mean
    square = float((away**2).sum())
    if square <= 1e-24 * max(1.0, mean**2):
        return Interval(mean, mean, mean, len(x))
    acceleration = float((away**3).sum()) / (6 * square**1.5)
    if len(x) >= LARGE:
        deviation = square**0.5 / len(x)
        ends = [_shifted(share, acceleration, acceleration) for share in ((1 - level) / 2, (1 + level) / 2)]
        low, high = (mean + deviation * (z + acceleration * (z**2 - 1)) for z in ends)
        return Interval(mean, low, high, len(x))
    means = _resampled(x, resamples, seed)
    below = float((means < mean).mean() + 0.5 * (means == mean).mean())
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples))
    ends = [_NORMAL.cdf(_shifted(share, bias, acceleration)) for share in ((1 - level) / 2, (1 + level) / 2)]
    low, high = np.quantile(means, ends)
    return Interval(mean, float(low), float(high), len(x))


def _shifted(share: float, bias: float, acceleration: float) -> float:
    """The normal quantile of alpha_i, for an end of the interval that would be at ``share`` without any correction."""
    z = bias + _NORMAL.inv_cdf(share)
    return bias + z / (1 - acceleration * z)


def _resampled(x: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """The means (B,) of B draws of n values with replacement, a block of draws at a time to bound the memory."""
    dice, means = np.random.default_rng(seed), np.empty(resamples)
    block = max(1, 2**22 // len(x))
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        means[start : start + count] = x[dice.integers(0, len(x), (count, len(x)))].mean(axis=1)
    return means


def paired(
    first: Sequence[float | None], second: Sequence[float | None], *, level: float = LEVEL, seed: int = 0
) -> Interval:
    """mean(a - b) over the pictures that have both, with its interval; zero outside of it is a difference to speak of.

    Pairs share what makes a picture easy or hard, which the difference takes away: intervals of the two means may
    overlap where that of their difference is far from zero.
    """
    if len(first) != len(second):
        raise ValueError(f"first and second have {len(first)} and {len(second)} values; accepted: equally many.")
    both = [a - b for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    return interval(np.array(both, dtype=np.float64), level=level, seed=seed)
