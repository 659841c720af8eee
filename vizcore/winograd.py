"""Convolutions with fewer multiplications: four by four outputs of a 3 x 3 kernel from 36 products instead of 144.

A tile d of 6 x 6 inputs and a kernel g are evaluated as polynomials at six points, multiplied there, and interpolated:
Y = A' [(G g G') * (B' d B)] A. Over all channels the products are 36 small matrix products, in which the time is spent.

Winograd 1980, "Arithmetic Complexity of Computations"; Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", section 4.1, here F(4x4, 3x3). With 1/2 in place of their point 2 the largest error is less than half as
large, about three times that of the direct convolution in 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

KERNEL, OUTPUTS = 3, 4
INPUTS = OUTPUTS + KERNEL - 1
POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)  # and infinity
_ONES = POINTS.index(1.0)  # what is added to the product at this point is added to every output: the bias
# Numbers that the transforms handle at a time, so that their steps find them in the cache.
_IN_CACHE = 400_000
# Memory: tiles of so many numbers at a time, and so many kernels (pairs of channels), which are transformed anew each
# time where they are not kept, for less than a tenth of what is gained. Fewer tiles where that need not be often.
_TILES, _KERNELS = 6_000_000, 131_072
# Bytes for all of this, about: tiles, products, and kernels that are not kept.
ROOM = 4 * (2 * _TILES + INPUTS**2 * _KERNELS)
# What carrying one channel of one tile into the transform or out of it costs, and transforming one kernel, in
# multiplications of the direct convolution; and how much more a multiplication costs here than there (on AVX-512).
_CARRY, _TRANSFORM, _DEARER = 5000, 3000, 1.16


def _evaluation(length: int) -> np.ndarray:
    """(6,length): row i gives the value of a polynomial of ``length`` coefficients at point i, the last at infinity."""
    rows = [[point**power for power in range(length)] for point in POINTS]
    return np.array([*rows, [0.0] * (length - 1) + [1.0]])


_FROM_KERNEL = _evaluation(KERNEL)  # G (6,3)
_FROM_INPUT = np.linalg.inv(_evaluation(INPUTS)).T  # B' (6,6)
_TO_OUTPUT = _evaluation(OUTPUTS).T  # A' (4,6)
_INTO, _OUT_OF = (torch.from_numpy(matrix).float() for matrix in (_FROM_INPUT, _TO_OUTPUT))
# (36,9): row 6 x + y evaluates a kernel at point x across and point y down.
_BOTH = torch.from_numpy(np.einsum("xj,yi->xyij", _FROM_KERNEL, _FROM_KERNEL).reshape(INPUTS**2, KERNEL**2)).float()


@dataclass(frozen=True)
class Winograd:
    """A 3 x 3 convolution with stride 1: ``weight`` (K,C,3,3), ``bias`` (K,) or None; ``kernels`` if they are kept."""

    weight: Tensor
    bias: Tensor | None
    kernels: Tensor | None = None

    @property
    def kernel_bytes(self) -> int:
        """What the transformed kernels take: four times the weights."""
        return INPUTS**2 * self.weight.shape[0] * self.weight.shape[1] * self.weight.element_size()

    def keeping(self) -> Winograd:
        """The same with its kernels transformed once for all."""
        return replace(self, kernels=products(self.weight))

    def pays(self, count: int, height: int, width: int) -> bool:
        """Whether this is estimated to be faster than the direct way for ``count`` values of (height, width)."""
        out, channels = self.weight.shape[:2]
        height, width = height - KERNEL + 1, width - KERNEL + 1
        tiles = count * -(-height // OUTPUTS) * -(-width // OUTPUTS)
        here = tiles * (INPUTS**2 * channels * out * _DEARER + _CARRY * (channels + out))
        here += _TRANSFORM * channels * out if self.kernels is None else 0
        return count > 1 and here < 0.9 * KERNEL**2 * count * height * width * channels * out

    def __call__(self, x: Tensor) -> Tensor:
        """The valid convolution: (n,C,h,w) channels-last to (n,K,h-2,w-2) channels-last."""
        n, channels, height, width = x.shape
        down, right = -(-(height - 2) // OUTPUTS), -(-(width - 2) // OUTPUTS)
        out = x.new_empty(n, OUTPUTS * down, OUTPUTS * right, len(self.weight))
        most = _TILES if self.kernels is None else _TILES // 2
        count = max(1, most // (down * right * INPUTS**2 * channels))
        for some, into in zip(x.split(count), out.split(count), strict=True):
            self._apply(some, into.view(len(some), down, OUTPUTS, right, OUTPUTS, -1))
        return out[:, : height - 2, : width - 2].permute(0, 3, 1, 2)  # (n,h,w,K) -> (n,K,h,w)

    def _apply(self, x: Tensor, out: Tensor) -> None:
        """Of a few values (n,C,h,w), written to ``out`` (n,down,4,right,4,K)."""
        n, down, _, right = out.shape[:4]
        channels, each = x.shape[1], down * right  # tiles of one value
        few = max(1, min(n, _IN_CACHE // (each * INPUTS**2 * channels)))
        tiles = x.new_empty(INPUTS**2, n, each, channels)
        for begin in range(0, n, few):
            tiles[:, begin : begin + few] = self._enter(x[begin : begin + few], down, right)
        flat = tiles.view(INPUTS**2, -1, channels)
        step = max(1, _KERNELS // channels) if self.kernels is None else len(self.weight)
        for first in range(0, len(self.weight), step):
            at_points = self._products(flat, slice(first, first + step))
            for begin in range(0, n, few):
                rows = slice(begin * each, (begin + few) * each)
                part = torch.stack([point[rows] for point in at_points])
                self._leave(part, out[begin : begin + few, ..., first : first + step])

    def _enter(self, x: Tensor, down: int, right: int) -> Tensor:
        """B' d B for every tile, (36,n,tiles,C)."""
        n, channels, height, width = x.shape
        rows, columns = OUTPUTS * down + 2, OUTPUTS * right + 2
        image = x.permute(0, 2, 3, 1)  # (n,C,h,w) -> (n,h,w,C), as it lies in memory
        if (rows, columns) != (height, width) or not image.is_contiguous():
            padded = image.new_zeros(n, rows, columns, channels)
            padded[:, :height, :width] = image
            image = padded
        # Along the rows before the columns are cut into overlapping tiles, to carry less.
        strips = image.unfold(1, INPUTS, OUTPUTS).permute(4, 0, 1, 2, 3)  # (6,n,down,columns,C)
        strips = (_INTO @ strips.reshape(INPUTS, -1)).view(INPUTS, n, down, columns, channels)
        tiles = strips.unfold(3, INPUTS, OUTPUTS).permute(5, 0, 1, 2, 3, 4)  # (6,6,n,down,right,C)
        return (_INTO @ tiles.reshape(INPUTS, -1)).view(INPUTS**2, n, down * right, channels)

    @staticmethod
    def _leave(products: Tensor, into: Tensor) -> None:
        """A' m A for every tile, written to ``into`` (n,down,4,right,4,K)."""
        n, down, _, right, _, _ = into.shape
        half = (_OUT_OF @ products.view(INPUTS, -1)).view(OUTPUTS, INPUTS, -1)
        out = (_OUT_OF @ half).view(OUTPUTS, OUTPUTS, n, down, right, -1)  # (4 x,4 y,n,down,right,K)
        into.copy_(out.permute(2, 3, 1, 4, 0, 5))

    def _products(self, tiles: Tensor, out: slice) -> list[Tensor]:
        """36 of (tiles,k) for some of the channels out: at each point, by oneDNN, twice as fast here as MKL."""
        operation, biased = torch.ops.mkldnn._linear_pointwise, _ONES * (INPUTS + 1)
        bias = None if self.bias is None else self.bias[out]
        biases = [bias if point == biased else None for point in range(INPUTS**2)]
        kernels = products(self.weight[out]) if self.kernels is None else self.kernels[:, out]
        return [operation(*each, "none", [], "") for each in zip(tiles, kernels, biases, strict=True)]


def products(weight: Tensor) -> Tensor:
    """G g G' (36,K,C) for every pair of channels of a kernel (K,C,3,3): four times as many numbers."""
    flat = weight.permute(2, 3, 0, 1).reshape(KERNEL**2, -1)  # (K,C,3,3) -> (9,K C)
    return (_BOTH @ flat).view(INPUTS**2, *weight.shape[:2])


def prepare(weight: Tensor, bias: Tensor | None) -> Winograd | None:
    """The convolution with a kernel (K,C,3,3); None for another kernel, or where the transforms would never pay."""
    if tuple(weight.shape[2:]) != (KERNEL, KERNEL) or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    ready = Winograd(weight, bias)
    return ready if ready.pays(64, 16 * OUTPUTS + 2, 16 * OUTPUTS + 2) else None
