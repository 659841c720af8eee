"""A convolution as one matrix product, and its gradient."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vizcore.acceleration import matrix_convolution

SHAPES = [
    # kernel, stride, padding, size
    ((3, 3), 1, (1, 1), (7, 6)),
    ((3, 3), 2, (1, 1), (7, 6)),
    ((3, 5), (2, 1), (0, 2), (8, 9)),
    ((5, 5), 1, (4, 4), (5, 5)),
    ((2, 2), 3, (0, 0), (9, 10)),  # pixels between the windows have no slope
    ((1, 1), 1, (0, 0), (4, 5)),
    ((1, 1), (1, 2), (0, 0), (4, 5)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), SHAPES)
@pytest.mark.parametrize("count", [1, 3])
def test_it_is_the_convolution_and_its_gradient(
    kernel: tuple[int, int], stride: int, padding: tuple[int, int], size: tuple[int, int], count: int
) -> None:
    torch.manual_seed(count)
    layer = nn.Conv2d(6, 10, kernel, stride, padding).requires_grad_(False)
    x = torch.randn(count, 6, *size)
    leaf = x.double().requires_grad_()
    expected = F.conv2d(leaf, layer.weight.double(), layer.bias.double(), layer.stride, padding)  # type: ignore[union-attr]
    found = matrix_convolution.convolved(x.contiguous(memory_format=torch.channels_last), layer)
    assert torch.allclose(found.double(), expected, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)
    grad = torch.randn_like(found)
    (slope,) = torch.autograd.grad(expected, leaf, grad.double())
    assert torch.allclose(matrix_convolution.back(grad, layer, x.shape).double(), slope, atol=1e-5)


def test_it_is_taken_for_few_positions_and_many_weights_or_for_narrow_outputs() -> None:
    many = nn.Conv2d(512, 512, 3, padding=1)
    assert matrix_convolution.pays(many, (8, 512, 4, 4))
    assert not matrix_convolution.pays(many, (9, 512, 4, 4))
    assert matrix_convolution.pays(nn.Conv2d(192, 1280, 3, stride=2, padding=1), (20, 192, 8, 8))
    assert matrix_convolution.pays(many, (96, 512, 2, 2))
    assert matrix_convolution.pays(nn.Conv2d(512, 512, 3, stride=2, padding=1), (96, 512, 4, 4))
    assert not matrix_convolution.pays(nn.Conv2d(64, 64, 3, padding=1), (1, 64, 4, 4))
    assert not matrix_convolution.pays(nn.Conv2d(512, 512, 3, groups=2), (1, 512, 4, 4))
    assert not matrix_convolution.pays(nn.Conv2d(512, 512, 3, dilation=2), (1, 512, 6, 6))
