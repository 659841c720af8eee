"""Average pooling for display: signed values of single pixels become specks where a picture has many of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FINE = 128  # pixels along a side: up to these single ones can be distinguished on a screen
BLOCKS = 64  # at most, along a longer side


def block(height: int, width: int) -> int:
    """The side b of the blocks in pixels: 1 up to ``FINE`` pixels, else so that at most ``BLOCKS`` lie along a side."""
    longer = max(height, width)
    if min(height, width) < 1:
        raise ValueError(f"height and width are {height} and {width}; accepted: at least 1.")
    return 1 if longer <= FINE else -(-longer // BLOCKS)


def means(values: ArrayLike, side: int) -> NDArray[np.float32]:
    """Every value of (H,W) replaced by the mean of its block of ``side`` x ``side``; the last blocks may be smaller.

    The size and the sum stay as they are (up to rounding): what cancels within a block cancels, nothing else is lost.
    Raises ValueError for values that are not (H,W) and a ``side`` below 1.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or side < 1:
        raise ValueError(f"values has shape {array.shape}, side is {side!r}; accepted: (H,W), and at least 1.")
    edges = [np.arange(0, length, side) for length in array.shape]
    sums = np.add.reduceat(np.add.reduceat(array, edges[0], axis=0), edges[1], axis=1)  # (H,W) -> (blocks down, across)
    sizes = [np.diff([*edge, length]) for edge, length in zip(edges, array.shape, strict=True)]
    pooled = sums / np.outer(*sizes)
    return pooled.repeat(sizes[0], axis=0).repeat(sizes[1], axis=1).astype(np.float32)  # -> (H,W)
