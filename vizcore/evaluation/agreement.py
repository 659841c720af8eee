"""How far maps agree: as rankings of all pixels, and in the pixels that they put first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Measure = Literal["spearman", "overlap"]

TOP = 0.1  # share of the pixels that counts as a map's first ones


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """rho = the correlation of the two maps' ranks, in [-1,1]: 1 where they order all pixels alike, 0 by chance.

    The maps are of one shape; values that are equal share their mean rank. Signs count: what speaks against the class
    ranks below what says nothing. NaN where a map is constant, since it orders nothing.
    """
    a, b = _same(one, other)
    return _correlation(_centred_ranks(a), _centred_ranks(b))


def overlap(one: ArrayLike, other: ArrayLike, top: float = TOP) -> float:
    """|A and B| / k, where A and B are the k pixels with the highest values of the two maps; in [0,1].

    k is the share ``top`` of all pixels, at least one; two unrelated maps share about ``top`` of them. Pixels that tie
    for the last places of A share them in equal parts, each counting as the fraction that it got (the smaller of both
    maps' fractions): so a map agrees fully with itself, and a constant one agrees with any to the degree of chance.
    """
    a, b = _same(one, other)
    k = _count(len(a), top)
    return float(np.minimum(_members(a, k), _members(b, k)).sum() / k)


def matrix(maps: Mapping[str, ArrayLike], measure: Measure = "spearman", top: float = TOP) -> NDArray[np.float64]:
    """(n,n) agreement of every pair of n maps of one shape, in their order; symmetric.

    The diagonal is 1, and NaN for the rank correlation of a constant map. Raises ValueError for an unknown measure.
    """
    if measure not in get_args(Measure):
        raise ValueError(f"measure is {measure!r}; accepted: one of {', '.join(get_args(Measure))}.")
    flat = [np.asarray(heat, dtype=np.float64).ravel() for heat in maps.values()]
    if len({np.asarray(heat).shape for heat in maps.values()}) > 1:
        raise ValueError("maps have different shapes; accepted: maps of one shape.")
    found = np.eye(len(flat))
    if measure == "spearman":
        ranks = [_centred_ranks(values) for values in flat]  # once for each map, not for each pair
        found[np.diag_indices(len(flat))] = [_correlation(one, one) for one in ranks]
        pairs = {(i, j): _correlation(ranks[i], ranks[j]) for i, j in combinations(range(len(flat)), 2)}
    else:
        pairs = {(i, j): overlap(flat[i], flat[j], top) for i, j in combinations(range(len(flat)), 2)}
    for (i, j), value in pairs.items():
        found[i, j] = found[j, i] = value
    return found


def _centred_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rankdata(values)) - (len(values) + 1) / 2


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    scale = np.sqrt((one @ one) * (other @ other))
    return float(np.clip(one @ other / scale, -1.0, 1.0)) if scale > 0 else float("nan")


def _count(pixels: int, top: float) -> int:
    if not 0 < top <= 1:
        raise ValueError(f"top is {top!r}; accepted: a share above 0, up to 1.")
    return max(1, round(top * pixels))


def _members(values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """1 for the k highest values, 0 for the rest, and the fraction of the places left for those that tie for them."""
    last = np.partition(values, len(values) - k)[len(values) - k]  # the k-th highest value
    above, tied = values > last, values == last
    return above + tied * (k - above.sum()) / tied.sum()


def _same(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"maps have shapes {a.shape} and {b.shape}; accepted: two of one shape.")
    return a.ravel(), b.ravel()
