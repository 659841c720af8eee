"""Forward and backward passes the fastest way that the CPU offers, through a copy of the network over the same weights.

torch chooses a slow way in two places. A strided convolution from the picture's three channels takes a quarter of a
gradient's time, because oneDNN's backward pass is made for many input channels. That gradient is itself a convolution,
for each of the s x s phases of the pixels; as one forward convolution to 3 s^2 channels, from which the pixels are then
drawn in turn, it takes well under half the time. And on one thread oneDNN is not asked for kernels of one position.
Batch norms are folded, and pools done before their ReLUs, beforehand.

Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", on the equality of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.folding import Folding, pool_first, private_copy

_FEW = 4  # input channels up to which the detour pays


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
    return device.type == "cpu" and torch.backends.mkldnn.is_available()


def faster(module: nn.Module, device: torch.device, pools: Sequence[tuple[str, str]] = ()) -> nn.Module:
    """The same function and the same slopes in the picture, sooner; not twice differentiable.

    A private copy of the structure over the very same weights, or ``module`` itself where there is nothing to gain.
    ``pools`` names the ReLUs and the pools after them that may change places.
    """
    if not _has_kernels(device):
        return module
    names = [name for name, layer in module.named_modules() if _gains(layer)]
    if not (names or pools):
        return module
    try:
        other = private_copy(module)
    except Exception:  # somebody's own module may hold what cannot be copied
        return module
    for name in names:
        other.get_submodule(name).__class__ = _Convolution
    pool_first(other, pools)
    return other


def _gains(layer: nn.Module) -> bool:
    if type(layer) is not nn.Conv2d or layer.groups != 1 or layer.weight.dtype != torch.float32:
        return False
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros" or tuple(layer.dilation) != (1, 1):
        return False
    if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks:
        return False
    strided = layer.in_channels <= _FEW and layer.stride[0] == layer.stride[1] > 1
    pointwise = tuple(layer.kernel_size) == tuple(layer.stride) == (1, 1) and tuple(layer.padding) == (0, 0)
    return strided or pointwise


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
        ctx.layer, ctx.size = layer, x.shape[2:]
        value: Tensor = torch.mkldnn_convolution(
            x, layer.weight, layer.bias, _padding(layer), layer.stride, layer.dilation, layer.groups
        )
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        layer = ctx.layer
        if layer.stride[0] > 1:
            return back(grads[0], layer, ctx.size), None
        filters = layer.weight.transpose(0, 1)
        return torch.mkldnn_convolution(grads[0], filters, None, [0, 0], [1, 1], [1, 1], 1), None


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
