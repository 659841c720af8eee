"""Forward and backward passes the fastest way that the CPU offers, through a copy of the network over the same weights.

torch chooses a slow way in some places. A strided convolution from the picture's three channels takes a quarter of a
gradient's time, because oneDNN's backward pass is made for many input channels. That gradient is itself a convolution,
for each of the s x s phases of the pixels; as one forward convolution to 3 s^2 channels, from which the pixels are then
drawn in turn, it takes well under half the time. And on one thread oneDNN is not asked for kernels of one position.
Nor is it for matrix products, which MKL does at half its speed on AMD. Batch norms are folded, and pools done before
their ReLUs, beforehand; and several pictures at once go through convolutions of many channels, both ways, with fewer
multiplications (:mod:`vizcore.acceleration.winograd`).

Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", on the equality of the two.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from vizcore.acceleration import winograd
from vizcore.acceleration.convolution import convolution
from vizcore.acceleration.folding import Folding, pool_first
from vizcore.acceleration.product import able, multiply
from vizcore.copies import private_copy

_FEW = 4  # input channels up to which the detour pays
_LARGE = 2**14  # weights of a matrix from which on it matters who multiplies
_backward = threading.Lock()


class Passes:
    """Logits of the zero-centred input, as the network answers, with the same slopes in the input, sooner.

    What the private copies of the network share with it they follow when it is changed in place, and the batch norms
    that are folded are folded anew. Safe to share between threads.
    """

    def __init__(self, module: nn.Module, device: torch.device, shape: tuple[int, ...]) -> None:
        """``shape`` (C,H,W) is that of one input."""
        self._device = device
        self._folding = Folding(module, shape) if _has_kernels(device) else None
        self._module = module
        folded = self.folded()
        self._made = (folded, self._faster(folded))

    def __call__(self, z: Tensor, kind: torch.dtype | None = None) -> Tensor:
        """(N,C,H,W) to (N,K), with numbers of this kind where autocast allows it; differentiable once."""
        if kind is not None:
            with torch.autocast(self._device.type, kind):
                short: Tensor = self.folded()(z)
            return short
        folded, (source, fast) = self.folded(), self._made
        if folded is not source:
            fast = self._faster(folded)
            self._made = (folded, fast)
        answer: Tensor = fast(z)
        return answer

    @property
    def kept(self) -> int | None:
        """About how many numbers a backward pass needs of the forward pass of one picture, where that is known."""
        return None if self._folding is None else self._folding.kept

    def folded(self) -> nn.Module:
        """The network with its batch norms folded as its weights are now, else as it is; to be read, not altered."""
        return self._module if self._folding is None else self._folding.network()

    def _faster(self, folded: nn.Module) -> nn.Module:
        return faster(folded, self._device, self._folding.pools if self._folding else ())


def _has_kernels(device: torch.device) -> bool:
    return device.type == "cpu" and able()


def faster(module: nn.Module, device: torch.device, pools: Sequence[tuple[str, str]] = ()) -> nn.Module:
    """The same function and the same slopes in the picture, sooner; not twice differentiable.

    A private copy of the structure over the very same weights, or ``module`` itself where there is nothing to gain.
    ``pools`` names the ReLUs and the pools after them that may change places.
    """
    if not _has_kernels(device):
        return module
    gaining = {name: kind for name, layer in module.named_modules() if (kind := _sooner(layer))}
    if not (gaining or pools):
        return module
    try:
        other = private_copy(module)
    except Exception:  # somebody's own module may hold what cannot be copied
        return module
    for name, kind in gaining.items():
        other.get_submodule(name).__class__ = kind
    pool_first(other, pools)
    return other


def _sooner(layer: nn.Module) -> type[_Linear | _Convolution] | None:
    """What does the same as this layer sooner, if there is such a thing."""
    if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks:
        return None
    if type(layer) is nn.Linear:
        return _Linear if layer.weight.dtype == torch.float32 and layer.weight.numel() >= _LARGE else None
    if type(layer) is not nn.Conv2d or layer.weight.dtype != torch.float32:
        return None
    # Whatever its shape: the gradients that torch has computed by itself are not computed one at a time.
    return None if isinstance(layer.padding, str) or layer.padding_mode != "zeros" else _Convolution


class _Linear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        if self.weight.requires_grad or x.dtype != torch.float32 or x.numel() <= self.in_features:
            return super().forward(x)
        rows: Tensor = _Multiply.apply(x.reshape(-1, self.in_features), self)
        return rows if x.dim() == 2 else rows.view(*x.shape[:-1], self.out_features)


class _Multiply(torch.autograd.Function):
    """x W' + b for several rows x (n,D), with a gradient for these alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Linear) -> Tensor:
        ctx.weight = layer.weight
        return multiply(x, layer.weight, layer.bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return multiply(grads[0], ctx.weight.t()), None


class _Convolution(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        if self.weight.requires_grad or x.dim() != 4 or x.dtype != torch.float32:
            return super().forward(x)
        value: Tensor = _Convolve.apply(x, self)
        return value


class _Convolve(torch.autograd.Function):
    """A convolution with a gradient for its input alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Conv2d) -> Tensor:
        ctx.layer, ctx.size = layer, x.shape
        if _is_pointwise(layer) and (max(layer.stride) > 1 or len(x) * x.shape[2] * x.shape[3] < layer.out_channels):
            return _pointwise(x, layer)
        given = layer.weight, layer.bias, layer.stride, _padding(layer), layer.dilation
        ready = convolution(*given, False, [0, 0], layer.groups)
        assert ready is not None  # of float32 and not transposed
        value = ready(x)
        # A piece of something larger could not be changed in place afterwards, as many a ReLU does.
        return value.clone(memory_format=torch.channels_last) if value._is_view() else value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        layer, (grad,) = ctx.layer, grads
        if _is_pointwise(layer):
            return _pointwise_back(grad, layer, ctx.size), None
        if _is_strided(layer):
            return back(grad, layer, ctx.size[2:]), None
        return (_turned_back if _is_plain(layer) else _one_at_a_time)(grad, layer, ctx.size), None


def _is_strided(layer: nn.Conv2d) -> bool:
    """Whether its gradient is one for :func:`back`."""
    alike = layer.groups == 1 and tuple(layer.dilation) == (1, 1)
    return alike and layer.in_channels <= _FEW and layer.stride[0] == layer.stride[1] > 1


def _is_pointwise(layer: nn.Conv2d) -> bool:
    return layer.groups == 1 and tuple(layer.kernel_size) == (1, 1) and tuple(layer.padding) == (0, 0)


def _is_plain(layer: nn.Conv2d) -> bool:
    return layer.groups == 1 and [*layer.stride, *layer.dilation] == [1] * 4


def _pointwise(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """A pointwise convolution as a matrix product, which is sooner where positions are few or left out."""
    read = x[:, :, :: layer.stride[0], :: layer.stride[1]].permute(0, 2, 3, 1)  # (n,C,H,W) -> (n,h,w,C)
    shape = (len(x), layer.out_channels, *read.shape[1:3])
    out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
    rows = multiply(read.reshape(-1, layer.in_channels), layer.weight.flatten(1), layer.bias)
    out.permute(0, 2, 3, 1).view(rows.shape).copy_(rows)  # into one that is nobody's view
    return out


def _pointwise_back(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """The gradient for its input (n,C,H,W): a matrix product as well, which needs no copy of the weights."""
    rows = multiply(grad.permute(0, 2, 3, 1).reshape(-1, layer.out_channels), layer.weight.flatten(1).t())  # (n h w,C)
    pixels = rows.view(len(grad), *grad.shape[2:], -1)
    if max(layer.stride) > 1:  # what lies between has no slope
        found = pixels.new_zeros(size[0], *size[2:], size[1])
        found[:, :: layer.stride[0], :: layer.stride[1]] = pixels
        pixels = found
    return pixels.permute(0, 3, 1, 2)  # (n,H,W,C) -> (n,C,H,W)


def _turned_back(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """The same of a convolution with stride 1, which is one with the kernels turned by half a circle."""
    across = _across(layer)
    around = [kernel - 1 - padding for kernel, padding in zip(layer.kernel_size, _padding(layer), strict=True)]
    fewer, outer = winograd.prepare(across, None), [s + 2 * a for s, a in zip(grad.shape[2:], around, strict=True)]
    if fewer is not None and min(around) >= 0 and fewer.pays(len(grad), *outer):
        turned = convolution(across.flip(2, 3), None, [1, 1], around, [1, 1], False, [0, 0], 1)
        assert turned is not None
        return turned(grad)
    return _one_at_a_time(grad, layer, size)


def _one_at_a_time(grad: Tensor, layer: nn.Conv2d, size: Sequence[int]) -> Tensor:
    """The gradient for the input as oneDNN computes it, which answers with the wrong numbers now and then when several
    threads ask for the same shapes for the first time (seen with 3.12; never with its other operations).
    """
    with _backward:
        return conv2d_input(size, layer.weight, grad, layer.stride, _padding(layer), layer.dilation, layer.groups)


def _across(layer: nn.Conv2d) -> Tensor:
    """The weights (C,K,h,w) with in- and outputs exchanged."""
    return layer.weight.transpose(0, 1)


def _padding(layer: nn.Conv2d) -> list[int]:
    return [length for length in layer.padding if isinstance(length, int)]


def back(grad: Tensor, layer: nn.Conv2d, size: tuple[int, int]) -> Tensor:
    """dx[c, s u + r - p] = sum_k sum_t grad[k, u - t] weight[k, c, r + s t]: (n,K,h,w) to the input's (n,C,H,W)."""
    (down, right), (height, width), stride = _padding(layer), size, layer.stride[0]
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
