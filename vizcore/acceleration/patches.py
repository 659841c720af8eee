"""Cutting patches out of a kept activation, laying changed regions over them, and pooling them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vizcore.acceleration.regions import Ints, Slide


@dataclass(frozen=True)
class Kept:
    """A value of the unchanged picture, (top+H+bottom, left+W+right, C), padded once for all windows."""

    padded: Tensor
    top: int
    left: int


def keep(value: Tensor, padding: tuple[int, int, int, int] = (0, 0, 0, 0), outside: float = 0.0) -> Kept:
    """A copy of a value (1,C,H,W) with ``outside`` around it; ``padding`` is (top, left, bottom, right)."""
    (_, channels, height, width), (top, left, bottom, right) = value.shape, padding
    padded = value.new_full((top + height + bottom, left + width + right, channels), outside)
    padded[top : top + height, left : left + width] = value[0].permute(1, 2, 0)  # (C,H,W) -> (H,W,C)
    return Kept(padded, top, left)


def cut(kept: Kept, y: Ints, x: Ints, height: int, width: int, into: Tensor | None = None) -> Tensor:
    """(n,C,h,w), channels last: pieces of a value with their corners at y (n,) and x (n,), which may be negative.

    Written to ``into`` (n,C,h,w) if given. The caller keeps the pieces inside the padding.
    """
    source = kept.padded
    if into is None:
        into = source.new_empty(len(y), height, width, source.shape[2]).permute(0, 3, 1, 2)  # (n,h,w,C) -> (n,C,h,w)
    pieces = into.permute(0, 2, 3, 1).unbind()  # (n,C,h,w) -> n of (h,w,C)
    for piece, top, left in zip(pieces, (y + kept.top).tolist(), (x + kept.left).tolist(), strict=True):
        piece.copy_(source[top : top + height, left : left + width])
    return into


def overlay(patch: Tensor, region: Tensor, y: Ints, x: Ints) -> None:
    """Lay each region (n,C,a,b) over its patch (n,C,h,w), in place, at y (n,) and x (n,); what juts out is cut off."""
    down, right = _common(y, patch.shape[2], region.shape[2]), _common(x, patch.shape[3], region.shape[3])
    if (y == y[0]).all() and (x == x[0]).all():  # alike in all windows: one copy
        (to_y, from_y), (to_x, from_x) = down[0], right[0]
        patch[:, :, to_y, to_x] = region[:, :, from_y, from_x]
        return
    pairs = zip(patch.unbind(), region.unbind(), down, right, strict=True)
    for piece, changed, (to_y, from_y), (to_x, from_x) in pairs:
        piece[:, to_y, to_x] = changed[:, from_y, from_x]


def _common(offsets: Ints, patch: int, region: int) -> list[tuple[slice, slice]]:
    """For each offset of a region in a patch, the slices of the patch and of the region that coincide, on one axis."""
    ends = [(max(0, at), min(patch, at + region), at) for at in offsets.tolist()]
    return [(slice(low, max(low, high)), slice(low - at, max(low, high) - at)) for low, high, at in ends]


def max_pool(patch: Tensor, slides: Sequence[Slide]) -> Tensor:
    """out[o] = max over j of patch[o s + j d], (n,C,h,w) -> (n,C,h',w'), one axis after the other, without padding.

    The same numbers as torch's, which also looks for the place of each maximum and takes up to three times as long.
    """
    for axis, slide in zip((2, 3), slides, strict=True):
        count = (patch.shape[axis] - slide.span) // slide.stride + 1
        reads = []
        for j in range(slide.kernel):
            index: list[slice] = [slice(None)] * 4
            begin = j * slide.dilation
            index[axis] = slice(begin, begin + (count - 1) * slide.stride + 1, slide.stride)
            reads.append(patch[tuple(index)])
        pooled = torch.maximum(reads[0], reads[min(1, len(reads) - 1)])
        for read in reads[2:]:
            torch.maximum(pooled, read, out=pooled)
        patch = pooled
    return patch


def region_sum(region: Tensor) -> Tensor:
    """(n,C) sums over the positions of a region (n,C,h,w)."""
    rows = region.permute(0, 2, 3, 1)  # (n,C,h,w) -> (n,h,w,C), as it lies in memory
    return rows.flatten(1, 2).sum(1)


def nowhere(count: int) -> Ints:
    """(n,) zeros: the corner of the whole value, for each of n windows."""
    return np.zeros(count, dtype=np.int64)
