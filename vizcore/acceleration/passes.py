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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration import matrix_convolution
from vizcore.acceleration.convolution import Convolution, convolution
from vizcore.acceleration.folding import Folding, pool_first
from vizcore.acceleration.input_gradients import is_strided, is_turned, one_at_a_time, strided_back, turned_back
from vizcore.acceleration.matrix_convolution import is_pointwise, padding_of
from vizcore.acceleration.norms import make_sound
from vizcore.acceleration.product import able, is_small, multiply
from vizcore.copies import private_copy

_LARGE = 2**14  # weights of a matrix from which on it matters who multiplies


class Passes:
    """Logits of the zero-centred input, as the network answers, with the same slopes in the input, faster.

    What the private copies of the network share with it they follow when it is changed in place, and the batch norms
    that are folded are folded anew. Safe to share between threads.
    """

    layout = torch.channels_last

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
    """The same function and the same slopes in the picture, faster; not twice differentiable.

    A private copy of the structure over the very same weights, or ``module`` itself where there is nothing to gain.
    ``pools`` names the ReLUs and the pools after them that may change places.
    """
    if not _has_kernels(device):
        return module
    gaining = {name: kind for name, layer in module.named_modules() if (kind := _faster_kind(layer))}
    if not (gaining or pools):
        return module
    try:
        other = private_copy(module)
    except Exception:  # somebody's own module may hold what cannot be copied
        return module
    for name, kind in gaining.items():
        other.get_submodule(name).__class__ = kind
    pool_first(other, pools)
    make_sound(other)
    return other


def _faster_kind(layer: nn.Module) -> type[_Linear | _Convolution] | None:
    """What does the same as this layer faster, if there is such a thing."""
    if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks:
        return None
    if type(layer) is nn.Linear:
        return _Linear if layer.weight.dtype == torch.float32 and layer.weight.numel() >= _LARGE else None
    if type(layer) is not nn.Conv2d or layer.weight.dtype != torch.float32:
        return None
    # Whatever its shape: the gradients that torch has computed by itself are not computed one at a time.
    return None if isinstance(layer.padding, str) or layer.padding_mode != "zeros" else _Convolution


def _sloping(x: Tensor) -> bool:
    """Whether a gradient may be asked for; torch's way of computing one costs as much as a small layer."""
    return x.requires_grad and torch.is_grad_enabled()


class _Linear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        small = is_small(x.numel() // self.in_features, weight)
        if small or weight.requires_grad or x.dtype != torch.float32:
            return super().forward(x)
        flat = x.reshape(-1, self.in_features)
        rows: Tensor = _Multiply.apply(flat, self) if _sloping(x) else multiply(flat, self.weight, self.bias)
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
        weight, bias = self._parameters["weight"], self._parameters["bias"]
        if weight is None or weight.requires_grad or x.dim() != 4 or x.dtype != torch.float32:
            return super().forward(x)
        ready: _Ready | None = vars(self).get("_ready")
        if ready is None or ready.weight is not weight or ready.bias is not bias:
            ready = _made_ready(self)
        count, _, height, width = x.shape
        if ready.dense and is_small(count * height * width, weight):
            rows = F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias)  # (n,C,H,W) -> (n,H,W,K)
            return rows.permute(0, 3, 1, 2)
        if ready.by_itself(count, height, width):
            return super().forward(x)
        value: Tensor = _Convolve.apply(x, ready) if _sloping(x) else ready(x)
        return value


class _Convolve(torch.autograd.Function):
    """A convolution with a gradient for its input alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ready: _Ready) -> Tensor:
        ctx.ready, ctx.size = ready, x.shape
        return ready(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return ctx.ready.back(grads[0], ctx.size), None


@dataclass(frozen=True, eq=False)
class _Ready:
    """A layer with its convolution made ready, and what kind it is of; kept on the layer for as long as its weights.

    ``dense``: of one position, with stride 1. ``alone``: torch needs no oneDNN for the gradient of a single picture.
    """

    layer: nn.Conv2d
    weight: Tensor
    bias: Tensor | None
    convolution: Convolution
    pointwise: bool
    dense: bool
    strided: bool
    turned: bool
    alone: bool

    def __call__(self, x: Tensor) -> Tensor:
        small = not self.dense and self.convolution.is_small(len(x), *x.shape[2:])
        if not small and matrix_convolution.pays(self.layer, x.shape):
            return matrix_convolution.convolved(x, self.layer)
        value = self.convolution(x)
        # A piece of something larger could not be changed in place afterwards, as many a ReLU does.
        return value.clone(memory_format=torch.channels_last) if value._is_view() else value

    def by_itself(self, count: int, height: int, width: int) -> bool:
        """Whether torch is faster and asks no oneDNN for the gradient: of one small picture, on one thread."""
        one = count == 1 and self.alone and not self.dense and torch.get_num_threads() == 1
        return one and self.convolution.is_small(count, height, width)

    def back(self, grad: Tensor, size: torch.Size) -> Tensor:
        """The gradient for the input (n,C,H,W), of one for the output."""
        if self.pointwise or matrix_convolution.pays(self.layer, size):
            return matrix_convolution.back(grad, self.layer, size)
        if self.strided:
            return strided_back(grad, self.layer, (size[2], size[3]))
        if self.turned and not self.convolution.is_small(len(grad), *grad.shape[2:]):
            return turned_back(grad, self.layer, size)
        return one_at_a_time(grad, self.layer, size)


def _made_ready(layer: nn.Conv2d) -> _Ready:
    given = layer.weight, layer.bias, layer.stride, padding_of(layer), layer.dilation
    made = convolution(*given, False, [0, 0], layer.groups)
    assert made is not None  # of float32 and not transposed
    pointwise, alone = is_pointwise(layer), layer.groups == 1 and max(layer.dilation) == 1
    ready = _Ready(
        layer, layer.weight, layer.bias, made, pointwise, pointwise and max(layer.stride) == 1, is_strided(layer),
        is_turned(layer), alone,
    )  # fmt: skip
    object.__setattr__(layer, "_ready", ready)
    return ready
