"""Convolutions with fewer multiplications: m by m outputs of an r x r kernel from (m + r - 1)^2 products, not m^2 r^2.

A tile d of n x n inputs, n = m + r - 1, and a kernel g are evaluated as polynomials at n points, multiplied there, and
interpolated: Y = A' [(G g G') * (B' d B)] A. Over all channels the products are n^2 small matrix products, in which the
time is spent: for a 3 x 3 kernel 36 in place of 144 multiplications of 4 x 4 outputs or 49 in place of 225 of 5 x 5,
whichever fits the value better; for a 5 x 5 kernel 64 in place of 400 of 4 x 4.

Winograd 1980, "Arithmetic Complexity of Computations"; Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", section 4.1. More points cost precision (Barabasz et al. 2020, "Error analysis and improving the accuracy of
Winograd convolution for deep neural networks"); these were picked for little: in 32 bits the error is three (n = 6) to
seven times (n = 7, 8) that of the direct convolution.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from vizcore.acceleration.product import able, laid, multiply

# The n - 1 points beside infinity, for each n.
POINTS = {
    6: (0.0, 1.0, -1.0, 0.5, -2.0),
    7: (0.0, 1.0, -1.0, 0.5, 2.0, -1.5),
    8: (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0),
}
_ONE = 1  # where the points have 1.0: what is added to the product there is added to every output, as the bias is
SIZES = {3: (4, 5), 5: (4,)}  # m to choose from, for each r
# Numbers that the transforms handle at a time, so that their steps find them in the cache.
_IN_CACHE = 400_000
# Memory: tiles of so many numbers at a time, and so many numbers of kernels, which are transformed anew each time where
# they are not kept. Fewer tiles where that need not be often.
_TILES, _KERNELS = 6_000_000, 4_700_000
# Bytes for all of this, about: tiles, products, and kernels that are not kept.
ROOM = 4 * (2 * _TILES + _KERNELS)
# For one point, in multiplications of the direct convolution (on AVX-512): carrying one channel of one tile into the
# transform or out of it; transforming one kernel; how much dearer a multiplication is here, and how many tiles more
# would take as long as reading the kernels does.
_CARRY, _TRANSFORM, _DEARER, _READ = 139, 110, 1.2, 20


@dataclass(frozen=True)
class _Matrices:
    """G g G' as (n^2,r^2), whose row n x + y evaluates a kernel at point x across and y down; B' (n,n); A' (m,n)."""

    both: Tensor
    into: Tensor
    out_of: Tensor


@cache
def matrices(outputs: int, kernel: int) -> _Matrices:
    """What evaluates at the points and interpolates, for m = ``outputs`` and r = ``kernel``."""
    inputs = outputs + kernel - 1

    def evaluation(length: int) -> np.ndarray:
        """(n,length): row i gives the value of a polynomial of ``length`` coefficients at point i."""
        rows = [[point**power for power in range(length)] for point in POINTS[inputs]]
        return np.array([*rows, [0.0] * (length - 1) + [1.0]])  # at infinity the leading coefficient

    g = evaluation(kernel)
    both = np.einsum("xj,yi->xyij", g, g).reshape(inputs**2, kernel**2)
    found = (both, np.linalg.inv(evaluation(inputs)).T, evaluation(outputs).T)
    return _Matrices(*(torch.from_numpy(np.ascontiguousarray(matrix)).float() for matrix in found))


class Winograd:
    """A convolution with stride 1 and an r x r kernel: ``weight`` (K,C,r,r), ``bias`` (K,) or None.

    ``keep``: its transformed kernels are kept from their first use on. Safe to share between threads.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, keep: bool = False) -> None:
        self.weight, self.bias, self._keep = weight, bias, keep
        self._kernel = int(weight.shape[-1])
        self._kept: dict[int, list[Tensor]] = {}
        self._lock = threading.Lock()

    @property
    def kernel_bytes(self) -> int:
        """What the transformed kernels take, for all sizes of tiles: 4 to 10 times the weights."""
        every = sum(points(outputs, self._kernel) for outputs in SIZES[self._kernel])
        return every * self.weight.shape[0] * self.weight.shape[1] * self.weight.element_size()

    def keeping(self) -> Winograd:
        """The same, its transformed kernels kept from their first use on."""
        return Winograd(self.weight, self.bias, keep=True)

    def pays(self, count: int, height: int, width: int) -> int:
        """The size m with which ``count`` values of (height, width) are estimated to be fastest done; 0: directly."""
        wide = [length - self._kernel + 1 for length in (height, width)]
        direct = 0.9 * self._kernel**2 * count * wide[0] * wide[1] * self.weight.shape[0] * self.weight.shape[1]
        costs = {0: direct} | {m: self._cost(m, count, *wide) for m in SIZES[self._kernel]}
        return min(costs, key=costs.__getitem__) if count > 1 else 0  # one value alone would read all kernels for it

    def _cost(self, outputs: int, count: int, height: int, width: int) -> float:
        """Of ``count`` values of (height, width), in multiplications of the direct convolution."""
        out, channels = self.weight.shape[:2]
        tiles = count * -(-height // outputs) * -(-width // outputs)
        each = (tiles + _READ) * channels * out * _DEARER + tiles * _CARRY * (channels + out)
        return points(outputs, self._kernel) * (each + (0 if self._keep else _TRANSFORM * channels * out))

    def __call__(self, x: Tensor, outputs: int) -> Tensor:
        """The valid convolution: (n,C,h,w) channels-last to (n,K,h-r+1,w-r+1) channels-last, by tiles of this size."""
        n, channels, height, width = x.shape
        height, width = height - self._kernel + 1, width - self._kernel + 1
        down, right = -(-height // outputs), -(-width // outputs)
        shape = (n, len(self.weight), outputs * down, outputs * right)
        out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        kernels = self._ready(outputs) if self._keep else None
        most = _TILES if kernels is None else _TILES // 2
        count = max(1, most // (down * right * points(outputs, self._kernel) * channels))
        rows = out.permute(0, 2, 3, 1)  # (n,K,h,w) -> (n,h,w,K), as it lies in memory
        for some, into in zip(x.split(count), rows.split(count), strict=True):
            self._apply(some, into.view(len(some), down, outputs, right, outputs, -1), kernels)
        return out if (height, width) == shape[2:] else out[:, :, :height, :width]

    def _apply(self, x: Tensor, out: Tensor, kernels: list[Tensor] | None) -> None:
        """Of a few values (n,C,h,w), written to ``out`` (n,down,m,right,m,K)."""
        n, down, outputs, right = out.shape[:4]
        channels, each, every = x.shape[1], down * right, points(outputs, self._kernel)  # each: tiles of one value
        few = max(1, min(n, _IN_CACHE // (each * every * channels)))
        tiles = x.new_empty(every, n, each, channels)
        for begin in range(0, n, few):
            tiles[:, begin : begin + few] = self._enter(x[begin : begin + few], down, right, outputs)
        flat = tiles.view(every, -1, channels)
        step = max(1, _KERNELS // (every * channels)) if kernels is None else len(self.weight)
        for first in range(0, len(self.weight), step):
            some = slice(first, first + step)
            at_points = self._products(flat, some, kernels or list(transformed(self.weight[some], outputs)))
            few = max(1, min(n, _IN_CACHE // (each * every * at_points[0].shape[1])))
            for begin in range(0, n, few):
                rows = slice(begin * each, (begin + few) * each)
                part = torch.stack([point[rows] for point in at_points])
                self._leave(part, out[begin : begin + few, ..., some])

    def _enter(self, x: Tensor, down: int, right: int, outputs: int) -> Tensor:
        """B' d B for every tile, (n^2,count,tiles,C)."""
        n, channels, height, width = x.shape
        inputs, into = outputs + self._kernel - 1, matrices(outputs, self._kernel).into
        rows, columns = outputs * down + self._kernel - 1, outputs * right + self._kernel - 1
        image = x.permute(0, 2, 3, 1)  # (n,C,h,w) -> (n,h,w,C), as it lies in memory
        if (rows, columns) != (height, width) or not image.is_contiguous():
            padded = image.new_zeros(n, rows, columns, channels)
            padded[:, :height, :width] = image
            image = padded
        # Along the rows before the columns are cut into overlapping tiles, to carry less.
        strips = image.unfold(1, inputs, outputs).permute(4, 0, 1, 2, 3)  # (inputs,n,down,columns,C)
        strips = (into @ strips.reshape(inputs, -1)).view(inputs, n, down, columns, channels)
        tiles = strips.unfold(3, inputs, outputs).permute(5, 0, 1, 2, 3, 4)  # (inputs,inputs,n,down,right,C)
        return (into @ tiles.reshape(inputs, -1)).view(inputs**2, n, down * right, channels)

    def _leave(self, products: Tensor, into: Tensor) -> None:
        """A' p A for every tile, written to ``into`` (n,down,m,right,m,K)."""
        n, down, outputs, right, _, _ = into.shape
        inputs, out_of = outputs + self._kernel - 1, matrices(outputs, self._kernel).out_of
        half = (out_of @ products.view(inputs, -1)).view(outputs, inputs, -1)
        out = (out_of @ half).view(outputs, outputs, n, down, right, -1)  # (m across,m down,n,down,right,K)
        into.copy_(out.permute(2, 3, 1, 4, 0, 5))

    def _products(self, tiles: Tensor, out: slice, kernels: list[Tensor]) -> list[Tensor]:
        """(tiles,k) at each point, for some of the channels out."""
        biased = _ONE * (round(len(kernels) ** 0.5) + 1)
        bias = None if self.bias is None else self.bias[out]
        biases = [bias if point == biased else None for point in range(len(kernels))]
        return [multiply(*each) for each in zip(tiles, kernels, biases, strict=True)]

    def _ready(self, outputs: int) -> list[Tensor]:
        """The kernel at each point, laid out as oneDNN multiplies them."""
        with self._lock:
            if outputs not in self._kept:
                self._kept[outputs] = [laid(kernel) for kernel in transformed(self.weight, outputs)]
            return self._kept[outputs]


def points(outputs: int, kernel: int) -> int:
    """n^2: products for one tile, for each pair of channels."""
    return (outputs + kernel - 1) ** 2


def transformed(weight: Tensor, outputs: int) -> Tensor:
    """G g G' (n^2,K,C) for every pair of channels of a kernel (K,C,r,r)."""
    kernel = weight.shape[-1]
    flat = weight.permute(2, 3, 0, 1).reshape(kernel**2, -1)  # (K,C,r,r) -> (r r,K C)
    values = multiply(matrices(outputs, kernel).both, flat.t())
    return values.view(points(outputs, kernel), *weight.shape[:2])  # (n^2,K C) -> (n^2,K,C)


def prepare(weight: Tensor, bias: Tensor | None) -> Winograd | None:
    """The convolution with a kernel (K,C,r,r); None for another kernel, or where the transforms would never pay."""
    height, width = weight.shape[2:]
    if height != width or height not in SIZES or not able():
        return None
    side = 80 + height - 1  # many tiles of each size, all of them full
    ready = Winograd(weight, bias)
    return ready if ready.pays(64, side, side) else None
