"""Rank correlation and overlap of the first pixels: by hand, against scipy, and where they are known by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from vizcore.evaluation.agreement import matrix, overlap, spearman

RANDOM = np.random.default_rng(0)


def test_a_map_agrees_with_whatever_orders_the_pixels_as_it_does() -> None:
    heat = RANDOM.standard_normal((9, 7))
    assert spearman(heat, np.exp(3 * heat)) == pytest.approx(1)
    assert spearman(heat, -heat) == pytest.approx(-1)
    assert overlap(heat, heat**3) == 1.0
    assert overlap(heat, -heat) == 0.0


def test_rank_correlation_by_hand() -> None:
    # rho = 1 - 6 sum d^2 / (n (n^2 - 1)) without ties: d = (1, -1, 0, 0), n = 4.
    assert spearman([[1, 2], [3, 4]], [[2, 1], [3, 4]]) == pytest.approx(1 - 6 * 2 / 60)


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_rank_correlation_is_scipys_ties_or_not(levels: int) -> None:
    one, other = (RANDOM.integers(0, levels, size=(11, 13)) for _ in range(2))
    assert spearman(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic)


def test_a_constant_map_orders_nothing_and_overlaps_by_chance() -> None:
    heat = RANDOM.standard_normal((10, 10))
    assert math.isnan(spearman(heat, np.ones((10, 10))))
    assert overlap(heat, np.ones((10, 10)), top=0.2) == pytest.approx(0.2)


def test_overlap_by_hand_with_ties_for_the_last_places() -> None:
    one = np.array([9.0, 8.0, 1.0, 1.0, 0.0])
    assert overlap(one, np.array([0.0, 8.0, 9.0, 1.0, 2.0]), top=0.4) == 0.5  # {0,1} and {1,2}
    # k = 3: A has 0, 1 and half of 2 and of 3; B has 2, 3, 4.
    assert overlap(one, np.array([0.0, 0.0, 5.0, 6.0, 7.0]), top=0.6) == pytest.approx((0.5 + 0.5) / 3)
    assert overlap(one, one, top=0.6) == 1.0


def test_unrelated_maps_overlap_by_chance_and_correlate_not_at_all() -> None:
    pairs = [RANDOM.standard_normal((2, 30, 30)) for _ in range(100)]
    assert np.mean([overlap(a, b, 0.1) for a, b in pairs]) == pytest.approx(0.1, abs=0.02)
    assert np.mean([spearman(a, b) for a, b in pairs]) == pytest.approx(0, abs=0.02)


def test_the_matrix_holds_every_pair() -> None:
    maps = {name: RANDOM.integers(0, 4, size=(8, 8)).astype(float) for name in "abc"} | {"flat": np.zeros((8, 8))}
    for measure, alone in (("spearman", spearman), ("overlap", overlap)):
        found = matrix(maps, measure)  # type: ignore[arg-type]
        assert np.array_equal(found, found.T, equal_nan=True)
        for i, one in enumerate(maps.values()):
            for j, other in enumerate(maps.values()):
                assert found[i, j] == pytest.approx(alone(one, other), nan_ok=True)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \(2, 2\) and \(4,\)"):
        spearman(np.zeros((2, 2)), np.zeros(4))
    with pytest.raises(ValueError, match=r"top is 0; accepted: a share above 0, up to 1"):
        overlap(np.zeros(4), np.zeros(4), top=0)
    with pytest.raises(ValueError, match="accepted: one of spearman, overlap"):
        matrix({"a": np.zeros(4)}, "pearson")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="different shapes"):
        matrix({"a": np.zeros(4), "b": np.zeros((2, 2))})
