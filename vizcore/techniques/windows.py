"""The grid of windows that occlusion works off from coarse to fine, and what is assumed between them meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

T = TypeVar("T")


def starts(length: int, window: int, stride: int) -> list[int]:
    """0, stride, 2 stride, ..., and always length - window: the last window ends at the edge and leaves no pixel out.

    Zeiler & Fergus do not say what happens at the edge; Captum cuts the last window instead of shifting it.
    """
    last = length - window
    return [*range(0, last, stride), last]


@dataclass(frozen=True)
class Level:
    """One round of the grid: ``cells`` are new in it; with it every crossing of ``rows`` and ``columns`` is known."""

    rows: list[int]
    columns: list[int]
    cells: list[tuple[int, int]]


def coarse_to_fine(height: int, width: int, at_once: int) -> list[Level]:
    """Every cell of a (height, width) grid once, in rounds whose spacing halves, each with both ends of each axis.

    The first round has at most ``at_once`` cells (at least 4).
    """
    spacing = 1
    while len(_lattice(height, spacing)) * len(_lattice(width, spacing)) > at_once:
        spacing *= 2
    levels: list[Level] = []
    known: set[tuple[int, int]] = set()
    while spacing >= 1:
        rows, columns = _lattice(height, spacing), _lattice(width, spacing)
        cells = [(r, c) for r in rows for c in columns if (r, c) not in known]
        known.update(cells)
        levels.append(Level(rows, columns, cells))
        spacing //= 2
    return levels


def _lattice(length: int, spacing: int) -> list[int]:
    return [*range(0, length - 1, spacing), length - 1]


def interpolate(level: Level, drop: Tensor, top_class: Tensor, done: Tensor) -> None:
    """Fill in the cells not yet computed, in place: bilinearly for the drop, by the nearest cell for the class."""
    down, right = _weights(done.shape[0], level.rows), _weights(done.shape[1], level.columns)  # (gh,a), (gw,b)
    between = down @ drop[level.rows][:, level.columns] @ right.T  # (gh,a) (a,b) (b,gw) -> (gh,gw)
    nearest = top_class[level.rows][:, level.columns][down.argmax(1)][:, right.argmax(1)]  # (a,b) -> (gh,gw)
    drop.copy_(torch.where(done, drop, between))
    top_class.copy_(torch.where(done, top_class, nearest))


def _weights(length: int, known: list[int]) -> Tensor:
    """(length, len(known)) weights that interpolate linearly between the known places of an axis."""
    places, unit = np.arange(length), np.eye(len(known))
    columns = [np.interp(places, known, unit[k]) for k in range(len(known))]
    return torch.from_numpy(np.stack(columns, axis=1)).float()


def evenly(items: list[T], most: int) -> list[list[T]]:
    """As few runs as have at most ``most`` items each, their lengths alike up to one: one item alone is the dearest."""
    count = -(-len(items) // most)
    ends = [len(items) * k // max(1, count) for k in range(count + 1)]
    return [items[begin:end] for begin, end in pairwise(ends)]
