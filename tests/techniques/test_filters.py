"""Kernels as pictures and patterns: known stripes, colours and convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.techniques.filters import (
    Kernels,
    activation,
    activations,
    channels,
    colour,
    kernels,
    layers,
    norms,
    order,
    orientation,
    rgb,
    spectrum,
)

Snapshot = Callable[[Classifier], Callable[[], None]]


class Rescaled(nn.Module):
    """A network that alters its input before a strided, dilated, grouped convolution, like GoogLeNet but more so."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Conv2d(3, 2, 1)
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=2, dilation=2, groups=3, padding_mode="reflect")
        self.second = nn.Conv2d(6, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, z: Tensor) -> Tensor:
        maps = self.second(torch.relu_(self.first(2 * z + 0.25)))
        answer: Tensor = self.head(maps.mean(dim=(2, 3)))
        return answer


@pytest.fixture
def rescaled() -> Classifier:
    torch.manual_seed(3)
    return Classifier(Rescaled(), Preprocess((17, 14), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), ["a", "b"], device="cpu")


def stripes(angle: float, size: int = 11, period: float = 4.0) -> Tensor:
    """A Gaussian patch (size,size) of stripes that run at ``angle``, anticlockwise from the horizontal."""
    y, x = torch.meshgrid(*(torch.arange(size, dtype=torch.float32) - size // 2,) * 2, indexing="ij")
    across = -x * math.sin(angle) - y * math.cos(angle)  # y points down, so up is -y
    return torch.cos(2 * math.pi * across / period) * torch.exp(-(x**2 + y**2) / (2 * (size / 5) ** 2))


def grey(patches: list[Tensor]) -> Kernels:
    return Kernels(torch.stack(patches)[:, None].repeat(1, 3, 1, 1), "made up")


def test_zero_is_mid_grey_in_every_scaling() -> None:
    w = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    w[0] = 0.0
    w[1] = w[1].abs() * 0.01  # one sign only: minimum-maximum scaling would show its smallest weight as black
    w[:, :, 0, 0] = 0.0
    for scaling in ("kernel", "common"):
        picture = rgb(Kernels(w, "made up"), scaling)
        assert picture.shape == (5, 4, 4, 3)
        assert torch.equal(picture[w.permute(0, 2, 3, 1) == 0.0], torch.full((int((w == 0).sum()),), 0.5))
        assert picture.min() >= 0.0
        assert picture.max() <= 1.0
        assert torch.equal(picture > 0.5, w.permute(0, 2, 3, 1) > 0)


def test_each_scaling_reaches_the_end_of_its_range() -> None:
    w = torch.tensor([1.0, -0.25]).view(2, 1, 1, 1) * torch.tensor([1.0, 0.5, -0.5]).view(1, 3, 1, 1)
    one = rgb(Kernels(w, "made up"), "kernel")[:, 0, 0]
    assert one.tolist() == [[1.0, 0.75, 0.25], [0.0, 0.25, 0.75]]
    common = rgb(Kernels(w, "made up"), "common")[:, 0, 0]
    assert common.tolist() == [[1.0, 0.75, 0.25], [0.375, 0.4375, 0.5625]]


def test_channels_of_deep_kernels_and_what_has_no_colour() -> None:
    w = torch.randn(2, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    deep = Kernels(w, "deep")
    shown = channels(deep, 1)
    assert torch.allclose((shown - 0.5) * 2 * w[1].abs().max(), w[1], atol=1e-6)
    with pytest.raises(ValueError, match=r"deep has kernels of 5 channels; accepted: 3 .*channel by channel"):
        rgb(deep)
    with pytest.raises(ValueError, match="index is 2; accepted: 0 to 1"):
        channels(deep, 2)
    with pytest.raises(ValueError, match="scaling is 'minmax'; accepted: one of kernel, common"):
        rgb(Kernels(w[:, :3], "x"), "minmax")  # type: ignore[arg-type]


def test_one_channel_is_grey() -> None:
    picture = rgb(Kernels(torch.tensor([[[[1.0, 0.0, -1.0]]]]), "made up"))
    assert picture[0, 0].tolist() == [[1.0] * 3, [0.5] * 3, [0.0] * 3]


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 135, 170])
def test_stripes_are_found_at_their_angle(degrees: int) -> None:
    angle, strength = orientation(grey([stripes(math.radians(degrees))]))
    off = (math.degrees(angle.item()) - degrees + 90) % 180 - 90
    assert abs(off) < 0.5
    assert strength.item() > 0.7


def test_stripes_of_one_pixel_have_a_direction_and_checks_have_none() -> None:
    line = torch.tensor([1.0, -1.0]).repeat(3)
    vertical, checks = line.expand(6, 6), line * line[:, None]
    angle, strength = orientation(grey([vertical, vertical.T, checks, torch.zeros(6, 6)]))
    assert angle[:2].tolist() == pytest.approx([math.pi / 2, 0.0])
    assert strength.tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0], abs=1e-6)
    pointwise = Kernels(torch.ones(2, 3, 1, 1), "pointwise")
    assert orientation(pointwise)[1].tolist() == [0.0, 0.0]


def test_opponent_colours_have_an_axis_and_greys_have_none() -> None:
    patch = stripes(0.3)
    tints = torch.tensor([[1.0, 1, 1], [2, -1, -1], [1, 1, -2], [-1, 2, -1], [-2, 1, 1]])
    angle, strength = colour(Kernels(tints[:, :, None, None] * patch, "made up"))
    assert strength.tolist() == pytest.approx([0.0, 1.0, 1.0, 1.0, 1.0], abs=1e-6)
    axes = [0.0, 0.0, math.pi / 3, 2 * math.pi / 3, 0.0]
    assert [math.cos(2 * (a - b)) for a, b in zip(angle.tolist(), axes, strict=True)] == pytest.approx([1.0] * 5)


def test_orders() -> None:
    angles = [2.0, 0.5, 1.2]
    mixed = grey([*(stripes(a) for a in angles), torch.zeros(11, 11)])
    scaled = Kernels(mixed.weights * torch.tensor([1.0, 3.0, 2.0, 1.0]).view(-1, 1, 1, 1), "made up")
    assert order(scaled).tolist() == [0, 1, 2, 3]
    assert order(scaled, "norm").tolist() == [1, 2, 0, 3]
    assert order(scaled, "orientation").tolist() == [1, 2, 0, 3]
    assert order(scaled, "colour").tolist() == [1, 2, 0, 3]  # all grey: by norm
    with pytest.raises(ValueError, match="by is 'size'; accepted: one of index, norm, orientation, colour"):
        order(scaled, "size")  # type: ignore[arg-type]


def test_spectrum_is_parsevals_and_peaks_at_the_stripes_frequency() -> None:
    w = torch.randn(4, 3, 7, 5, generator=torch.Generator().manual_seed(0))
    energy = spectrum(Kernels(w + 3.0, "made up"))
    assert energy.shape == (4, 32, 32)
    variance = (w - w.mean(dim=(2, 3), keepdim=True)).square().sum(dim=(1, 2, 3))
    assert torch.allclose(energy.sum(dim=(1, 2)), 32 * 32 * variance, rtol=1e-4)
    assert energy[:, 16, 16].max() < 1e-5  # the mean is taken out
    period_4 = spectrum(grey([stripes(math.pi / 2, period=4.0)]), size=64)[0]
    row, column = divmod(int(period_4.argmax()), 64)
    assert row == 32
    assert abs(column - 32) == 16  # a quarter cycle per pixel, along x
    with pytest.raises(ValueError, match="size is 4; accepted: at least the kernel's side of 7"):
        spectrum(Kernels(w, "made up"), 4)


def test_norms() -> None:
    w = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    assert norms(Kernels(w, "made up")).tolist() == pytest.approx([float(x.square().sum().sqrt()) for x in w])


def test_activation_is_the_convolution_of_what_reaches_the_layer(rescaled: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(rescaled)
    image = random_picture(rescaled)
    before = image.clone()
    first = rescaled.module.first
    assert isinstance(first, nn.Conv2d)
    padded = F.pad(2 * rescaled.normalise(image[None]) + 0.25, (2, 2, 2, 2), mode="reflect")
    expected = F.conv2d(padded, first.weight, first.bias, stride=2, dilation=2, groups=3)[0]
    assert torch.allclose(activation(rescaled, image, 4, "first"), expected[4], atol=1e-6)
    # Not clipped, although the network applies its ReLU in place.
    assert torch.allclose(activations(rescaled, image, "first"), expected, atol=1e-6)
    assert expected.min() < 0
    deep = activations(rescaled, image, "second")
    assert torch.allclose(deep, F.conv2d(expected.relu()[None], *_parameters(rescaled, "second"))[0], atol=1e-5)
    assert torch.equal(image, before)
    verify()


def _parameters(clf: Classifier, name: str) -> tuple[Tensor, Tensor]:
    layer = clf.module.get_submodule(name)
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    return layer.weight, layer.bias


def test_layers_and_their_kernels(rescaled: Classifier) -> None:
    assert layers(rescaled) == [("first", (6, 1, 3, 3)), ("second", (4, 6, 3, 3))]  # "unused" never runs
    second = kernels(rescaled, "second")
    assert second.layer == "second"
    assert torch.equal(second.weights, _parameters(rescaled, "second")[0])
    second.weights.zero_()  # a consumer's own copy
    assert _parameters(rescaled, "second")[0].abs().max() > 0
    with pytest.raises(ValueError, match="layer is 'head'; accepted: a convolution of own: first, second"):
        kernels(rescaled, "head")
    assert kernels(rescaled, "unused").weights.shape == (2, 3, 1, 1)  # but it has weights
    with pytest.raises(ValueError, match="layer is 'unused'; accepted: a layer that own uses"):
        activations(rescaled, random_picture(rescaled), "unused")
    with pytest.raises(ValueError, match="index is 6; accepted: 0 to 5"):
        activation(rescaled, random_picture(rescaled), 6, "first")


def test_a_network_without_convolution_says_so() -> None:
    linear = linear_classifier()
    assert layers(linear) == []
    with pytest.raises(ValueError, match="no two-dimensional convolution"):
        kernels(linear)


def test_the_bundled_networks_first_layer(bundled: Classifier, unchanged: Snapshot) -> None:
    verify = unchanged(bundled)
    first = kernels(bundled)
    assert first.weights.shape == (64, 3, 11, 11)
    assert rgb(first).shape == (64, 11, 11, 3)
    image = random_picture(bundled)
    layer = bundled.first_convolution()
    expected = F.conv2d(bundled.normalise(image[None]), first.weights, layer.bias, layer.stride, layer.padding)[0]
    assert torch.allclose(activations(bundled, image), expected, atol=1e-4)
    verify()
