"""The gradient of a convolution for its input, the fastest way that the CPU offers for its shape."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration import winograd
from vizcore.acceleration.convolution import convolution
from vizcore.acceleration.matrix_convolution import padding_of

_FEW = 4  # input channels up to which the detour pays
_backward = threading.Lock()


def is_strided(layer: nn.Conv2d) -> bool:
    """Whether its gradient is one for :func:`strided_back`."""
    alike = layer.groups == 1 and tuple(layer.dilation) == (1, 1)
    return alike and layer.in_channels <= _FEW and layer.stride[0] == layer.stride[1] > 1


def is_turned(layer: nn.Conv2d) -> bool:
    """Whether its gradient may be one for :func:`turned_back`."""
    plain = layer.groups == 1 and [*layer.stride, *layer.dilation] == [1] * 4
    return plain and winograd.prepare(_across(layer), None) is not None


def turned_back(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """The gradient for the input of a convolution with stride 1: one with the kernels turned by half a circle."""
    across = _across(layer)
    around = [kernel - 1 - padding for kernel, padding in zip(layer.kernel_size, padding_of(layer), strict=True)]
    fewer, outer = winograd.prepare(across, None), [s + 2 * a for s, a in zip(grad.shape[2:], around, strict=True)]
    if fewer is not None and min(around) >= 0 and fewer.pays(len(grad), *outer):
        turned = convolution(across.flip(2, 3), None, [1, 1], around, [1, 1], False, [0, 0], 1)
        assert turned is not None
        return turned(grad)
    return one_at_a_time(grad, layer, size)


def one_at_a_time(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """The gradient for the input as oneDNN computes it, which answers with the wrong numbers now and then when several
    threads ask for the same shapes for the first time (seen with 3.12; never with its other operations).
    """
    with _backward:
        return by_onednn(grad, layer, size)


def by_onednn(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """torch's own gradient for an input of this ``size`` (n,C,H,W)."""
    shape = torch.empty(size, dtype=grad.dtype, memory_format=torch.channels_last)  # no value of it is looked at
    found: Tensor = torch.ops.aten.convolution_backward(
        grad, shape, layer.weight, None, layer.stride, padding_of(layer), layer.dilation, False, [0, 0], layer.groups,
        (True, False, False),
    )[0]  # fmt: skip
    return found


def _across(layer: nn.Conv2d) -> Tensor:
    """The weights (C,K,h,w) with in- and outputs exchanged."""
    return layer.weight.transpose(0, 1)


def strided_back(grad: Tensor, layer: nn.Conv2d, size: tuple[int, int]) -> Tensor:
    """dx[c, s u + r - p] = sum_k sum_t grad[k, u - t] weight[k, c, r + s t]: (n,K,h,w) to the input's (n,C,H,W)."""
    (down, right), (height, width), stride = padding_of(layer), size, layer.stride[0]
    filters = _phases(layer)
    around = [taps - 1 for taps in filters.shape[2:]]
    phases = torch.mkldnn_convolution(grad, filters, None, around, [1, 1], [1, 1], 1)  # (n,s s C,h',w')
    n, channels, rows, columns = phases.shape
    # Channels-last, so that s C neighbours are moved at once.
    strips = phases.permute(0, 2, 3, 1).view(n, rows, columns, stride, channels // stride)  # -> (n,h',w',s,s C)
    pixels = strips.transpose(2, 3).reshape(n, rows * stride, columns * stride, -1)  # -> (n,s h',s w',C)
    missing = max(0, right + width - columns * stride), max(0, down + height - rows * stride)
    if any(missing):  # what the last window did not reach has no slope
        pixels = F.pad(pixels, (0, 0, 0, missing[0], 0, missing[1]))
    return pixels[:, down : down + height, right : right + width].permute(0, 3, 1, 2)  # (n,H,W,C) -> (n,C,H,W)


def _phases(layer: nn.Conv2d) -> Tensor:
    """(s s C,K,t,t) filters, turned by half a circle, that give each phase of the pixels; kept beside the weights."""
    weight, stride = layer.weight, layer.stride[0]
    version, filters = getattr(layer, "_turned", (-1, None))
    if filters is None or version != weight._version:
        out, channels, *kernel = weight.shape
        down, right = (-(-length // stride) for length in kernel)
        whole = F.pad(weight, (0, right * stride - kernel[1], 0, down * stride - kernel[0]))
        taps = whole.view(out, channels, down, stride, right, stride).flip(2, 4)
        turned = taps.permute(3, 5, 1, 0, 2, 4).reshape(channels * stride**2, out, down, right)
        version, filters = weight._version, turned.contiguous(memory_format=torch.channels_last)
        object.__setattr__(layer, "_turned", (version, filters))
    return filters
