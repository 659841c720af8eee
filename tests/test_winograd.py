"""The convolution with fewer multiplications, against the direct one in 64 bits."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore import winograd
from vizcore.convolution import convolution

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")


def case(channels: int, out: int, height: int, width: int, count: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(height * 100 + width)
    x = torch.randn(count, channels, height, width, generator=rng).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(out, channels, 3, 3, generator=rng) / (channels * 9) ** 0.5
    return x, weight, torch.randn(out, generator=rng)


@needs_onednn
@pytest.mark.parametrize(("height", "width"), [(6, 6), (3, 3), (7, 10), (16, 9), (15, 15)])
@pytest.mark.parametrize("biased", [True, False])
def test_it_is_the_valid_convolution(height: int, width: int, biased: bool) -> None:
    x, weight, bias = case(64, 48, height, width)
    ready = winograd.Winograd(weight, bias if biased else None)
    expected = F.conv2d(x.double(), weight.double(), bias.double() if biased else None)
    found = ready(x)
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 3e-5  # the values have a standard deviation of about 1


@needs_onednn
def test_what_is_computed_at_a_time_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = case(32, 32, 14, 14, count=5)
    ready = winograd.Winograd(weight, bias)
    whole = ready(x)
    monkeypatch.setattr(winograd, "_IN_CACHE", 1)
    assert torch.allclose(ready(x), whole, rtol=0, atol=1e-6)
    assert torch.allclose(ready.keeping()(x), whole, rtol=0, atol=1e-6)
    monkeypatch.setattr(winograd, "_TILES", 1)
    assert torch.allclose(ready.keeping()(x), whole, rtol=0, atol=1e-6)
    monkeypatch.setattr(winograd, "_KERNELS", 300)
    assert torch.allclose(ready(x), whole, rtol=0, atol=1e-5)


@needs_onednn
def test_it_is_chosen_where_tiles_are_full_and_channels_many() -> None:
    ready = winograd.prepare(torch.zeros(512, 512, 3, 3), None)
    assert ready is not None
    assert ready.pays(24, 16, 16)
    assert not ready.pays(24, 3, 3)  # one output of sixteen is wanted
    assert not ready.pays(1, 16, 16)  # the kernels would be read for one picture
    small = winograd.prepare(torch.zeros(256, 256, 3, 3), None)
    assert small is not None
    assert not small.pays(8, 16, 16)  # only where the kernels need not be transformed anew
    assert small.keeping().pays(8, 16, 16)
    assert winograd.prepare(torch.zeros(16, 3, 3, 3), None) is None
    assert winograd.prepare(torch.zeros(512, 512, 5, 5), None) is None


@needs_onednn
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "groups"),
    [((3, 3), 1, (1, 1), 1), ((3, 3), 2, (1, 1), 1), ((1, 1), 1, (0, 0), 1), ((5, 3), 1, (2, 1), 2)],
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
    assert (ready.fewer is not None) == (kernel == (3, 3) and stride == 1)
    expected = F.conv2d(x.double(), weight.double(), bias.double(), stride, padding, 1, groups)
    assert float((ready(x) - expected).abs().max()) < 3e-5
    expected = F.conv2d(x.double(), weight.double(), bias.double(), stride, 0, 1, groups)
    assert float((ready.valid(x) - expected).abs().max()) < 3e-5


def test_what_is_left_to_torch() -> None:
    weight = torch.zeros(8, 8, 3, 3)
    assert convolution(weight, None, [1, 1], [1, 1], [1, 1], True, [0, 0], 1) is None
    assert convolution(weight.double(), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1) is None
