"""Odd pictures: ranked by hand, without the baselines."""

from __future__ import annotations

import pytest

from vizcore.study import odd
from vizcore.study.rows import Row

VALUES = {  # insertion, deletion
    ("a", "gradient"): (0.9, 0.1),
    ("a", "gradcam"): (0.8, 0.1),
    ("a", "random"): (0.1, 0.9),
    ("b", "gradient"): (0.9, 0.2),
    ("b", "gradcam"): (0.3, 0.5),
    ("c", "gradient"): (0.2, 0.3),
    ("c", "edges"): (0.0, 1.0),
}
ROWS = [Row(picture, "n", method, "cat", insertion=i, deletion=d) for (picture, method), (i, d) in VALUES.items()]


def test_the_methods_part_most_where_best_and_worst_are_farthest_apart() -> None:
    found = odd.disagreements(ROWS)
    assert [one.picture for one in found] == ["b", "a"]  # c has one method that looks at the network
    assert found[0].best == ("gradient", pytest.approx(0.7))
    assert found[0].worst == ("gradcam", pytest.approx(-0.2))
    assert found[0].value == pytest.approx(0.9)
    assert found[0].target == "cat"


def test_the_least_faithful_have_the_lowest_mean_without_the_baselines() -> None:
    found = odd.least_faithful(ROWS)
    assert [one.picture for one in found] == ["c", "b", "a"]
    assert [one.value for one in found] == pytest.approx([-0.1, 0.25, 0.75])


def test_rows_without_figures_are_left_out() -> None:
    broken = [Row("x", "n", "gradient", error="The file is empty."), Row("y", "n", "gradient", insertion=0.5)]
    assert odd.disagreements(broken) == odd.least_faithful(broken) == []
