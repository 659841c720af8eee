"""What a hall has answered, counted."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ui.hall import tallies


def given(*answers: Any) -> list[str]:
    """Among what is no answer at all."""
    return [*map(json.dumps, answers), "", "{", "null", '"<b>"', "[[[", "1e999", "9" * 900, "true", '{"a": 1}']


def test_choices_are_counted_in_the_options_order() -> None:
    assert tallies.chosen(given("b", "a", "b", "c", ["a"]), ["a", "b", "d"]) == (1, 2, 0)


def test_numbers_fall_into_bins_of_a_round_width() -> None:
    found = tallies.guessed(given(0, 12.5, 14, 100, 250, -3), 0, 100)
    assert found.edges == tuple(float(edge) for edge in range(0, 101, 10))
    assert found.counts == (2, 2, 0, 0, 0, 0, 0, 0, 0, 2)
    assert found.median == 13.25
    assert math.isnan(tallies.guessed([], 0, 1).median)
    for low, high in ((0.0, 1.0), (-0.3, 0.7), (1e-4, 3e-4), (5.0, 12345.0)):
        edges = tallies.guessed([], low, high).edges
        assert edges[0] <= low + 1e-12
        assert edges[-1] >= high - 1e-9
        assert 4 <= len(edges) - 1 <= 12
        assert np.allclose(np.diff(edges), edges[1] - edges[0])


def test_orders_become_mean_ranks() -> None:
    found = tallies.ordered(given(["b", "a", "c"], ["b", "c", "a"], ["a", "b"], ["a", "a", "b"]), ["a", "b", "c"])
    assert found == tallies.Ranks((2.5, 1.0, 2.5), (0, 2, 0), 2)
    assert math.isnan(tallies.ordered([], ["a"]).mean[0])


def test_marked_cells_are_counted_once_for_each_guest() -> None:
    found = tallies.drawn(given([0, 0, 5], [5], [6, -1, True, "3"]), 2, 3)
    assert found.tolist() == [[1, 0, 0], [0, 0, 2]]
