"""Convolutions with fewer multiplications: four by four outputs of a 3 x 3 kernel from 36 products instead of 144.

A tile d of 6 x 6 inputs and a kernel g are evaluated as polynomials at six points, multiplied there, and interpolated:
Y = A' [(G g G') * (B' d B)] A. Over all channels the products are 36 small matrix products, in which the time is spent.

Winograd 1980, "Arithmetic Complexity of Computations"; Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", section 4.1, here F(4x4, 3x3). The points 0, 1, -1, 1/2, -2 and infinity lose less than half as many digits as
theirs (0, 1, -1, 2, -2): the largest error is about three times that of the direct convolution in 32 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

KERNEL, OUTPUTS = 3, 4
INPUTS = OUTPUTS + KERNEL - 1
POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)  # and infinity
_ONES = POINTS.index(1.0)  # what is added to the product at this point is added to every output: the bias
# Pictures at once: what the transforms write stays in the cache for the products to read.
_AT_ONCE = 12
# What carrying one channel of one tile into the transform or out of it costs, in multiplications of the direct
# convolution, and how much more a multiplication costs here than there, as measured on AVX-512.
_CARRY, _DEARER = 3800, 1.16


def _evaluation(length: int) -> np.ndarray:
    """(6,length): row i gives the value of a polynomial with ``length`` coefficients at point i, the last at infinity."""
    rows = [[point**power for power in range(length)] for point in POINTS]
    return np.array([*rows, [0.0] * (length - 1) + [1.0]])


_FROM_KERNEL = _evaluation(KERNEL)  # G (6,3)
_FROM_INPUT = np.linalg.inv(_evaluation(INPUTS)).T  # B' (6,6)
_TO_OUTPUT = _evaluation(OUTPUTS).T  # A' (4,6)


@dataclass(frozen=True)
class Winograd:
    """A 3 x 3 convolution with stride 1, ready to be applied: ``products`` (36,K,C) is G g G', ``bias`` (K,) or None."""

    products: Tensor
    bias: Tensor | None

    def pays(self, count: int, height: int, width: int) -> bool:
        """Whether this is estimated to be faster than the direct convolution for so many values of (height, width)."""
        _, out, channels = self.products.shape
        tiles = -(-height // OUTPUTS) * -(-width // OUTPUTS)
        here = tiles * (INPUTS**2 * channels * out * _DEARER + _CARRY * (channels + out))
        return count > 1 and here < 0.9 * KERNEL**2 * height * width * channels * out

    def __call__(self, x: Tensor) -> Tensor:
        """The valid convolution: (n,C,h,w) channels-last to (n,K,h-2,w-2) channels-last."""
        return torch.cat([self._few(part) for part in x.split(_AT_ONCE)])

    def _few(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        down, right = -(-(height - 2) // OUTPUTS), -(-(width - 2) // OUTPUTS)
        rows, columns = OUTPUTS * down + 2, OUTPUTS * right + 2
        image = x.permute(0, 2, 3, 1)  # (n,C,h,w) -> (n,h,w,C), as it lies in memory
        if (rows, columns) != (height, width) or not image.is_contiguous():
            padded = image.new_zeros(n, rows, columns, channels)
            padded[:, :height, :width] = image
            image = padded
        enter, leave = (torch.from_numpy(m).to(x) for m in (_FROM_INPUT, _TO_OUTPUT))
        # B' d B, along the columns before these are cut into overlapping tiles, to carry less.
        strips = image.unfold(1, INPUTS, OUTPUTS).permute(4, 0, 1, 2, 3)  # (6,n,down,columns,C)
        strips = (enter @ strips.reshape(INPUTS, -1)).view(INPUTS, n, down, columns, channels)
        tiles = strips.unfold(3, INPUTS, OUTPUTS).permute(5, 0, 1, 2, 3, 4)  # (6,6,n,down,right,C)
        tiles = (enter @ tiles.reshape(INPUTS, -1)).view(INPUTS**2, -1, channels)  # (36,tiles,C)
        multiplied = torch.stack([self._product(point, tiles[point]) for point in range(INPUTS**2)])  # (36,tiles,K)
        half = (leave @ multiplied.view(INPUTS, -1)).view(OUTPUTS, INPUTS, -1)
        out = (leave @ half).view(OUTPUTS, OUTPUTS, n, down, right, -1)  # (4 x,4 y,n,down,right,K)
        value = out.permute(2, 3, 1, 4, 0, 5).reshape(n, OUTPUTS * down, OUTPUTS * right, -1)
        return value[:, : height - 2, : width - 2].permute(0, 3, 1, 2)  # (n,h,w,K) -> (n,K,h,w)

    def _product(self, point: int, tiles: Tensor) -> Tensor:
        """(tiles,K) at one of the 36 points, by oneDNN, which is twice as fast here as MKL."""
        bias = self.bias if point == _ONES * (INPUTS + 1) else None
        value: Tensor = torch.ops.mkldnn._linear_pointwise(tiles, self.products[point], bias, "none", [], "")
        return value


def prepare(weight: Tensor, bias: Tensor | None, stride: Sequence[int], dilation: Sequence[int]) -> Winograd | None:
    """G g G' for every pair of channels of a kernel (K,C,3,3), in double precision; four times as many numbers.

    None where the kernel is of another kind, or has so few channels that the transforms would never pay.
    """
    if tuple(weight.shape[2:]) != (KERNEL, KERNEL) or [*stride, *dilation] != [1] * 4 or weight.dtype != torch.float32:
        return None
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise") or not torch.backends.mkldnn.is_available():
        return None
    transform = torch.from_numpy(_FROM_KERNEL)
    products = torch.einsum("xj,yi,kcij->xykc", transform, transform, weight.double())
    ready = Winograd(products.reshape(INPUTS**2, *weight.shape[:2]).float(), bias)
    return ready if ready.pays(2, 16 * OUTPUTS, 16 * OUTPUTS) else None


def padded(x: Tensor, padding: tuple[int, int]) -> Tensor:
    """``x`` (n,C,h,w) with zeros around it, as a convolution with this padding sees it; channels-last stays."""
    return F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
