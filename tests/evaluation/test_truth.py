"""Pointing, mass and average precision on masks drawn by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from vizcore.evaluation.truth import mass, peak, precision, truth
from vizcore.training import quality


def disc() -> np.ndarray:
    rows, columns = np.mgrid[:20, :30]
    return np.asarray((rows - 8) ** 2 + (columns - 21) ** 2 <= 16)


def test_the_mask_itself_finds_the_object_perfectly() -> None:
    mask = disc()
    found = truth(mask.astype(float), mask)
    assert (found.peak, found.hit, found.away) == ((8, 21), True, 0.0)
    assert found.mass == found.precision == 1.0
    assert found.share == mask.mean()


def test_the_masks_complement_misses_it_completely() -> None:
    mask = disc()
    found = truth((~mask).astype(float), mask)
    assert not found.hit
    assert found.away > 1
    assert found.mass == 0.0
    assert found.precision == mask.mean()  # only at the last threshold, with every pixel in


def test_what_knows_nothing_scores_the_objects_share() -> None:
    mask = disc()
    flat = truth(np.ones(mask.shape), mask)
    assert flat.mass == pytest.approx(mask.mean())
    assert flat.precision == pytest.approx(mask.mean())
    noise = np.random.default_rng(0)
    found = [truth(noise.standard_normal(mask.shape), mask, blur=0) for _ in range(400)]
    for figure in ("hit", "mass", "precision"):
        values = [float(getattr(one, figure)) for one in found]
        assert abs(np.mean(values) - mask.mean()) < 5 * np.std(values) / 20 + 0.01  # AP of few pixels leans upwards


def test_the_peak_of_a_plateau_is_its_innermost_pixel() -> None:
    heat = np.zeros((12, 14))
    heat[2:7, 3:12] = 1  # 5 x 9: five pixels of the middle row are deepest
    heat[9, 1] = 1
    assert peak(heat) == (4, 5)
    square = np.zeros((8, 8))
    square[2:6, 2:6] = 1  # four pixels are in the middle: the first of them
    assert peak(square) == (3, 3)


def test_a_blur_prefers_the_broad_peak_to_the_single_pixel() -> None:
    heat = np.zeros((30, 30))
    heat[5, 5] = 2
    heat[18:25, 18:25] = 1
    assert peak(heat) == (5, 5)
    assert peak(heat, blur=2) == (21, 21)


def test_a_map_without_a_positive_value_points_nowhere_and_has_no_mass() -> None:
    mask = disc()
    found = truth(mask - 1.0, mask)  # zero on the object, negative elsewhere
    assert mask[found.peak]
    assert not found.hit
    assert math.isnan(found.mass)
    assert found.precision == 1.0  # the ranking is perfect all the same


def test_what_speaks_against_the_class_has_no_part_in_the_mass() -> None:
    mask = np.zeros((2, 4), dtype=bool)
    mask[0, :2] = True
    heat = np.array([[3.0, -5.0, 1.0, 0.0], [0.0, 0.0, -9.0, 0.0]])
    assert mass(heat, mask) == 0.75


def test_average_precision_by_hand() -> None:
    mask = np.array([[True, False, True, False]])
    # Ranked 4, 3, 2, 1: found after 1, then 1, 2, 2 of 2: 1/2 * 1/1 + 1/2 * 2/3.
    assert precision(np.array([[4.0, 3.0, 2.0, 1.0]]), mask) == pytest.approx(0.5 + 1 / 3)
    # The last three tie: 1/2 * 1/1 + 1/2 * 2/4.
    assert precision(np.array([[4.0, 1.0, 1.0, 1.0]]), mask) == pytest.approx(0.75)


@pytest.mark.parametrize("levels", [3, 20, 10**6])
def test_average_precision_is_scikit_learns_ties_or_not(levels: int) -> None:
    generator = np.random.default_rng(levels)
    heat = generator.integers(-levels, levels, size=(25, 31)).astype(float)
    mask = generator.random((25, 31)) < 0.2
    assert precision(heat, mask) == pytest.approx(average_precision_score(mask.ravel(), heat.ravel()))


def test_what_cannot_be_scored_is_refused() -> None:
    mask = disc()
    with pytest.raises(ValueError, match=r"mask has shape \(20, 30\); accepted: \(30, 20\)"):
        truth(np.zeros((30, 20)), mask)
    with pytest.raises(ValueError, match="mask has 0 of 600 pixels"):
        truth(np.zeros((20, 30)), ~np.ones_like(mask))
    with pytest.raises(ValueError, match="mask has 600 of 600 pixels"):
        mass(np.zeros((20, 30)), np.ones_like(mask))
    with pytest.raises(ValueError, match="not finite"):
        precision(np.full((20, 30), np.nan), mask)


def test_the_networks_quality_is_measured_by_the_same_peaks() -> None:
    assert quality.peak is peak
