"""A convolution as one matrix product: of what each position sees, (n h w, r r C), and the weights (r r C, K).

Weights that lie channels last are that matrix as they are. oneDNN's convolution copies them into an order of its own at
every call, which for a few positions takes longer than computing them does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration.product import multiply

# Positions up to which, at least or as a share of the channels out, and weights from which on, the copy takes longer
# than the product does; and outputs so narrow that most of what oneDNN computes at once lies beside them.
_FEW, _SHARE, _MANY, _NARROW = 128, 0.25, 2**18, 2
_AREA = 25  # of a kernel, up to which the way back, of one sum for each of its places, pays


def is_pointwise(layer: nn.Conv2d) -> bool:
    return layer.groups == 1 and tuple(layer.kernel_size) == (1, 1) and tuple(layer.padding) == (0, 0)


def padding_of(layer: nn.Conv2d) -> list[int]:
    return [length for length in layer.padding if isinstance(length, int)]


def pays(layer: nn.Conv2d, size: Sequence[int]) -> bool:
    """Whether this is the faster way for inputs of this ``size`` (n,C,H,W)."""
    if is_pointwise(layer):
        return True
    if layer.groups > 1 or max(layer.dilation) > 1 or layer.weight.numel() < _MANY or _area(layer) > _AREA:
        return False
    height, width = outputs(layer, size)
    return width <= _NARROW or size[0] * height * width <= max(_FEW, _SHARE * layer.out_channels)


def outputs(layer: nn.Conv2d, size: Sequence[int]) -> list[int]:
    """Height and width of what a layer without dilation makes of inputs of this ``size`` (n,C,H,W)."""
    sides = zip(size[2:], padding_of(layer), layer.kernel_size, layer.stride, strict=True)
    return [(side + 2 * padding - kernel) // stride + 1 for side, padding, kernel, stride in sides]


def convolved(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """(n,C,H,W) to (n,K,h,w), channels last."""
    height, width = outputs(layer, x.shape)
    rows = multiply(_seen(x, layer), _matrix(layer), layer.bias)
    return as_channels(rows, (len(x), layer.out_channels, height, width))


def as_channels(rows: Tensor, size: Sequence[int]) -> Tensor:
    """Rows (n h w,K) as the value (n,K,h,w) that lies so; nobody's view, as a view could not be changed in place."""
    _, channels, height, width = size
    strides = (channels * height * width, 1, channels * width, channels)
    return rows.new_empty(0).set_(rows.untyped_storage(), rows.storage_offset(), size, strides)


def back(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """The gradient for its input (n,C,H,W), of one for its output (n,K,h,w)."""
    count, channels, height, width = size
    rows = multiply(grad.permute(0, 2, 3, 1).reshape(-1, layer.out_channels), _matrix(layer).t())  # (n h w,r r C)
    if is_pointwise(layer) and max(layer.stride) == 1:
        return rows.view(count, height, width, channels).permute(0, 3, 1, 2)
    (high, wide), (down, right), (step, across) = layer.kernel_size, padding_of(layer), layer.stride
    seen = rows.view(count, *grad.shape[2:], high, wide, channels)
    # What a stride leaves out has no slope.
    pixels = rows.new_zeros(count, height + 2 * down, width + 2 * right, channels)
    for y in range(high):
        for x in range(wide):
            at = pixels[:, y : y + step * grad.shape[2] : step, x : x + across * grad.shape[3] : across]
            at += seen[:, : at.shape[1], : at.shape[2], y, x]
    return pixels[:, down : down + height, right : right + width].permute(0, 3, 1, 2)


def _seen(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """(n,C,H,W) -> (n h w,r r C)."""
    if is_pointwise(layer):
        return x[:, :, :: layer.stride[0], :: layer.stride[1]].permute(0, 2, 3, 1).reshape(-1, layer.in_channels)
    (high, wide), (down, right), (step, across) = layer.kernel_size, padding_of(layer), layer.stride
    around = F.pad(x, (right, right, down, down)).permute(0, 2, 3, 1)  # (n,H',W',C)
    patches = around.unfold(1, high, step).unfold(2, wide, across)  # (n,h,w,C,r,r)
    return patches.permute(0, 1, 2, 4, 5, 3).reshape(-1, high * wide * layer.in_channels)


def _matrix(layer: nn.Conv2d) -> Tensor:
    """(K,C,r,r) -> (K,r r C)."""
    return layer.weight.permute(0, 2, 3, 1).reshape(layer.out_channels, -1)


def _area(layer: nn.Conv2d) -> int:
    return layer.kernel_size[0] * layer.kernel_size[1]
