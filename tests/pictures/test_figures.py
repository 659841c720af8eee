"""Maps become pictures whose zero never moves, and charts that stay legible on light and dark pages."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vizcore.pictures import colours, cutouts, figures


def _luminance(hexadecimal: str) -> float:
    """WCAG's relative luminance of #rrggbb."""
    c = np.array([int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _deuteranope(rgb: np.ndarray) -> np.ndarray:
    """What somebody without green cones sees (Viénot, Brettel and Mollon 1999), sRGB bytes to sRGB in [0,1]."""
    c = rgb / 255.0
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    mixed = linear @ np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]).T
    return np.clip(mixed, 0, 1) ** (1 / 2.2)


def test_picture_is_the_pixels_in_bytes() -> None:
    pixels = torch.rand(3, 4, 5)
    shown = figures.picture(pixels)
    assert shown.shape == (4, 5, 3)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown[1, 2], np.rint(pixels[:, 1, 2].numpy() * 255))


def test_picture_shows_grey_inputs_clips_and_survives_missing_values() -> None:
    grey = figures.picture(np.full((1, 2, 2), 0.5))
    assert (grey == 128).all()
    odd = figures.picture(np.array([[[2.0, -1.0, np.nan, np.inf]]]))
    assert odd[0, :, 0].tolist() == [255, 0, 128, 255]
    with pytest.raises(ValueError, match=r"pixels has shape \(2, 3, 3\); accepted"):
        figures.picture(np.zeros((2, 3, 3)))


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_zero_is_neutral_whatever_the_other_values_are(shift: float) -> None:
    values = np.array([0.0, 1.0, -0.3]) + np.array([0.0, shift, 0.0])
    red, green, blue = figures.signed_colours(values)[0].astype(int)
    assert abs(red - green) <= 1
    assert abs(green - blue) <= 1
    assert red > 220
    assert figures.unsigned_colours(values)[0].max() < 10


def test_signed_colours_are_symmetric_in_lightness_and_saturate_at_the_limit() -> None:
    values = np.linspace(0, 2, 101)
    plus = colours.oklab(figures.signed_colours(values, limit=1.0) / 255)[:, 0]
    minus = colours.oklab(figures.signed_colours(-values, limit=1.0) / 255)[:, 0]
    assert np.abs(plus - minus).max() < 0.03
    assert np.array_equal(figures.signed_colours([1.0], 1.0), figures.signed_colours([7.0], 1.0))
    assert not np.array_equal(figures.signed_colours([0.9], 1.0), figures.signed_colours([1.0], 1.0))


@pytest.mark.parametrize("ramp", [colours.SEQUENTIAL, colours.DIVERGING[512:], colours.DIVERGING[512::-1]])
def test_equal_steps_of_a_value_look_equal_and_lightness_goes_one_way(ramp: np.ndarray) -> None:
    lab = colours.oklab(ramp[:: len(ramp) // 32] / 255)
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.std() / steps.mean() < 0.1
    lightness = np.diff(lab[:, 0])
    assert (lightness > 0).all() or (lightness < 0).all()


def test_both_signs_stay_apart_for_somebody_without_green_cones() -> None:
    for strength in (0.5, 1.0):
        pair = figures.signed_colours([-strength, strength], 1.0)
        apart = np.linalg.norm(np.diff(colours.oklab(_deuteranope(pair)), axis=0))
        assert apart > 0.15


def test_a_stretched_picture_uses_all_of_the_contrast_and_keeps_grey_at_zero() -> None:
    values = np.linspace(-0.02, 0.02, 300, dtype=np.float32).reshape(3, 10, 10)
    found = figures.stretched(values)
    assert (found.min(), found.max()) == (0, 255)
    assert np.array_equal(figures.stretched(7 * values), found)
    assert set(figures.stretched(np.zeros((3, 2, 2))).ravel()) == {128}
    values[0, 0, 0] = 100.0  # a single number does not flatten the rest
    assert np.abs(figures.stretched(values).astype(int) - found)[1:].max() <= 3


def test_robust_limit_ignores_one_hot_pixel_and_is_never_zero() -> None:
    values = np.full(1000, -2.0)
    values[0] = 1000.0
    assert figures.robust_limit(values) == 2.0
    assert figures.robust_limit(np.zeros((3, 3))) == 1.0
    assert figures.robust_limit(np.full(4, np.nan)) == 1.0
    assert figures.robust_limit([]) == 1.0
    sparse = np.zeros(10_000)
    sparse[3] = 0.25
    assert figures.robust_limit(sparse) == 0.25
    with pytest.raises(ValueError, match="percentile is 0; accepted"):
        figures.robust_limit(values, 0)


@pytest.mark.parametrize("signed", [True, False])
def test_empty_maps_and_missing_values_have_a_colour(signed: bool) -> None:
    flat = figures.colours(np.zeros((2, 2)), signed=signed)
    assert (flat == flat[0, 0]).all()
    shown = figures.colours(np.array([np.nan, np.inf, 1.0]), signed=signed, limit=1.0)
    assert (shown[0] == colours.MISSING).all()
    assert (shown[1] == shown[2]).all()


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_that_is_no_scale_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=r"limit is .*; accepted: a number above 0"):
        figures.signed_colours([1.0], limit)


def test_overlay_leaves_the_picture_bare_at_zero_and_covers_it_at_the_limit() -> None:
    pixels = np.full((3, 2, 3), 0.5)
    heat = np.array([[0.0, 1.0, -1.0], [np.nan, 0.5, 0.0]])
    signed = figures.overlay(pixels, heat, signed=True, opacity=1.0, limit=1.0)
    assert (signed[0, 0] == 128).all()
    assert (signed[1, 0] == 128).all()
    assert (signed[0, 1] == colours.DIVERGING[-1]).all()
    assert (signed[0, 2] == colours.DIVERGING[0]).all()
    unsigned = figures.overlay(pixels, heat, signed=False, opacity=1.0, limit=1.0)
    assert (unsigned[0, 2] == 128).all(), "what is below zero is not shown on an unsigned map"
    assert (unsigned[0, 1] == colours.SEQUENTIAL[-1]).all()
    bare = figures.overlay(np.random.default_rng(0).random((3, 2, 3)), heat, signed=True, opacity=0.0)
    assert (bare == bare[..., :1]).all(), "the picture under the heat is grey"


def test_overlay_names_what_does_not_fit() -> None:
    pixels = np.zeros((3, 4, 5))
    with pytest.raises(ValueError, match=r"heat has shape \(5, 4\); accepted: \(4, 5\)"):
        figures.overlay(pixels, np.zeros((5, 4)), signed=True)
    with pytest.raises(ValueError, match=r"opacity is 1\.5; accepted: from 0 to 1"):
        figures.overlay(pixels, np.zeros((4, 5)), signed=True, opacity=1.5)


def test_legend_runs_over_the_colours_of_the_map() -> None:
    strip = figures.legend(0.42, True, "probability", width=400, height=24)
    assert strip.shape == (24, 400, 3)
    assert (strip[0, 0] == colours.DIVERGING[0]).all()
    assert (strip[-1, -1] == colours.DIVERGING[-1]).all()
    ramp = figures.legend(0.42, False, width=400)[0]
    assert not np.array_equal(figures.legend(0.42, False, width=400), np.repeat(ramp[None], 22, axis=0)), "numbers"
    assert not np.array_equal(figures.legend(0.42, True), figures.legend(0.43, True))
    with pytest.raises(ValueError, match="width and height are 1 and 22"):
        figures.legend(1.0, True, width=1)


def test_categories_have_the_colours_of_the_charts() -> None:
    shown = figures.categories([[7, 3, 5]], shown=[3, 7])
    assert ["#" + bytes(colour).hex() for colour in shown[0]] == [*colours.CATEGORICAL[1::-1], "#808080"]


def test_enlarge_repeats_pixels_unless_smooth() -> None:
    tiny = np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)
    large = figures.enlarge(tiny, 8)
    assert large.shape == (4, 8, 3)
    assert np.array_equal(large, np.repeat(np.repeat(tiny, 4, 0), 4, 1))
    assert len(np.unique(figures.enlarge(tiny, (3, 9), smooth=True))) > 2
    with pytest.raises(ValueError, match=r"size is \(0, 3\)"):
        figures.enlarge(tiny, (0, 3))


def test_grid_places_every_picture_once() -> None:
    pictures = np.stack([np.full((2, 3, 3), value, dtype=np.uint8) for value in range(1, 6)])
    sheet = figures.grid(pictures, columns=2, gap=1, scale=2)
    assert sheet.shape == (3 * 4 + 2, 2 * 6 + 1, 3)
    assert [int((sheet[..., 0] == value).sum()) for value in range(1, 6)] == [24] * 5
    assert sheet[5, 0, 0] == 3, "row by row"
    assert figures.grid(pictures).shape == (2 * 3 - 1, 3 * 4 - 1, 3)
    with pytest.raises(ValueError, match="accepted: \\(n,h,w,3\\)"):
        figures.grid(np.zeros((0, 2, 2, 3)))
    with pytest.raises(ValueError, match="columns, gap, scale are 0, 1, 1"):
        figures.grid(pictures, columns=0)


def test_outlines_mark_borders_only() -> None:
    segments = np.zeros((4, 6), dtype=int)
    segments[:, 3:] = 7
    drawn = cutouts.outlines(np.zeros((3, 4, 6)), segments, scale=2)
    assert drawn.shape == (8, 12, 3)
    marked = (drawn == colours.OUTLINE).all(axis=2)
    assert marked[:, 5].all()
    assert marked.sum() == 8
    with pytest.raises(ValueError, match="segments has shape"):
        cutouts.outlines(np.zeros((3, 4, 6)), segments.T)


def test_every_mark_is_legible_on_light_and_dark_pages() -> None:
    for colour, background in itertools.product((*colours.CATEGORICAL, colours.INK), ("#ffffff", "#0e1117")):
        low, high = sorted([_luminance(colour), _luminance(background)])
        assert (high + 0.05) / (low + 0.05) >= 3, (colour, background)


def test_bars_keep_their_size_and_their_full_names() -> None:
    names = ["a name of a dog that is much too long, kennel one", "a name of a dog that is much too long, kennel two"]
    figure = figures.bars(names, [0.7, 0.2], highlight=1)
    assert list(figure.data[0].hovertext) == names
    assert list(figure.data[0].y) == [0, 1], "two names that are shortened alike stay two bars"
    assert figure.data[0].marker.color == (colours.CATEGORICAL[0], colours.CATEGORICAL[1])
    assert list(figure.layout.xaxis.range) == [0, 1]
    other = figures.bars(["x", "y"], [0.0, 1.0])
    assert figure.layout.margin == other.layout.margin
    assert figure.layout.height == other.layout.height
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figures.bars([], []).layout.height > 0


def test_lines_show_what_is_there_so_far() -> None:
    figure = figures.lines(range(10), {"whole": np.arange(10.0), "begun": torch.arange(4.0)}, x_range=(0, 9))
    assert len(figure.data[0].x) == 10
    assert len(figure.data[1].x) == len(figure.data[1].y) == 4
    assert figure.data[0].line.dash != figure.data[1].line.dash, "colour alone does not tell them apart"
    assert tuple(figure.layout.xaxis.range) == (0, 9)


def test_scatter_has_equal_axes_and_fades_light_points() -> None:
    figure = figures.scatter([0.1, 0.9], [0.2, 0.6], weights=[1.0, 0.0], titles=("skutečné", "předpovězené"))
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("skutečné", "předpovězené")
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    assert figure.data[1].marker.opacity[0] > figure.data[1].marker.opacity[1] > 0
    assert list(figure.data[1].x) == [0.2, 0.6], "actual values run across"
    assert figures.scatter([], []).layout.xaxis.range is not None
    assert figures.scatter([1.0], [1.0], weights=[0.0]).data[1].marker.opacity[0] > 0


def test_plotly_is_imported_only_when_a_chart_is_drawn() -> None:
    code = "import sys, vizcore.pictures.figures as f; f.legend(1.0, True); assert 'plotly' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
