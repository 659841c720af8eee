"""Fourier coordinates: one to one, of unit deviation, with the colours that photographs have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.conftest import linear_classifier
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.pictures import decoding
from vizcore.techniques.fourier import COVARIANCE, Fourier, colour_axes, falling, frequencies

SIZES = [(12, 10), (7, 9), (8, 8), (28, 28), (1, 5)]
MEASURED = ("chelsea", "coffee", "astronaut", "rocket", "motorcycle_left")


@pytest.mark.parametrize("size", [(6, 8), (7, 9), (1, 5)])
def test_every_picture_has_its_coefficients(size: tuple[int, int]) -> None:
    space = Fourier.of_network(linear_classifier(size, std=0.25), 1.5)
    shape = space.noise(torch.Generator()).shape[1:]
    units = torch.eye(math.prod(shape)).view(-1, *shape)
    pictures = space.picture(units).flatten(1).double()  # of each coefficient alone
    assert torch.linalg.matrix_rank(pictures) == 3 * math.prod(size)


@pytest.mark.parametrize("size", SIZES)
def test_slopes_are_carried_back_as_autograd_does(size: tuple[int, int]) -> None:
    space = Fourier.of_network(linear_classifier(size, std=0.25), 1.5)
    generator = torch.Generator().manual_seed(0)
    x = torch.cat([space.noise(generator) for _ in range(2)]).requires_grad_()
    g = torch.randn((2, 3, *size), generator=generator)
    (expected,) = torch.autograd.grad(space.picture(x), x, g)
    assert torch.allclose(space.slopes(g), expected, atol=1e-5)


def test_coefficients_of_deviation_one_make_a_picture_of_deviation_one() -> None:
    for decay in (0.0, 1.0, 2.0):
        space = Fourier.of_network(linear_classifier((64, 48)), decay)
        pictures = torch.cat([space.picture(space.noise(torch.Generator().manual_seed(k))) for k in range(60)])
        assert float(pictures.square().mean().sqrt()) == pytest.approx(1.0, rel=0.1)


def test_amplitudes_fall_like_a_power_of_the_frequency() -> None:
    amplitudes, f = falling(32, 24, 1.5), frequencies(32, 24)
    assert f[0, 0] == 0
    assert float(f.max()) == pytest.approx(0.5 * 2**0.5)
    assert torch.allclose(amplitudes[1:] / amplitudes[1, 0], (f[1:] / f[1, 0]) ** -1.5, rtol=1e-4)
    assert float(amplitudes[0, 0]) == pytest.approx(float(amplitudes[1, 0]))  # the mean is no infinity
    assert torch.allclose(falling(32, 24, 0.0), torch.ones(32, 13))


def test_the_covariance_is_that_of_the_photographs() -> None:
    photographs = decoding.sample_photographs()
    if not set(MEASURED) <= set(photographs):
        pytest.skip("this scikit-image holds other photographs")
    found = []
    for name in MEASURED:
        colours = torch.tensor(np.asarray(photographs[name]().convert("RGB"))).reshape(-1, 3).double() / 255  # (n,3)
        found.append(torch.cov(colours.T, correction=0))
    assert torch.allclose(torch.stack(found).mean(0), torch.tensor(COVARIANCE, dtype=torch.float64), atol=1e-4)


def test_the_colours_axes_give_the_covariance_back() -> None:
    std = torch.tensor([0.2, 0.25, 0.3])
    axes = colour_axes(std)
    expected = torch.tensor(COVARIANCE) / std[:, None] / std
    product = axes @ axes.T
    assert torch.allclose(product / product.trace(), expected / expected.trace(), atol=1e-5)
    assert float(product.trace()) == pytest.approx(3.0, rel=1e-5)
    grey = axes[:, 2] / axes[:, 2].norm()
    assert float(grey.min()) > 0.4  # the axis of the largest deviation is brightness


def test_channels_that_are_no_colours_stay_apart() -> None:
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(80, 2))
    clf = Classifier(module, Preprocess((8, 10), (0.5,), (0.2,)), ["a", "b"])
    space = Fourier.of_network(clf, 1.0)
    assert torch.equal(space.colours, torch.eye(1))


def test_a_blurred_step_has_lost_what_is_fine() -> None:
    space = Fourier.of_network(linear_classifier((16, 16)), 1.0)
    x = space.noise(torch.Generator().manual_seed(0))
    soft = space.smoothed(x, 1.0)
    assert torch.equal(soft[..., 0, 0, :], x[..., 0, 0, :])
    assert float(soft[..., 8, 8, :].abs().max()) < 1e-3 * float(x[..., 8, 8, :].abs().max())
