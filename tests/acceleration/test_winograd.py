"""The convolution with fewer multiplications, against the direct one in 64 bits."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.acceleration import winograd
from vizcore.acceleration.convolution import convolution

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")


def case(channels: int, out: int, height: int, width: int, kernel: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(height * 100 + width)
    x = torch.randn(3, channels, height, width, generator=rng).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(out, channels, kernel, kernel, generator=rng) / (channels * kernel**2) ** 0.5
    return x, weight, torch.randn(out, generator=rng)


WAYS = [(kernel, outputs) for kernel, sizes in winograd.SIZES.items() for outputs in sizes]


@needs_onednn
@pytest.mark.parametrize(("height", "width"), [(6, 6), (5, 5), (7, 10), (16, 9), (15, 15), (13, 18)])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("kernel", "outputs"), WAYS)
def test_it_is_the_valid_convolution(height: int, width: int, biased: bool, kernel: int, outputs: int) -> None:
    x, weight, bias = case(64, 48, height, width, kernel)
    ready = winograd.Winograd(weight, bias if biased else None)
    expected = F.conv2d(x.double(), weight.double(), bias.double() if biased else None)
    found = ready(x, outputs)
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 8e-5  # the values have a standard deviation of about 1


@needs_onednn
@pytest.mark.parametrize(("kernel", "outputs"), WAYS)
def test_rounding_is_that_of_a_few_direct_convolutions(kernel: int, outputs: int) -> None:
    x, weight, _ = case(128, 64, 28, 28, kernel)
    x = x.relu()
    exact = F.conv2d(x.double(), weight.double())
    direct = float((F.conv2d(x, weight) - exact).norm())
    assert float((winograd.Winograd(weight, None)(x, outputs) - exact).norm()) < 12 * direct


@needs_onednn
@pytest.mark.parametrize(("kernel", "outputs"), WAYS)
def test_what_is_computed_at_a_time_changes_no_number(
    kernel: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, weight, bias = case(32, 32, 14, 14, kernel)
    ready = winograd.Winograd(weight, bias)
    whole = ready(x, outputs)
    monkeypatch.setattr(winograd, "_IN_CACHE", 1)
    assert torch.allclose(ready(x, outputs), whole, rtol=0, atol=4e-6)
    assert torch.allclose(ready.keeping()(x, outputs), whole, rtol=0, atol=4e-6)
    monkeypatch.setattr(winograd, "_TILES", 1)
    assert torch.allclose(ready.keeping()(x, outputs), whole, rtol=0, atol=4e-6)
    monkeypatch.setattr(winograd, "_KERNELS", 10_000)
    assert torch.allclose(ready(x, outputs), whole, rtol=0, atol=3e-5)


@needs_onednn
def test_it_is_chosen_where_tiles_are_full_and_channels_many() -> None:
    ready = winograd.prepare(torch.zeros(512, 512, 3, 3), None)
    assert ready is not None
    assert ready.pays(24, 18, 18) == 4
    assert ready.pays(24, 12, 12) == 5  # two by two tiles, not three by three
    assert ready.pays(24, 3, 3) == 0  # one output of sixteen is wanted
    assert ready.pays(1, 18, 18) == 0  # the kernels would be read for one picture
    small = winograd.prepare(torch.zeros(256, 256, 3, 3), None)
    assert small is not None
    assert small.pays(8, 10, 10) == 0  # only where the kernels need not be transformed anew
    assert small.keeping().pays(8, 10, 10) == 4
    five = winograd.prepare(torch.zeros(192, 64, 5, 5), None)
    assert five is not None
    assert five.pays(24, 16, 16) == 4
    assert winograd.prepare(torch.zeros(16, 3, 3, 3), None) is None
    assert winograd.prepare(torch.zeros(512, 512, 7, 7), None) is None
    assert winograd.prepare(torch.zeros(512, 512, 3, 5), None) is None


@needs_onednn
def test_transformed_kernels_are_kept_only_if_told_so() -> None:
    _, weight, _ = case(32, 16, 8, 8)
    ready = winograd.Winograd(weight, None)
    kept = ready.keeping()
    x = torch.ones(2, 32, 8, 8).contiguous(memory_format=torch.channels_last)
    ready(x, 4), kept(x, 4)
    weight.mul_(2)
    assert torch.allclose(ready(x, 4), 2 * kept(x, 4), atol=1e-4)
    assert kept.kernel_bytes == (36 + 49) * 32 * 16 * 4


@needs_onednn
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "groups"),
    [
        ((3, 3), 1, (1, 1), 1),
        ((5, 5), 1, (2, 2), 1),
        ((3, 3), 2, (1, 1), 1),
        ((1, 1), 1, (0, 0), 1),
        ((5, 3), 1, (2, 1), 2),
    ],
)
def test_whole_values_and_parts_of_them(
    kernel: tuple[int, int], stride: int, padding: tuple[int, int], groups: int
) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(4, 256, 12, 14, generator=rng).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(256, 256 // groups, *kernel, generator=rng) / (256 * kernel[0] * kernel[1]) ** 0.5
    bias = torch.randn(256, generator=rng)
    ready = convolution(weight, bias, [stride, stride], list(padding), [1, 1], False, [0, 0], groups)
    assert ready is not None
    assert (ready.fewer is not None) == (kernel in ((3, 3), (5, 5)) and stride == 1)
    expected = F.conv2d(x.double(), weight.double(), bias.double(), stride, padding, 1, groups)
    assert float((ready(x) - expected).abs().max()) < 6e-5
    expected = F.conv2d(x.double(), weight.double(), bias.double(), stride, 0, 1, groups)
    assert float((ready.valid(x) - expected).abs().max()) < 6e-5


def test_what_is_left_to_torch() -> None:
    weight = torch.zeros(8, 8, 3, 3)
    assert convolution(weight, None, [1, 1], [1, 1], [1, 1], True, [0, 0], 1) is None
    assert convolution(weight.double(), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1) is None
