"""The charts of a comparison: curves that keep their looks, the band of chance, the matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vizcore.methods import METHODS
from vizcore.pictures import charts, cutouts
from vizcore.pictures.colours import SHADE


def test_every_method_has_a_line_of_its_own() -> None:
    looks = {(style["color"], style["dash"]) for style in map(charts.style, range(len(METHODS)))}
    assert len(looks) == len(METHODS)


def test_a_curve_keeps_its_looks_whichever_others_are_shown() -> None:
    alone = charts.curves([0, 1], {"b": (7, [1.0, 2.0])})
    both = charts.curves([0, 1], {"a": (0, [0.0, 0.0]), "b": (7, [1.0, 2.0])})
    assert alone.data[0].line == both.data[1].line
    assert alone.data[0].line != both.data[0].line
    assert list(both.data[1].y) == [1.0, 2.0]


def test_the_band_lies_between_its_edges_beneath_the_curves() -> None:
    figure = charts.curves([0, 1, 2], {"a": (0, [1, 1, 1])}, band=([0, 0.1, 0.2], [1, 0.9, 0.8]))
    low, high, curve = figure.data
    assert (list(low.y), list(high.y)) == ([0, 0.1, 0.2], [1, 0.9, 0.8])
    assert (low.fill, high.fill, high.fillcolor, curve.fill) == (None, "tonexty", SHADE, None)


def test_names_may_stand_in_place_of_numbers() -> None:
    figure = charts.curves(range(3), {"a": (0, [1, 2, 3])}, x_names=["", "conv2", "conv1"], markers=True)
    assert list(figure.layout.xaxis.ticktext) == ["", "conv2", "conv1"]
    assert list(figure.layout.xaxis.tickvals) == [0, 1, 2]


def test_the_matrix_has_its_first_row_on_top_and_bares_what_is_missing() -> None:
    figure = charts.matrix(["a", "b"], [[1.0, np.nan], [-0.001, 1.0]])
    (tiles,) = figure.data
    assert [list(row) for row in tiles.z] == [[1.0, pytest.approx(math.nan, nan_ok=True)], [0.0, 1.0]]
    assert tiles.texttemplate == "%{z:.2f}"  # so that the numbers are written as the page's language has them
    assert figure.layout.yaxis.autorange == "reversed"
    colours = dict(tiles.colorscale)
    assert colours[0.0] != colours[1.0]
    middle = [int(value) for value in colours[0.5][4:-1].split(",")]
    assert max(middle) - min(middle) < 12  # zero is grey, as in every signed map


@pytest.mark.parametrize("at", [(5, 5), (0, 0), (9, 9)])
def test_the_cross_is_where_it_is_put_and_nowhere_else(at: tuple[int, int]) -> None:
    grey = np.full((40, 40, 3), 100, dtype=np.uint8)
    marked = cutouts.cross(grey, at, arm=4)
    assert marked[at].tolist() == [255, 255, 255]
    assert (grey == 100).all()
    assert (marked[20:] == 100).all()
    assert set(np.unique(marked)) == {0, 100, 255}
