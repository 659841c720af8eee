"""A convolution ready to be applied to values and to parts of values, the fastest way that the CPU offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vizcore.acceleration import winograd

# Multiplications up to which torch's own way is done before oneDNN has started, and positions of a single picture up to
# which oneDNN takes longer to copy the weights. Both on one thread.
_SMALL, _FEW = 2**21, 256


@dataclass(frozen=True, eq=False)
class Convolution:
    """out[k] = bias[k] + sum_c weight[k,c] * x[c]; ``fewer`` is the same with fewer multiplications, if that exists."""

    weight: Tensor
    bias: Tensor | None
    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    groups: int
    fewer: winograd.Winograd | None

    def __call__(self, x: Tensor) -> Tensor:
        """Of a whole value (n,C,H,W), zeros around it."""
        down, right = self.padding
        if self.fewer is not None and (size := self.fewer.pays(len(x), x.shape[2] + 2 * down, x.shape[3] + 2 * right)):
            return self.fewer(F.pad(x, (right, right, down, down)), size)
        return self._direct(x, self.padding)

    def valid(self, x: Tensor) -> Tensor:
        """Of a part of a value (n,C,h,w) that brings its own border along."""
        if self.fewer is not None and (size := self.fewer.pays(len(x), *x.shape[2:])):
            return self.fewer(x, size)
        return self._direct(x, [0, 0])

    def is_small(self, count: int, height: int, width: int) -> bool:
        """Whether torch's own way is faster for values (n,C,H,W) of this size."""
        positions = height * width // (self.stride[0] * self.stride[1])
        return count * positions * self.weight.numel() <= _SMALL or (count == 1 and positions <= _FEW)

    def _direct(self, x: Tensor, padding: Sequence[int]) -> Tensor:
        if self.is_small(len(x), *x.shape[2:]):
            return torch.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        # Asked for by name: on one thread torch takes a slower way for kernels of one position and few pictures.
        value: Tensor = torch.mkldnn_convolution(
            x, self.weight, self.bias, padding, self.stride, self.dilation, self.groups
        )
        return value


def convolution(
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Convolution | None:
    """From the arguments of torch's own operation; None for what oneDNN is not asked to do here."""
    if transposed or weight.dtype != torch.float32 or weight.dim() != 4:
        return None
    plain = groups == 1 and [*stride, *dilation] == [1] * 4
    fewer = winograd.prepare(weight, bias) if plain else None
    return Convolution(weight, bias, _two(stride), _two(padding), _two(dilation), groups, fewer)


def _two(values: Sequence[int]) -> list[int]:
    return [values[0], values[-1]]
