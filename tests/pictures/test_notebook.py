"""Results show themselves in a notebook, in the colours of the dashboard."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import vizcore
from tests.conftest import linear_classifier, random_picture
from vizcore.pictures import figures, notebook
from vizcore.techniques.filters import Kernels


def decoded(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)))


def test_every_result_shows_itself() -> None:
    clf = linear_classifier()
    image = random_picture(clf)
    small = vizcore.occlusion.Occlusion(window=4, stride=4)
    *_, drop = vizcore.occlusion.occlude(clf, image, 0, small)
    expected = figures.enlarge(figures.signed_colours(drop.heat()), notebook.SIDE)
    assert np.array_equal(decoded(drop._repr_png_()), expected)
    gradient = vizcore.saliency.gradient(clf, image, 0)
    expected = figures.enlarge(figures.unsigned_colours(vizcore.saliency.absolute_max(gradient)), notebook.SIDE)
    assert np.array_equal(decoded(gradient._repr_png_()), expected)
    *_, weights = vizcore.lime.explain(clf, image, 0, vizcore.lime.Lime(samples=20, segments=5))
    assert max(decoded(weights._repr_png_()).shape) == notebook.SIDE
    ascent = next(vizcore.maximize.maximize(clf, 0))
    assert np.array_equal(decoded(ascent._repr_png_()), figures.enlarge(figures.picture(ascent.image), notebook.SIDE))


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_kernels_of_any_depth_show_themselves(channels: int) -> None:
    kernels = Kernels(torch.randn(5, channels, 3, 3), "layer")
    assert max(decoded(kernels._repr_png_()).shape) == notebook.SIDE
