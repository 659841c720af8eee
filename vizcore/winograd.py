"""Convolutions with fewer multiplications: four by four outputs of a 3 x 3 kernel from 36 products instead of 144.

A tile d of 6 x 6 inputs and a kernel g are evaluated as polynomials at six points, multiplied there, and interpolated:
Y = A' [(G g G') * (B' d B)] A. Over all channels the products are 36 small matrix products, in which the time is spent.

Winograd 1980, "Arithmetic Complexity of Computations"; Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", section 4.1, here F(4x4, 3x3). With 1/2 in place of their point 2 the largest error is less than half as
large, about three times that of the direct convolution in 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

KERNEL, OUTPUTS = 3, 4
INPUTS = OUTPUTS + KERNEL - 1
POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)  # and infinity
_ONES = POINTS.index(1.0)  # what is added to the product at this point is added to every output: the bias
# Numbers that the transforms handle at a time, so that their steps find them in the cache.
_IN_CACHE = 400_000
# What carrying one channel of one tile into the transform or out of it costs, in multiplications of the direct
# convolution, and how much more a multiplication costs here than there, as measured on AVX-512.
_CARRY, _DEARER = 5000, 1.16


def _evaluation(length: int) -> np.ndarray:
    """(6,length): row i gives the value of a polynomial of ``length`` coefficients at point i, the last at infinity."""
    rows = [[point**power for power in range(length)] for point in POINTS]
    return np.array([*rows, [0.0] * (length - 1) + [1.0]])


_FROM_KERNEL = _evaluation(KERNEL)  # G (6,3)
_FROM_INPUT = np.linalg.inv(_evaluation(INPUTS)).T  # B' (6,6)
_TO_OUTPUT = _evaluation(OUTPUTS).T  # A' (4,6)
_INTO, _OUT_OF = (torch.from_numpy(matrix).float() for matrix in (_FROM_INPUT, _TO_OUTPUT))


@dataclass(frozen=True)
class Winograd:
    """A 3 x 3 convolution with stride 1: ``products`` (36,K,C) is G g G' of its kernels, ``bias`` (K,) or None."""

    products: Tensor
    bias: Tensor | None

    def pays(self, count: int, height: int, width: int) -> bool:
        """Whether this is estimated to be faster than the direct way for ``count`` values of (height, width)."""
        _, out, channels = self.products.shape
        height, width = height - KERNEL + 1, width - KERNEL + 1
        tiles = -(-height // OUTPUTS) * -(-width // OUTPUTS)
        here = tiles * (INPUTS**2 * channels * out * _DEARER + _CARRY * (channels + out))
        return count > 1 and here < 0.9 * KERNEL**2 * height * width * channels * out

    def __call__(self, x: Tensor) -> Tensor:
        """The valid convolution: (n,C,h,w) channels-last to (n,K,h-2,w-2) channels-last."""
        n, channels, height, width = x.shape
        down, right = -(-(height - 2) // OUTPUTS), -(-(width - 2) // OUTPUTS)
        few = max(1, min(n, _IN_CACHE // (down * right * INPUTS**2 * channels)))
        tiles = x.new_empty(INPUTS**2, n, down * right, channels)
        for begin in range(0, n, few):
            tiles[:, begin : begin + few] = self._enter(x[begin : begin + few], down, right)
        flat = tiles.view(INPUTS**2, -1, channels)
        products = [self._product(point, flat[point]) for point in range(INPUTS**2)]  # 36 of (tiles,K)
        out = x.new_empty(n, OUTPUTS * down, OUTPUTS * right, self.products.shape[1])
        for begin in range(0, n, few):
            count = min(few, n - begin)
            part = torch.stack([p[begin * down * right : (begin + count) * down * right] for p in products])
            self._leave(part, out[begin : begin + few].view(count, down, OUTPUTS, right, OUTPUTS, -1))
        return out[:, : height - 2, : width - 2].permute(0, 3, 1, 2)  # (n,h,w,K) -> (n,K,h,w)

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

    def _product(self, point: int, tiles: Tensor) -> Tensor:
        """(tiles,K) at one of the 36 points, by oneDNN, which is twice as fast here as MKL."""
        bias = self.bias if point == _ONES * (INPUTS + 1) else None
        value: Tensor = torch.ops.mkldnn._linear_pointwise(tiles, self.products[point], bias, "none", [], "")
        return value


def products(weight: Tensor) -> Tensor:
    """G g G' (36,K,C) for every pair of channels of a kernel (K,C,3,3): four times as many numbers."""
    transform = torch.from_numpy(_FROM_KERNEL).float()
    both = torch.einsum("xj,yi->xyji", transform, transform).reshape(INPUTS**2, KERNEL**2)
    flat = weight.transpose(2, 3).reshape(-1, KERNEL**2)  # (K,C,3 y,3 x) -> (K C, 3 x 3 y)
    return (both @ flat.T).view(INPUTS**2, *weight.shape[:2])


def prepare(weight: Tensor, bias: Tensor | None) -> Winograd | None:
    """The convolution with a kernel (K,C,3,3); None for another kernel, or where the transforms would never pay."""
    if tuple(weight.shape[2:]) != (KERNEL, KERNEL) or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    ready = Winograd(weight.new_empty(INPUTS**2, *weight.shape[:2], device="meta"), bias)
    if not ready.pays(2, 16 * OUTPUTS + 2, 16 * OUTPUTS + 2):
        return None
    return Winograd(products(weight), bias)
